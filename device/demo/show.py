"""`affetto demo`: the whole program on rendered people, synthesised songs and a private broker, with the live view.

Nothing is put on: the conductor and its eye run as they do on a board (`affetto run` as a child process), the eye
looks at the pictures through the shipped models, libVLC plays, and the view and the summary know only what came over
MQTT. Main thread; writes into one folder of its own.
"""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import yaml
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from device import config as settings
from device import watch
from device.demo import people, songs
from device.demo.broker import PrivateBroker
from device.demo.tally import Tally
from device.errors import AffettoError

MOODS_WANTED = 4  # of rendered people; whoever sits before a webcam owes us nothing


def run(*, seconds: float | None, fps: float, rendered: bool, keep: Path | None) -> int:
    """Show it until Ctrl-C or for `seconds`; 0 only if moods, tracks and events really came over MQTT."""
    console = Console()
    with folder(keep) as home, PrivateBroker(home / "broker") as broker:
        webcam = None if rendered else find_webcam()
        source = f"v4l2:{webcam}" if webcam else str(prepare_people(home, console, fps))
        path = write_config(home, source, broker.port, fps)
        prepare_songs(home, console)
        if webcam:
            console.print(f"Looking through {webcam}. Nothing is recorded; --rendered shows made-up people instead.")
        tally = Tally()
        with conductor(path, home / "affetto.log"):
            watch.run(settings.load(path), seconds=seconds, listener=tally.hear)
    console.print(tally.summary())
    missing = tally.missing(moods=1 if webcam else MOODS_WANTED)
    if missing:
        console.print(f"[red]✗[/] {missing}")
    return 1 if missing else 0


@contextlib.contextmanager
def folder(keep: Path | None) -> Iterator[Path]:
    """The demo's folder: `keep` if given, otherwise one that goes away afterwards."""
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="affetto-demo-") as name:
        yield Path(name)
