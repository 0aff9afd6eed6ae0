"""`affetto demo`: the whole program on rendered people, synthesised songs and a private broker, with the live view.

Nothing is put on: the conductor and its eye run as they do on a board (`affetto run` as a child process), the eye
looks at the pictures through the shipped models, libVLC plays, and the view and the summary know only what came over
MQTT. Main thread; writes into one folder of its own.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import yaml
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from device import watch
from device.config.schema import CameraConfig, Config, DeviceConfig, MoodConfig, MqttConfig, MusicConfig, PlayerConfig
from device.demo import scene, songs
from device.demo.broker import PrivateBroker
from device.demo.tally import Tally
from device.errors import AffettoError
from device.perception import picamera, v4l2

ROOT = Path(__file__).resolve().parents[2]
MOODS_WANTED = 4  # of rendered people; whoever sits before a webcam owes us nothing
GOODBYE_S = 15.0


def run(*, seconds: float | None, fps: float, rendered: bool, keep: Path | None) -> int:
    """Show it until Ctrl-C or for `seconds`; 0 only if moods, tracks and events really came over MQTT."""
    console = Console()
    with folder(keep) as home, PrivateBroker() as broker:
        content = home if keep else cache(home)
        webcam = "" if rendered else find_webcam()
        if webcam:
            console.print(f"Looking through {webcam}. Nothing is recorded; --rendered shows made-up people instead.")
        else:
            words = "Drawing people who do not exist"
            prepare(console, words, lambda told: scene.render(content / "people", told, fps=fps))
        prepare(console, "Playing the instruments", lambda told: songs.render(content / "music", told))
        config = configure(home, webcam or str(content / "people"), content / "music", broker.config, fps)
        tally = Tally()
        with conductor(write(config, home / "config.yaml"), home / "affetto.log") as process:
            watch.run(config, seconds=seconds, listener=tally.hear, until=lambda: process.poll() is not None)
            died = process.poll()
        if died is not None:
            raise AffettoError(f"The conductor ended with {died}. It said:\n{last_lines(home / 'affetto.log')}")
    console.print(tally.summary())
    missing = tally.missing(moods=1 if webcam else MOODS_WANTED)
    if missing:
        console.print(f"[red]✗[/] {missing}", highlight=False)
    return 1 if missing else 0


@contextmanager
def folder(keep: Path | None) -> Iterator[Path]:
    """The demo's folder: `keep` if given, otherwise one that goes away afterwards."""
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="affetto-demo-") as name:
        yield Path(name)


def cache(instead: Path) -> Path:
    """Where pictures and songs stay for the next demo; `instead` where nothing can be kept."""
    place = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "affetto-demo"
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError:
        return instead
    return place if os.access(place, os.W_OK) else instead


def find_webcam() -> str:
    """The camera of this machine, as `camera.source` wants it, or nothing."""
    if picamera.find_camera() is not None:
        return "picamera"
    node = v4l2.find_node()
    return f"v4l2:{node}" if node is not None else ""


def prepare(console: Console, words: str, work: Callable[[Callable[[int, int], None]], object]) -> None:
    """Run `work` behind a progress bar; where nobody watches, one line says what is done."""
    if not console.is_terminal:
        console.print(f"{words} ...")
    with Progress(TextColumn(words), BarColumn(), TextColumn("{task.percentage:3.0f} %"), console=console) as progress:
        task = progress.add_task(words, total=None)
        work(lambda done, total: progress.update(task, completed=done, total=total))
        progress.update(task, completed=1, total=1)  # where everything was there already, nothing was told


def configure(home: Path, source: str, music: Path, broker: MqttConfig, fps: float) -> Config:
    """A whole configuration: quick to change its mind, because a demo has minutes where a room has evenings."""
    return Config(
        device=DeviceConfig(id="demo", name="Affetto demo", room="demo", data_dir=str(home / "data")),
        camera=CameraConfig(enabled=True, source=source, fps=fps),
        mood=MoodConfig(hold_s=2.0, dwell_s=1.0),
        music=MusicConfig(folders=(str(music),), on_mood_change="fade", fade_s=1.0),
        player=PlayerConfig(volume=60),
        mqtt=replace(broker, mood_interval_s=0.5),
    )


def write(config: Config, path: Path) -> Path:
    """The configuration as a file, for the conductor and its eye."""
    tree = {section: {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}
            for section, values in asdict(config).items()}
    path.write_text(yaml.safe_dump(tree, allow_unicode=True, sort_keys=False))
    return path


@contextmanager
def conductor(config: Path, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`affetto run` as a child process that gets time to say goodbye."""
    command = [sys.executable, "-m", "device", "run", "--config", str(config)]
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


def last_lines(log: Path) -> str:
    """The end of a log, for a message."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-15:])
