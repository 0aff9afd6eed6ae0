"""What Affetto would make of a video: the real eye and the real smoothing, frame for frame, drawn as one picture.

    python tools/replay.py VIDEO --config config.yaml --set mood.hold_s=20 --out replay.png

This is how to tune config.yaml: record a few minutes of the room, replay them, change a setting, replay them again.
The video (or folder of pictures) is looked at `camera.fps` times a second, as a camera would be, and as fast as this
machine can. Needs matplotlib (tools/requirements-replay.txt) for the picture, and nothing more for --json.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from device.config import files
from device.config import schema as settings
from device.config.schema import Config
from device.domain import Now
from device.errors import AffettoError, CameraError, ConfigError
from device.mood.room_mood import RoomMood
from device.perception.eye import Eye, open_eye
from device.perception.footage import FolderCamera, VideoCamera
from device.perception.frame import Frame
from tools.replaying.marks import Marker
from tools.replaying.recording import Pictures, Replay, Step
from tools.replaying.report import as_json, summary


def replay(
    eye: Eye, config: Config, name: str, advance: Progress | None = None, songs: Sequence[float] = ()
) -> Replay:
    """Look at every frame of the eye's camera; raises CameraError if there is none. `songs`: when songs begin (s)."""
    room, steps, pictures, marker = RoomMood(config.mood), [], Pictures(), Marker(songs)
    task = advance.add_task("looking", total=getattr(eye.camera, "length_s", 0) or None) if advance else None
    for frame in eye.camera.frames():
        step = take(eye, room, marker, frame)
        steps.append(step)
        pictures.add(step.reading, frame.gray)
        if advance and task is not None:
            advance.update(task, completed=frame.at_s, description=f"[bold]{step.mood.name}[/]")
    if advance and task is not None:
        advance.update(task, total=1, completed=1)
    if not steps:
        raise CameraError(f"The video {name} has no readable picture; use another file.")
    return Replay(name, config, tuple(steps), tuple(pictures.kept), marker.songs)


def take(eye: Eye, room: RoomMood, marker: Marker, frame: Frame) -> Step:
    """One frame through eye and smoothing, with the recording's time for both clocks."""
    reading = eye.step(frame)
    return Step(reading, room.update(reading, Now(frame.at_s, frame.at_s)), tuple(marker.take(reading)))


def write_picture(done: Replay, out: Path) -> None:
    """Draw, and put the picture in place only when it is complete."""
    from tools.replaying.plot import draw  # matplotlib takes a second to load

    handle, name = tempfile.mkstemp(suffix=out.suffix, dir=out.parent)
    os.close(handle)
    try:
        draw(done, Path(name))
        os.chmod(name, 0o644)
        os.replace(name, out)
    finally:
        Path(name).unlink(missing_ok=True)


def overridden(config: Config, changes: Iterable[str]) -> Config:
    """The configuration with `section.key=value` changes; raises ConfigError for what config.yaml would not take."""
    for change in changes:
        where, given, value = change.partition("=")
        section, dot, key = where.strip().partition(".")
        if not given or not dot:
            raise ConfigError(f"--set {change}: write section.key=value, such as mood.hold_s=20")
        line = f"{section}: {{{key}: {value}}}"
        part = getattr(settings.reader.parse(line, f"--set {change}", Config), section)
        config = replace(config, **{section: replace(getattr(config, section), **{key: getattr(part, key)})})
    return config


def parser() -> argparse.ArgumentParser:
    about, _, more = (__doc__ or "").partition("\n\n")
    top = argparse.ArgumentParser(
        prog="replay.py", description=about, epilog=more, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    top.add_argument("video", type=Path, help="video file or folder of pictures")
    top.add_argument("--config", type=Path, metavar="FILE", help="settings; default: the defaults of config.yaml")
    top.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE", help="change one setting")
    top.add_argument("--song", type=float, action="append", default=[], metavar="SECONDS",
                     help="a song begins here: mark how people react to it (may be repeated)")  # fmt: skip
    top.add_argument("--out", type=Path, metavar="PICTURE", help="PNG, SVG or PDF; default: <video>-replay.png here")
    top.add_argument("--json", action="store_true", help="print every step as JSON; draws only with --out")
    return top


def run(options: argparse.Namespace) -> None:
    """Raises AffettoError for what the user can mend."""
    config = files.load(options.config) if options.config else Config()
    config = overridden(config, options.set)
    if not options.video.exists():
        raise CameraError(f"There is no video {options.video}; use a video file or a folder of pictures.")
    config = replace(config, camera=replace(config.camera, source=str(options.video)))
    out = options.out or (None if options.json else Path(f"{options.video.resolve().stem}-replay.png"))
    check_out(out)
    bar = (TextColumn("{task.description:>18}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with closing(open_eye(config, live=False)) as eye, Progress(*bar, console=Console(stderr=True)) as progress:
        if not isinstance(eye.camera, VideoCamera | FolderCamera):
            raise CameraError(f"{options.video} is not a recording; use a video file or a folder of pictures.")
        done = replay(eye, config, options.video.name, progress, options.song)
    if out is not None:
        write_picture(done, out)
    print(json.dumps(as_json(done)) if options.json else summary(done))
    if out is not None:
        print(f"picture: {out}", file=sys.stderr if options.json else sys.stdout)


def check_out(out: Path | None) -> None:
    """Find out before the work, not after it, that the picture cannot be written."""
    if out is None:
        return
    if out.suffix.lower() not in (".png", ".svg", ".pdf"):
        raise ConfigError(f"--out {out}: end the name in .png, .svg or .pdf")
    if not out.parent.is_dir() or not os.access(out.parent, os.W_OK):
        raise ConfigError(f"--out {out}: the folder {out.parent} does not exist or may not be written to")
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise ConfigError(
            "matplotlib is missing for the picture; pip install -r tools/requirements-replay.txt, or use --json"
        ) from error


def main(argv: Sequence[str] | None = None) -> int:
    """0 done, 1 failed, 2 wrong arguments or settings."""
    options = parser().parse_args(argv)
    try:
        run(options)
    except AffettoError as error:
        print(f"replay.py: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
