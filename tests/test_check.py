"""The doctor: what is well, what is not, what to do about it, and that examining changes nothing."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import wave
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import cv2
import paho.mqtt.client as paho
import pytest
from rich.console import Console

from device import check
from device.check import broker as broker_check
from device.check import camera, finding, machine, running, snapcast
from device.check import music as music_check
from device.check.finding import Finding, Verdict
from device.config.schema import CameraConfig, Config, MqttConfig, MusicConfig, PlayerConfig, UpnpConfig
from device.demo.broker import PLACES, PrivateBroker
from device.demo.show import write
from device.domain import HealthReport, Memory
from device.mqtt.topics import Topics
from device.music.audio import alsa
from device.music.library.catalogue import Catalogue
from device.store.database import Store
from device.store.instance import Running, read_running
from tools.people import script

ROOT = Path(__file__).resolve().parent.parent
TOPICS = Topics("affetto", "patient")

needs_mosquitto = pytest.mark.skipif(
    shutil.which("mosquitto", path=PLACES) is None, reason="Mosquitto is not installed (apt-get install mosquitto)"
)


def only(findings: Iterator[Finding]) -> Finding:
    (finding,) = findings
    return finding


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def broker() -> Iterator[PrivateBroker]:
    with PrivateBroker("nurse", "secret") as running:
        yield running


@pytest.fixture
def music(tmp_path: Path) -> Path:
    """A folder with one short track."""
    folder = tmp_path / "music" / "happy"
    folder.mkdir(parents=True)
    with wave.open(str(folder / "tick.wav"), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(32000))
    return tmp_path / "music"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Somebody from the demo's play, from the front."""
    folder = tmp_path_factory.mktemp("pictures")
    shown = [shot for shot in script.script() if shot.intended][20:26]
    for shot in shown:
        cv2.imwrite(str(folder / f"{shot.number}.png"), script.take(shot))
    return folder


# --- Program, clock, models, state ------------------------------------------------------------------------------


def test_the_program_names_its_versions() -> None:
    finding = only(machine.program())
    assert finding.verdict is Verdict.WELL
    assert all(name in finding.words for name in ("Python 3.", "numpy", "opencv-python-headless", "paho-mqtt"))


@pytest.mark.parametrize("gone", ["rich", "tflite"])
def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch, gone: str) -> None:
    missing = machine.RUNTIMES if gone == "tflite" else (gone,)
    monkeypatch.setattr(machine, "_version", lambda name: "" if name in missing else "1.0")
    first, _ = machine.program()
    assert first.verdict is Verdict.PROBLEM
    assert " or ".join(missing) in first.words
    assert "install.sh" in first.advice


@pytest.mark.parametrize(
    ("now_s", "state", "verdict"),
    [
        (0.0, 5, Verdict.PROBLEM),  # a board without battery or network
        (4e9, 5, Verdict.NOTE),
        (4e9, 0, Verdict.WELL),
    ],
)
def test_a_clock_nobody_has_set_is_noticed(now_s: float, state: int, verdict: Verdict) -> None:
    assert only(machine.clock(now_s, state)).verdict is verdict


def test_the_kernel_is_asked_about_its_clock() -> None:
    assert 0 <= machine._clock_state() <= machine.TIME_ERROR


def test_shipped_models_are_well(models_dir: Path) -> None:
    found = list(machine.models(models_dir))
    assert [finding.words.split()[0] for finding in found] == ["face_detector", "emotion", "music_mood"]
    assert all(finding.verdict is Verdict.WELL and "sha256" in finding.words for finding in found)


def spoil(folder: Path) -> None:
    path = folder / "emotion.tflite"
    path.write_bytes(path.read_bytes()[:-100])


def lose(folder: Path) -> None:
    (folder / "emotion.json").unlink()


@pytest.mark.parametrize(("harm", "words"), [(spoil, "install the models again"), (lose, "is missing")])
def test_a_bad_model_is_one_problem_and_the_others_are_still_examined(
    models_dir: Path, tmp_path: Path, harm: Callable[[Path], None], words: str
) -> None:
    folder = shutil.copytree(models_dir, tmp_path / "models")
    harm(folder)
    found = list(machine.models(folder))
    assert [finding.verdict for finding in found] == [Verdict.WELL, Verdict.PROBLEM, Verdict.WELL]
    assert words in found[1].words


def test_a_state_folder_is_tried_and_left_as_it_was(tmp_path: Path) -> None:
    finding = only(machine.state(tmp_path))
    assert finding.verdict is Verdict.WELL
    assert "can be written" in finding.words
    assert list(tmp_path.iterdir()) == []


def test_a_state_folder_that_is_not_there_yet_is_not_made(tmp_path: Path) -> None:
    finding = only(machine.state(tmp_path / "a" / "b"))
    assert finding.verdict is Verdict.WELL
    assert "the first start will create" in finding.words
    assert list(tmp_path.iterdir()) == []


def test_a_state_folder_that_cannot_be_written_is_a_problem(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    for place in (Path("/proc"), blocked):
        finding = only(machine.state(place))
        assert finding.verdict is Verdict.PROBLEM
        assert "data_dir" in finding.advice


def test_a_full_disk_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=7 * 2**20))
    finding = only(machine.state(tmp_path))
    assert finding.verdict is Verdict.PROBLEM
    assert "7 MB left" in finding.words


def test_what_was_switched_is_read_without_touching_it(tmp_path: Path) -> None:
    with closing(Store.open(tmp_path, Memory())) as store:
        store.write(Memory(camera=True, volume=11))
        before = snapshot(tmp_path)
        memory, damage = machine.remembered(tmp_path, Memory())
        assert (memory.camera, memory.volume, damage) == (True, 11, "")
        assert snapshot(tmp_path) == before


def test_a_damaged_store_is_a_problem_and_left_to_the_program(tmp_path: Path) -> None:
    (tmp_path / "state.db").write_bytes(b"this is no database" * 1000)
    before = snapshot(tmp_path)
    _, damage = machine.remembered(tmp_path, Memory())
    assert f"{tmp_path}/state.db was damaged" in damage
    assert snapshot(tmp_path) == before
    assert [one.verdict for one in machine.state(tmp_path, damage)] == [Verdict.PROBLEM, Verdict.WELL]


# --- Music ------------------------------------------------------------------------------------------------------


def test_a_library_with_music_is_well_and_nothing_is_written(music: Path, data: Path, tmp_path: Path) -> None:
    with closing(Catalogue.open(data)) as catalogue:
        catalogue.scan([music])
    (music / "happy" / "tick.wav").rename(music / "happy" / "tock.wav")
    before = snapshot(tmp_path)
    finding = only(music_check.library(MusicConfig(folders=(str(music),)), data))
    assert finding.verdict is Verdict.WELL
    assert "1 track in" in finding.words
    assert snapshot(tmp_path) == before


def test_an_empty_library_is_a_problem(tmp_path: Path) -> None:
    finding = only(music_check.library(MusicConfig(folders=(str(tmp_path),)), tmp_path))
    assert finding.verdict is Verdict.PROBLEM
    assert "There is no music in" in finding.words


def test_settings_without_a_music_folder_are_a_problem(tmp_path: Path) -> None:
    finding = only(music_check.library(MusicConfig(folders=()), tmp_path))
    assert finding.verdict is Verdict.PROBLEM


def test_each_folder_that_is_missing_is_named_and_the_others_count(music: Path, tmp_path: Path) -> None:
    config = MusicConfig(folders=(str(tmp_path / "gone"), str(tmp_path / "lost"), str(music)))
    found = list(music_check.library(config, tmp_path))
    assert [one.verdict for one in found] == [Verdict.PROBLEM, Verdict.PROBLEM, Verdict.WELL]
    assert "there is no folder" in found[0].words


def test_files_that_cannot_be_played_are_listed_up_to_a_point(music: Path, data: Path) -> None:
    for number in range(13):
        (music / "happy" / f"empty{number}.mp3").touch()
    found = list(music_check.library(MusicConfig(folders=(str(music),)), data))
    assert [one.verdict for one in found] == [Verdict.NOTE] * 6 + [Verdict.WELL]
    assert "and 8 more" in found[5].words


def test_libvlc_is_started_and_leaves_nothing(tmp_path: Path) -> None:
    assert only(music_check.sound(PlayerConfig(output="dummy"), ours=False, shared=False)).verdict is Verdict.WELL
    assert only(music_check.sound(PlayerConfig(output="file"), ours=False, shared=False)).verdict is Verdict.WELL
    assert list(tmp_path.iterdir()) == []


def test_plugins_without_their_list_are_noted(tmp_path: Path) -> None:
    folder = tmp_path / "aarch64-linux-gnu/vlc/plugins"
    assert not list(music_check.plugins(tmp_path))
    folder.mkdir(parents=True)
    found = only(music_check.plugins(tmp_path))
    assert found.verdict is Verdict.NOTE
    assert "libvlc-bin" in found.advice
    (folder / "plugins.dat").touch()
    assert not list(music_check.plugins(tmp_path))


def test_a_machine_without_sound_is_a_problem_unless_it_is_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(music_check.outputs, "present", lambda *_: "nothing")
    finding = only(music_check.sound(PlayerConfig(output="auto"), ours=False, shared=False))
    assert finding.verdict is Verdict.PROBLEM
    assert "dummy" in finding.advice


def test_a_card_that_is_named_by_its_number_gets_the_name_that_stays(tmp_path: Path) -> None:
    (tmp_path / "card1").mkdir()
    (tmp_path / "card1" / "id").write_text("Headphones\n")
    assert alsa.stable_name("hw:1,0", tmp_path) == "plughw:CARD=Headphones"
    assert alsa.stable_name("plughw:CARD=1,DEV=2", tmp_path) == "plughw:CARD=Headphones,DEV=2"
    assert alsa.stable_name("hw:7", tmp_path) == "plughw:CARD=NAME, as in `aplay -L`"
    for name in ("", "default", "plughw:CARD=Headphones", "hw:CARD=vc4hdmi0,DEV=0", "null"):
        assert alsa.stable_name(name, tmp_path) == ""
    found = list(music_check.sound(PlayerConfig(output="alsa", device="hw:0,0"), ours=True, shared=True))
    assert [finding.verdict for finding in found] == [Verdict.WELL, Verdict.NOTE]
    assert "numbers change from boot to boot" in found[1].words


def test_a_sound_device_that_does_not_open_is_a_problem_unless_the_running_program_reports_on_it() -> None:
    config = PlayerConfig(output="alsa", device="plughw:CARD=NoSuchCard")
    finding = only(music_check.sound(config, ours=False, shared=False))
    assert finding.verdict is Verdict.PROBLEM
    assert "NoSuchCard" in finding.words
    elsewhere = only(music_check.sound(config, ours=False, shared=True))  # something of Affetto runs, and is not asked
    assert elsewhere.verdict is Verdict.PROBLEM
    assert "another Affetto runs" in elsewhere.advice
    assert only(music_check.sound(config, ours=True, shared=True)).verdict is Verdict.WELL


@pytest.mark.parametrize(("group", "verdict"), [("home", Verdict.PROBLEM), ("", Verdict.NOTE)])
def test_missing_snapcast_is_a_problem_only_in_a_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, group: str, verdict: Verdict
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    finding = only(snapcast.snapcast(group, tmp_path))
    assert finding.verdict is verdict
    assert finding.advice == "sudo apt-get install snapserver snapclient"


def test_snapcast_names_its_versions_and_a_service_that_starts_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for program in snapcast.PROGRAMS:
        (tmp_path / program).write_text(f"#!/bin/sh\necho {program} v0.26.0\n")
        (tmp_path / program).chmod(0o755)
    (tmp_path / "snapclient.service").symlink_to("/lib/systemd/system/snapclient.service")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    there, beside = snapcast.snapcast("home", tmp_path)
    assert (there.verdict, there.words) == (
        Verdict.WELL,
        "plays in the group home; snapserver v0.26.0, snapclient v0.26.0",
    )
    assert (beside.verdict, beside.advice[-34:]) == (Verdict.NOTE, "systemctl disable --now snapclient")


# --- The broker -------------------------------------------------------------------------------------------------


@needs_mosquitto
def test_the_broker_lets_us_in_and_knows_the_device(broker: PrivateBroker) -> None:
    finding = only(broker_check.broker(broker.config, TOPICS))
    assert finding.verdict is Verdict.WELL
    assert "as nurse" in finding.words
    assert "affetto/patient has not been there yet" in finding.words
    outsider = paho.Client(paho.CallbackAPIVersion.VERSION2)
    outsider.username_pw_set("nurse", "secret")
    outsider.connect(broker.host, broker.port)
    outsider.loop_start()
    outsider.publish(TOPICS.availability, "online", qos=1, retain=True).wait_for_publish(10)
    assert "affetto/patient is online" in only(broker_check.broker(broker.config, TOPICS)).words
    outsider.publish(TOPICS.availability, "", qos=1, retain=True).wait_for_publish(10)
    outsider.disconnect()
    outsider.loop_stop()


@needs_mosquitto
def test_a_refused_password_is_a_problem_that_does_not_repeat_it(broker: PrivateBroker) -> None:
    finding = only(broker_check.broker(replace(broker.config, password="hunter2"), TOPICS))
    assert finding.verdict is Verdict.PROBLEM
    assert "refuses user 'nurse'" in finding.words
    assert "hunter2" not in finding.words + finding.advice


def test_a_broker_that_is_not_there_is_a_problem() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    finding = only(broker_check.broker(MqttConfig(host="127.0.0.1", port=port), TOPICS))
    assert finding.verdict is Verdict.PROBLEM
    assert f"No MQTT broker listens at 127.0.0.1:{port}" in finding.words


def test_a_server_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker_check, "BROKER_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        config = MqttConfig(host="127.0.0.1", port=silent.getsockname()[1])
        finding = only(broker_check.broker(config, TOPICS))
    assert finding.verdict is Verdict.PROBLEM
    assert "does not answer" in finding.words


def test_mqtt_that_is_switched_off_is_a_note() -> None:
    assert only(broker_check.broker(MqttConfig(enabled=False), TOPICS)).verdict is Verdict.NOTE


# --- The camera -------------------------------------------------------------------------------------------------


class Forbidden:
    def __init__(self, *_: object, **__: object) -> None:
        raise AssertionError("the camera was opened")


@pytest.mark.parametrize(
    ("switched_on", "asked", "busy", "words"),
    [(False, False, False, "not opened"), (True, False, True, "Affetto runs"), (False, True, True, "Affetto runs")],
)
def test_the_camera_stays_shut_without_consent_or_when_in_use(
    monkeypatch: pytest.MonkeyPatch, switched_on: bool, asked: bool, busy: bool, words: str
) -> None:
    monkeypatch.setattr(camera, "EyeClient", Forbidden)
    finding = only(camera.camera(Config(), None, switched_on=switched_on, asked=asked, busy=busy))
    assert finding.verdict is Verdict.NOTE
    assert words in finding.words


@pytest.mark.parametrize(("switched_on", "asked"), [(True, False), (False, True)])
def test_one_look_goes_through_the_eye(tmp_path: Path, pictures: Path, switched_on: bool, asked: bool) -> None:
    config = Config(camera=CameraConfig(source=str(pictures)))
    path = write(config, tmp_path / "config.yaml")
    finding = only(camera.camera(config, path, switched_on=switched_on, asked=asked, busy=False))
    assert finding.verdict is Verdict.WELL, finding
    assert f"folder {pictures.name}" in finding.words


def test_a_camera_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    config = Config(camera=CameraConfig(source="v4l2:/dev/video99"))
    path = write(config, tmp_path / "config.yaml")
    finding = only(camera.camera(config, path, switched_on=False, asked=True, busy=False))
    assert finding.verdict is Verdict.PROBLEM
    assert "/dev/video99" in finding.words


def test_a_running_program_is_noticed(tmp_path: Path) -> None:
    def is_running(*words: str) -> bool:
        (tmp_path / "1234").mkdir(exist_ok=True)
        (tmp_path / "1234" / "cmdline").write_bytes("\0".join([*words, ""]).encode())
        return camera.is_running(tmp_path)

    assert is_running("/usr/bin/python3", "/home/me/.venv/bin/affetto", "run")
    assert is_running("python", "-m", "device", "run", "--config", "x")
    assert not is_running("python", "-m", "device", "check")
    assert not is_running("vim", "affetto")
    assert not is_running()


# --- The program that runs --------------------------------------------------------------------------------------


def test_nobody_is_asked_where_nobody_runs() -> None:
    assert list(running.ask(None)) == []


@pytest.mark.parametrize(
    ("found", "verdict", "words"),
    [
        (Running(7, HealthReport(uptime_s=7200)), Verdict.WELL, "Affetto runs (pid 7), up 2 h, and reports no problem"),
        (Running(7, None), Verdict.NOTE, "has not reported"),
        (Running(0, None), Verdict.NOTE, "Affetto runs, but has not reported"),
        (Running(7, HealthReport(), 3600.0), Verdict.PROBLEM, "does not respond: its last report is 60 min old"),
        (Running(7, HealthReport(problems=("The sound device does not open.",))), Verdict.PROBLEM, "does not open"),
    ],
)
def test_what_the_running_program_says(found: Running, verdict: Verdict, words: str) -> None:
    finding = only(running.ask(found))
    assert finding.verdict is verdict
    assert words in finding.words


def test_a_running_program_without_sound_is_no_good_news(tmp_path: Path, music: Path) -> None:
    """The doctor asks the patient: a real conductor whose sound device does not open."""
    config = Config(
        music=MusicConfig(folders=(str(music),)),
        player=PlayerConfig(output="alsa", device="plughw:CARD=NoSuchCard"),
        mqtt=MqttConfig(enabled=False),
        upnp=UpnpConfig(enabled=False),
    )
    config = replace(config, device=replace(config.device, data_dir=str(tmp_path / "data")))
    path = str(write(config, tmp_path / "config.yaml"))
    with subprocess.Popen([sys.executable, "-m", "device", "run", "--config", path], cwd=ROOT) as conductor:
        try:
            while not ((found := read_running(tmp_path / "data")) and found.health and found.health.problems):
                assert conductor.poll() is None
            command = [sys.executable, "-m", "device", "check", "--config", path]
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
        finally:
            conductor.terminate()
    assert done.returncode == 1
    assert "All is well" not in done.stdout
    assert any(line.startswith("✗ running: ") and "NoSuchCard" in line for line in done.stdout.splitlines())
    assert "Traceback" not in done.stderr


# --- All together -----------------------------------------------------------------------------------------------


def test_every_mistake_in_the_settings_is_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("camera:\n  fsp: 8\nplayer:\n  volume: loud\n")
    assert check.run(path, as_json=True) == 1
    answer = json.loads(capsys.readouterr().out)
    problems = [one for one in answer["findings"] if one["verdict"] == "problem"]
    assert answer["ok"] is False
    assert [one["part"] for one in problems] == ["configuration"] * 2
    assert "did you mean fps" in problems[0]["words"]


def test_the_printed_line_has_a_sign_the_words_and_the_advice() -> None:
    console = Console(width=60, record=True, file=open(os.devnull, "w"))  # noqa: SIM115
    console.print(check.columns(finding.problem("sound", "[red]silence[/] " * 8, "plug it in")))
    lines = console.export_text().splitlines()
    assert lines[0].startswith("✗ sound")
    assert "[red]silence[/]" in lines[0]
    assert "plug it in" in lines[-1]


@needs_mosquitto
def test_a_healthy_machine_passes(tmp_path: Path, music: Path, pictures: Path, broker: PrivateBroker) -> None:
    config = Config(
        camera=CameraConfig(source=str(pictures)),
        music=MusicConfig(folders=(str(music),)),
        player=PlayerConfig(output="dummy"),
        mqtt=broker.config,
    )
    config = replace(config, device=replace(config.device, data_dir=str(tmp_path / "data")))
    path = write(config, tmp_path / "config.yaml")
    command = [sys.executable, "-m", "device", "check", "--config", str(path), "--camera", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    answer = json.loads(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert answer["ok"] is True
    parts = {one["part"] for one in answer["findings"]}
    assert parts == {
        *("configuration", "program", "clock", "models", "state", "library", "sound", "page", "rooms", "broker"),
        "camera",
    }
    assert not (tmp_path / "data").exists()


def test_mistakes_of_the_boot_file_are_problems(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("device: {name: box}\n")
    (tmp_path / "boot.yaml").write_text("device: {room: kitchen}\n")
    (tmp_path / "boot-errors.txt").write_text("affetto.yaml:3: mqtt.hots: unknown setting; did you mean host?\n")
    findings = check.run_checks(path, False, Console(quiet=True))
    first, second = next(findings), next(findings)
    assert (first.verdict, first.words) == (Verdict.WELL, f"{path}; {tmp_path / 'boot.yaml'} overrides it")
    assert (second.part, second.verdict) == ("boot file", Verdict.PROBLEM)
    assert second.words.startswith("affetto.yaml:3: mqtt.hots")


def test_what_goes_into_a_pipe_is_neither_wrapped_nor_padded(tmp_path: Path) -> None:
    folder = tmp_path / ("long " * 40).strip()
    path = tmp_path / "config.yaml"
    path.write_text(f"device: {{data_dir: {tmp_path}/data}}\nmusic: {{folders: ['{folder}']}}\n"
                    "player: {output: dummy}\nmqtt: {enabled: false}\n")
    command = [sys.executable, "-m", "device", "check", "--config", str(path)]
    environment = {**os.environ, "COLUMNS": "40"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
    assert f"✗ library: there is no folder {folder} -> mkdir" in done.stdout
    assert all(line == line.rstrip() for line in done.stdout.splitlines())
    assert done.stdout.splitlines()[-1] == "1 problem to solve; the lines with ✗ say how."


def test_a_file_from_the_far_future_is_no_traceback(tmp_path: Path, music: Path) -> None:
    os.utime(music / "happy" / "tick.wav", (10_413_792_000, 10_413_792_000))  # 2300-01-01
    found = list(music_check.library(MusicConfig(folders=(str(music),)), tmp_path / "data"))
    assert found[-1].verdict is Verdict.WELL
