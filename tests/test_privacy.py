"""What is kept about whom is printed and deleted, with and without a running device; and the camera's light."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from device.__main__ import main
from device.config.schema import Config, ListenBrainzConfig
from device.domain import (
    Affect,
    Context,
    Erasure,
    Felt,
    Listen,
    Memory,
    MoodEntry,
    MoodName,
    MoodSource,
    Outcome,
    Request,
    Requests,
    SongEntry,
    without,
)
from device.privacy import report
from device.store.database import Store
from device.store.diary import FILE, DiaryReader, DiaryStore
from device.store.instance import InstanceLock

LIGHT = Path(__file__).resolve().parent.parent / "systemd" / "camera-light"
NOON = 1_764_331_200.0  # 28 November 2025
ASKED = Requests((Request(1, "k", "Ada"), Request(2, "k2", "Bob", ("Ada",))), 3, {"Ada": 1, "Bob": 2}, {"Ada": NOON}, 2)


def song(profile: str) -> SongEntry:
    felt = Felt(Affect(0.1, 0.1), 0.8)
    names = ("k", "title", "artist", MoodName.SAD, profile, Outcome.PLAYED)
    return SongEntry(NOON, NOON + 180, 180.0, *names, felt, felt)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """The settings of a device that has recorded something about Ada and Bob."""
    data = tmp_path / "data"
    store = Store.open(data, Memory())
    listens = [("Ada", Outcome.PLAYED), ("Ada", Outcome.LIKED), ("Ada", Outcome.BANNED), ("Bob", Outcome.SKIPPED)]
    present = Memory(profiles=("Ada", "Bob"), requests=ASKED, context=Context(activity="dinner"), camera_by="over MQTT")
    store.write(present, [Listen("k", name, MoodName.SAD, outcome, NOON) for name, outcome in listens])
    store.close()
    diary = DiaryStore(data, 90, lambda: NOON)
    diary.write([MoodEntry(NOON, MoodName.SAD, MoodSource.CAMERA), song("Ada, Bob"), song("Bob")])
    diary.close()
    path = tmp_path / "config.yaml"
    path.write_text(f"device:\n  data_dir: {data}\ndiary:\n  keep_days: 3650\nmqtt:\n  enabled: false\n")
    return path


def privacy(config: Path, *words: str) -> int:
    return main(["privacy", "--config", str(config), *words])


def test_it_says_what_is_kept_about_whom(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert privacy(config) == 0
    said = capsys.readouterr().out
    assert "Ada: 1 listen, 1 like, 1 banned track, 1 song in the diary, 1 open request; 2025-11-28" in said
    assert "Bob: 1 listen, 2 songs in the diary, 1 open request" in said
    assert "1 mood, and 2 songs" in said
    assert "its switch was last used over MQTT" in said
    assert "activity dinner" in said
    assert "MQTT broker" not in said
    assert max(map(len, said.splitlines())) < 200


def test_on_a_new_device_there_is_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(f"device:\n  data_dir: {tmp_path / 'data'}\n")
    assert privacy(path) == 0
    said = capsys.readouterr().out
    assert "everyone: nothing but the name" in said
    assert "nobody has used its switch" in said
    assert not (tmp_path / "data").exists(), "looking leaves no trace"


def test_json(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert privacy(config, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert [person["name"] for person in found["people"]] == ["Ada", "Bob"]
    assert found["moods"] == 1


@pytest.mark.parametrize(
    ("words", "left", "songs"),
    [
        (["person", "Ada"], ["Bob"], 1),
        (["everything"], ["everyone"], 0),
        (["day", "2025-11-28"], ["Ada", "Bob"], 0),
    ],
)
def test_it_deletes_from_the_files(
    config: Path, capsys: pytest.CaptureFixture[str], words: list[str], left: list[str], songs: int
) -> None:
    assert privacy(config, "--forget", *words, "--yes") == 0
    assert "Forgot" in capsys.readouterr().out
    assert privacy(config, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert [person["name"] for person in found["people"]] == left
    assert len(DiaryReader(config.parent / "data").songs(0.0, 1e12)) == songs
    content = b"".join(path.read_bytes() for path in (config.parent / "data").glob("*.db*"))
    assert (b"Ada" in content) == ("Ada" in left)


@pytest.mark.parametrize(
    ("words", "status", "part"),
    [
        (["everything"], 1, "nothing was deleted"),  # nobody at a terminal to ask
        (["day", "yesterday", "--yes"], 2, "as a date such as"),
        (["person", "--yes"], 2, "whom to forget"),
        (["week", "--yes"], 2, "day, person, everything, not 'week'"),
        (["everything", "Ada", "--yes"], 2, "--forget person Ada"),
    ],
)
def test_what_is_wrong_is_said_and_deletes_nothing(
    config: Path, capsys: pytest.CaptureFixture[str], words: list[str], status: int, part: str
) -> None:
    assert privacy(config, "--forget", *words) == status
    assert part in capsys.readouterr().err
    assert len(DiaryReader(config.parent / "data").songs(0.0, 1e12)) == 2


def test_a_running_device_is_asked_and_not_bypassed(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lock = InstanceLock(config.parent / "data")  # somebody runs, but has no control socket
    try:
        assert privacy(config, "--forget", "everything", "--yes") == 1
    finally:
        lock.close()
    assert "affetto privacy: " in capsys.readouterr().err
    assert len(DiaryReader(config.parent / "data").songs(0.0, 1e12)) == 2


def test_a_damaged_diary_is_a_sentence(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (config.parent / "data" / FILE).write_bytes(b"no database" * 100)
    assert privacy(config) == 1
    assert "cannot be read" in capsys.readouterr().err


# --- The memory ---


def test_a_forgotten_person_leaves_the_memory_but_not_the_others() -> None:
    memory = Memory(profiles=("Ada", "Bob"), requests=ASKED, volume=40)
    left = without(memory, Erasure(person="Ada"))
    assert left.profiles == ("Bob",)
    assert left.requests == Requests((Request(2, "k2", "Bob", ()),), 3, {"Bob": 2}, {}, 2)
    assert "Ada" not in repr(left)
    assert left.volume == 40
    assert without(memory, Erasure(start=0.0, end=1.0)) == memory
    assert without(replace(memory, profiles=("Ada",)), Erasure(person="Ada")).profiles == ("everyone",)
    assert without(memory, Erasure()).requests == Requests(last_id=2)


# --- The camera's light ---


@pytest.fixture
def leds(tmp_path: Path) -> Path:
    """The LEDs of a board, as the kernel shows them."""
    led = tmp_path / "leds" / "camera"
    led.mkdir(parents=True)
    for name, value in (("brightness", "0"), ("max_brightness", "255"), ("trigger", "none [mmc0] timer")):
        (led / name).write_text(value)
    return led


def light(tmp_path: Path, word: str, name: str | None = "camera\n") -> subprocess.CompletedProcess[str]:
    chosen = tmp_path / "camera-light"
    if name is not None:
        chosen.write_text(name)
    places = {"AFFETTO_CAMERA_LIGHT": str(chosen), "AFFETTO_LEDS": str(tmp_path / "leds"), "PATH": "/usr/bin:/bin"}
    return subprocess.run([LIGHT, word], env=places, capture_output=True, text=True, check=False)


def test_the_light_goes_on_and_off(leds: Path, tmp_path: Path) -> None:
    assert light(tmp_path, "on").returncode == 0
    assert (leds / "brightness").read_text().strip() == "255"
    assert (leds / "trigger").read_text().strip() == "none"
    assert light(tmp_path, "off").returncode == 0
    assert (leds / "brightness").read_text().strip() == "0"


def test_without_a_light_in_the_settings_the_eye_starts(leds: Path, tmp_path: Path) -> None:
    assert light(tmp_path, "on", None).returncode == 0
    assert (leds / "brightness").read_text() == "0"


def test_a_light_that_is_not_there_keeps_the_camera_off(leds: Path, tmp_path: Path) -> None:
    done = light(tmp_path, "on", "lamp\n")
    assert done.returncode != 0
    assert "so the camera stays off. Choose one of: camera" in done.stderr
    assert light(tmp_path, "off", "lamp\n").returncode == 0


def test_the_eyes_unit_drives_it_as_root() -> None:
    lines = (LIGHT.parent / "affetto-eye.service").read_text().splitlines()
    assert "ExecStartPre=+/opt/affetto/current/systemd/camera-light on" in lines
    assert "ExecStopPost=+/opt/affetto/current/systemd/camera-light off" in lines


def test_the_report_names_everybody_who_hears_something() -> None:
    quiet = "\n".join(report.outside(Config()))
    assert "UPnP" in quiet
    assert "ListenBrainz" not in quiet
    assert "ListenBrainz" in "\n".join(report.outside(Config(listenbrainz=ListenBrainzConfig(token="x"))))
