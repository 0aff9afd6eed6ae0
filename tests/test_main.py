"""The command line as people meet it: help that teaches, clear words for bad input, exit codes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from device.__main__ import COMMANDS, EXAMPLES, HANDLERS, main, parser

ROOT = Path(__file__).resolve().parent.parent


def affetto(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the command as a process, so that nothing of this test's own process helps it."""
    command = [sys.executable, "-m", "device", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def test_every_command_is_described_handled_and_shown_by_example() -> None:
    assert list(COMMANDS) == list(HANDLERS) == list(EXAMPLES)


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


@pytest.mark.parametrize("arguments", [(), ("dance",), ("demo", "--seconds", "-3"), ("watch", "--port", "x")])
def test_wrong_arguments_exit_with_2(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parser().parse_args(arguments)
    assert ended.value.code == 2
    assert "usage: affetto" in capsys.readouterr().err


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
