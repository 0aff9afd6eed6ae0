"""The command line as people meet it: help that teaches, clear words for bad input, exit codes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from device.__main__ import HANDLERS, load, main
from device.arguments import ARGUMENTS, COMMANDS, EXAMPLES, parser

ROOT = Path(__file__).resolve().parent.parent


def affetto(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the command as a process, so that nothing of this test's own process helps it."""
    command = [sys.executable, "-m", "device", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def test_every_command_is_described_handled_and_shown_by_example() -> None:
    assert list(COMMANDS) == list(HANDLERS) == list(EXAMPLES) == list(ARGUMENTS)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_teaches(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert f"affetto {command}" in text.partition("examples:")[2]


def test_help_needs_no_library() -> None:
    """`--help` works on a machine where nothing is installed yet."""
    code = "import sys; sys.modules.update(dict.fromkeys(('cv2', 'vlc', 'paho', 'rich'))); " \
           "from device.__main__ import main; main(['--help'])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


WRONG = {
    ("dance",): "invalid choice",
    ("demo", "--seconds", "-3"): "expected seconds, more than 0",
    ("demo", "--seconds", "nan"): "expected seconds, more than 0",
    ("demo", "--seconds", "inf"): "expected seconds, more than 0",
    ("demo", "--seconds", "soon"): "not 'soon'",
    ("demo", "--fps", "1000000"): "must be from 0.5 to 30, not 1e+06",
    ("demo", "--fps", "0.1"): "must be from 0.5 to 30, not 0.1",
    ("demo", "--fps", "8,5"): "write 8.5",
    ("watch", "--port", "x"): "expected a whole number, not x",
    ("watch", "--port", "70000"): "must be from 1 to 65535",
    ("watch", "--host", "a..b"): "takes a name or an address",
    ("watch", "--id", "Living Room"): "takes small letters, digits",
    ("watch", "--base-topic", "#"): "takes words with / between them",
    ("eye", "--fd", "-1"): "expected the number of an open socket",
    ("eye", "--fd", "9" * 30): "expected the number of an open socket",
    ("bench", "--seconds", "0"): "at most 604800",
    ("bench", "--source", "x" * 300): "contains a name that is too long",
    ("check", "--nonsense"): "unrecognized arguments",
}


@pytest.mark.parametrize("arguments", WRONG, ids=lambda words: " ".join(words)[:40])
def test_wrong_arguments_exit_with_2(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("usage: affetto")
    assert WRONG[arguments] in said


def test_without_a_command_there_is_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert "affetto demo      see it work" in capsys.readouterr().out


def test_help_names_defaults_and_limits(capsys: pytest.CaptureFixture[str]) -> None:
    for command, words in (("demo", "frames per second, 0.5 to 30 (default: 8)"), ("bench", "(default: 20)")):
        with pytest.raises(SystemExit):
            main([command, "--help"])
        assert words in capsys.readouterr().out


def test_options_of_watch_win_over_the_settings(tmp_path: Path) -> None:
    path = tmp_path / "my.yaml"
    path.write_text("device: {id: attic}\nmqtt: {host: broker, port: 1884, username: ada, password: secret}\n")
    words = ["--host", "other", "--port", "8883", "--username", "bob", "--password", "x y", "--ca-file", "ca.pem"]
    more = ["--base-topic", "home/affetto", "--id", "kitchen"]
    mqtt = load(parser().parse_args(["watch", "--config", str(path), *words, *more])).mqtt
    assert (mqtt.host, mqtt.port, mqtt.username, mqtt.password) == ("other", 8883, "bob", "x y")
    assert (mqtt.ca_file, mqtt.base_topic) == ("ca.pem", "home/affetto")
    config = load(parser().parse_args(["watch", "--config", str(path)]))
    assert (config.device.id, config.mqtt.host, config.mqtt.username) == ("attic", "broker", "ada")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("boot", "--from", "/nowhere"), "affetto boot: --from /nowhere: there is no such folder"),
        (("watch", "--password", "x"), "affetto watch: a password needs a user"),
        (("eye",), "affetto eye: "),
        (("eye", "--fd", "99"), "affetto eye: "),
        (("eye", "--listen", "/nowhere/eye"), "affetto eye: "),
        (("run", "--config", "/"), "affetto run: /: cannot be read: is a directory"),
        (("run", "--config", "/nowhere.yaml"), "affetto run: /nowhere.yaml: cannot be read"),
        (("scan", "--plot", "library.jpg"), "affetto scan: --plot writes a picture"),
        (("bench", "--source", "/nowhere.mp4", "--seconds", "1"), "affetto bench: "),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_bad_input_is_answered_in_sentences(arguments: tuple[str, ...], said: str) -> None:
    done = affetto(*arguments)
    assert done.returncode in (1, 2)
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_scan_of_a_folder_that_is_not_there_is_no_traceback(tmp_path: Path) -> None:
    path = tmp_path / "my.yaml"
    path.write_text(f"device: {{data_dir: {tmp_path}/data}}\n")
    done = affetto("scan", "--config", path, "/nowhere/at/all")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "redirection",
    [">&-", "2>&-", "<&-", ">/dev/full", "| head -c 1"],
    ids=["no stdout", "no stderr", "no stdin", "full", "head"],
)
@pytest.mark.parametrize("arguments", ["check --config {}", "check --json --config {}", "boot --template", ""])
def test_output_that_goes_nowhere_is_no_traceback(arguments: str, redirection: str, tmp_path: Path) -> None:
    path = tmp_path / "my.yaml"
    path.write_text("camera: {fsp: 8}\n")
    command = f"{sys.executable} -m device {arguments.format(path)} {redirection}"
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        command, shell=True, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


def test_a_bad_configuration_exits_with_2_and_lists_every_mistake(tmp_path: Path) -> None:
    path = tmp_path / "my.yaml"
    path.write_text("camera:\n  fsp: 8\nmqtt:\n  port: 99999\n")
    done = affetto("run", "--config", path)
    assert done.returncode == 2
    assert "my.yaml:2: camera.fsp: unknown setting; did you mean fps?" in done.stderr
    assert "my.yaml:4: mqtt.port: must be from 1 to 65535, not 99999" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_expected_failure_is_one_sentence_and_exit_1(tmp_path: Path) -> None:
    path = tmp_path / "my.yaml"
    path.write_text(
        f"device:\n  data_dir: {tmp_path / 'data'}\nplayer:\n  output: dummy\n"
        f"mqtt:\n  tls: true\n  ca_file: {tmp_path / 'nobody.pem'}\n"
    )
    done = affetto("run", "--config", path)
    assert done.returncode == 1
    assert "affetto run:" in done.stderr
    assert "nobody.pem" in done.stderr
    assert "Traceback" not in done.stderr


def test_scan_counts_and_says_what_to_do_with_an_empty_folder(tmp_path: Path) -> None:
    path = tmp_path / "my.yaml"
    path.write_text(f"device:\n  data_dir: {tmp_path / 'data'}\n")
    (tmp_path / "music").mkdir()
    (tmp_path / "music" / "noise.mp3").write_bytes(b"")
    done = affetto("scan", "--config", path, tmp_path / "music")
    assert done.returncode == 1
    assert "noise.mp3" in done.stdout
    assert "None of the files" in done.stdout
    assert "0 tracks, 1 problem, 1 note" in done.stdout
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("error", ["NotImplementedError('no libVLC')", "OSError('libvlc.so.5')", "ImportError('vlc')"])
@pytest.mark.parametrize("command", ["run", "check", "demo"])
def test_a_missing_libvlc_ends_in_a_sentence(command: str, error: str, tmp_path: Path) -> None:
    """python-vlc looks for the library when it is imported, and raises one thing or another."""
    (tmp_path / "vlc.py").write_text(f"raise {error}\n")
    path = tmp_path / "my.yaml"
    off = "mqtt: {enabled: false}\nupnp: {enabled: false}\n"
    path.write_text(f"device: {{data_dir: {tmp_path}/data}}\n{off}player: {{output: dummy}}\n")
    options = ["--rendered", "--seconds", "20"] if command == "demo" else ["--config", str(path)]
    done = subprocess.run(
        [sys.executable, "-m", "device", command, *options],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stdout + done.stderr
    said = done.stdout if command == "check" else done.stderr
    [line] = [line for line in said.splitlines() if "apt install" in line or "pip install" in line]
    assert line.startswith("✗ sound: " if command == "check" else f"affetto {command}: ")
