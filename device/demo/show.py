"""`affetto demo`: the whole program on a shipped clip, shipped songs and a private broker, with the live view.

Nothing is faked: the conductor and its eye run as on a board (`affetto run` as a child process), the eye runs the
shipped models on the clip, libVLC plays, and the view and the summary use only MQTT messages. Main thread; writes into
one folder of its own. However the demo ends, its child processes end with it (leash.py).
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import yaml

from device import watch
from device.config.schema import (
    CameraConfig,
    Config,
    DeviceConfig,
    MoodConfig,
    MqttConfig,
    MusicConfig,
    PlayerConfig,
    UpnpConfig,
)
from device.console import open_console
from device.demo import MUSIC, PEOPLE
from device.demo.broker import PrivateBroker
from device.demo.signals import ended_by_signals
from device.demo.tally import Tally
from device.errors import AffettoError, StateError
from device.leash import leashed
from device.perception import picamera, v4l2

ROOT = Path(__file__).resolve().parents[2]
MOODS_WANTED = 4  # of the people in the clip; with a webcam, no moods are required
GOODBYE_S = 15.0
SENTENCE = "affetto run: "  # the beginning of the last sentence of `affetto run` if it fails


def run(*, seconds: float | None, fps: float, rendered: bool, keep: Path | None) -> int:
    """Run until Ctrl-C or for `seconds`. Returns 0 only if moods and tracks really came over MQTT."""
    console = open_console()
    tally = Tally()
    with ended_by_signals(), folder(keep) as home, PrivateBroker() as broker:
        webcam = "" if rendered else find_webcam()
        if webcam:
            console.print(f"Using {webcam}. Nothing is recorded. To use rendered people instead, add --rendered.")
        config = configure(home, webcam or str(PEOPLE), MUSIC, broker.config, fps)
        with conductor(write(config, home / "config.yaml"), home / "affetto.log") as process:
            watch.run(
                config, seconds=seconds, listener=tally.hear, until=lambda: process.poll() is not None, starts=True
            )
            died = process.poll()
        if died is not None:
            raise AffettoError(last_words(home / "affetto.log", died))
    tally.show(console)
    missing = tally.missing(moods=1 if webcam else MOODS_WANTED)
    if missing:
        console.print(f"[red]✗[/] {missing}", highlight=False)
    return 1 if missing else 0


@contextmanager
def folder(keep: Path | None) -> Iterator[Path]:
    """The demo's folder: `keep` if given, otherwise a temporary one."""
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="affetto-demo-") as name:
            yield Path(name)
        return
    try:
        keep.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StateError(f"--keep {keep}: cannot create the folder ({error.strerror}); name another one.") from error
    yield keep.resolve()


def find_webcam() -> str:
    """The webcam of this machine, in the form of `camera.source`; empty if there is none."""
    if picamera.find_camera() is not None:
        return "picamera"
    node = v4l2.find_node()
    return f"v4l2:{node}" if node is not None else ""


def configure(home: Path, source: str, music: Path, broker: MqttConfig, fps: float) -> Config:
    """The demo's settings: moods change quickly, because a demo lasts minutes, not evenings."""
    return Config(
        device=DeviceConfig(id="demo", name="Affetto demo", room="demo", data_dir=str(home / "data")),
        camera=CameraConfig(enabled=True, source=source, fps=fps),
        mood=MoodConfig(hold_s=2.0, dwell_s=1.0),
        music=MusicConfig(folders=(str(music),), on_mood_change="fade", fade_s=1.0),
        player=PlayerConfig(volume=60),
        mqtt=replace(broker, mood_interval_s=0.5),
        upnp=UpnpConfig(enabled=False),
    )


def write(config: Config, path: Path) -> Path:
    """The settings as a file, for the conductor and its eye."""
    tree = {section: {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}
            for section, values in asdict(config).items()}
    try:
        path.write_text(yaml.safe_dump(tree, allow_unicode=True, sort_keys=False))
    except OSError as error:
        raise StateError(f"{path} cannot be written ({error.strerror}); free space or name another folder.") from error
    return path


@contextmanager
def conductor(config: Path, log: Path, prefix: Sequence[str] = ()) -> Iterator[subprocess.Popen[bytes]]:
    """`affetto run` as a child process, after the words of `prefix`. It gets time to end its own children."""
    command = leashed([*prefix, sys.executable, "-m", "device", "run", "--config", str(config)])
    with log.open("wb") as output:  # a session of its own: Ctrl-C ends the view first, then we end the conductor
        process = subprocess.Popen(command, stdout=output, stderr=output, cwd=ROOT, start_new_session=True)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(GOODBYE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def last_words(log: Path, status: int) -> str:
    """Why a conductor ended: its own last sentence, or else the end of its log."""
    lines = log.read_text(errors="replace").splitlines()
    said = [line.removeprefix(SENTENCE) for line in lines if line.startswith(SENTENCE)]
    return said[-1] if said else f"The conductor ended with status {status}. The end of its log:\n{last_lines(log)}"


def last_lines(log: Path) -> str:
    """The end of a log, for a message."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-15:]) or "The log is empty."
