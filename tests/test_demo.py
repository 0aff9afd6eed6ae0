"""The demo: its tally believes only what was said over MQTT, and the command passes only if it all happened."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from device.demo.show import last_words
from device.demo.tally import Tally
from tests.appliance import ROOT


def event(kind: str, **facts: object) -> tuple[str, bytes]:
    return "affetto/demo/event", json.dumps({"event_type": kind, **facts}).encode()


def moods(*names: str, source: str = "camera") -> list[tuple[str, bytes]]:
    return [event("mood_changed", mood=name, source=source) for name in names]


HEARD = event("track_started", title="Lamplight", reason="calm, to match a calm room")
FOUR = moods("happy", "sad", "angry", "excited")


@pytest.mark.parametrize(
    ("messages", "words"),
    [
        ([*FOUR, HEARD], ""),
        ([*FOUR], "no track started"),
        ([*moods("happy", "happy", "sad", "sad"), HEARD], "it saw 2 moods instead of at least 4"),
        ([*moods("happy", "sad", "angry", "calm", source="manual"), HEARD], "it saw 0 moods"),
        ([*FOUR, HEARD, event("track_failed", title="x")], "1 track could not be played"),
        ([*moods("happy"), HEARD], "it saw 1 mood instead"),
        ([*FOUR, HEARD, *[event("track_failed", title="x")] * 2], "2 tracks could not be played"),
        ([], "it saw 0 moods"),
    ],
)
def test_what_is_missing(messages: list[tuple[str, bytes]], words: str) -> None:
    tally = Tally()
    for topic, payload in messages:
        tally.hear(topic, payload)
    missing = tally.missing(moods=4)
    assert words in missing
    assert bool(missing) == bool(words)


def test_only_events_count() -> None:
    tally = Tally()
    tally.hear("affetto/demo/mood/state", b'{"mood": "happy", "source": "camera"}')
    assert (tally.messages, tally.moods) == (1, {})


@pytest.mark.parametrize("terminal", [True, False])
def test_the_summary_names_moods_and_reasons(terminal: bool) -> None:
    tally = Tally()
    for topic, payload in [*FOUR, HEARD]:
        tally.hear(topic, payload)
    file = io.StringIO()
    tally.show(Console(width=100, file=file, force_terminal=terminal))
    assert "happy ×1" in file.getvalue()
    assert "Lamplight: calm, to match a calm room" in file.getvalue()
    assert ("│" in file.getvalue()) == terminal


def test_a_conductor_that_gives_up_is_quoted(tmp_path: Path) -> None:
    log = tmp_path / "affetto.log"
    log.write_text("starting\naffetto run: libVLC is not installed: apt install libvlc5\n")
    assert last_words(log, 1) == "libVLC is not installed: apt install libvlc5"
    log.write_text("starting\nSegmentation fault\n")
    assert "status -11" in last_words(log, -11)
    assert "Segmentation fault" in last_words(log, -11)


@pytest.mark.slow
def test_thirty_seconds_are_enough_for_a_complete_demo(tmp_path: Path) -> None:
    """The first command of the README on a fresh machine, without its set-up."""
    command = [sys.executable, "-m", "device", "demo", "--rendered", "--seconds", "30", "--keep", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "moods seen: " in done.stdout
    assert "Traceback" not in (tmp_path / "affetto.log").read_text()


def test_too_short_a_demo_does_not_pass() -> None:
    """Nothing counts that did not happen; the shortest demo has no four moods."""
    command = [sys.executable, "-m", "device", "demo", "--rendered", "--seconds", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 1
    assert "The demo was not complete" in done.stdout


def test_a_folder_that_cannot_be_made_is_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    command = [sys.executable, "-m", "device", "demo", "--seconds", "1", "--keep", str(tmp_path / "file" / "demo")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("affetto demo: --keep")
    assert "Traceback" not in done.stderr
