"""The machine: program and packages, clock, models, and the data folder. Changes nothing."""

from __future__ import annotations

import ctypes
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from device.check.finding import Finding, note, problem, well
from device.domain import Memory
from device.errors import AffettoError
from device.model import Card, read_card
from device.music.analysis import MoodAnalyser
from device.perception.emotion import EmotionClassifier
from device.perception.faces import FaceDetector
from device.store.database import Store

PACKAGES = ("opencv-python-headless", "numpy", "python-vlc", "paho-mqtt", "PyYAML", "mutagen", "rich", "zeroconf")
RUNTIMES = ("ai-edge-litert", "tflite-runtime")  # one of them
FREE_MB = 50  # for the catalogue and the data that survives a restart
TIME_ERROR = 5  # of adjtimex(2): nobody has set the clock


def program() -> Iterator[Finding]:
    """Check Python, the processor, and every package that the program needs."""
    here = f"Python {platform.python_version()}, {platform.machine()}"
    if sys.maxsize <= 2**32 or sys.version_info < (3, 11):
        yield problem("program", here, "use a 64-bit system with Python 3.11 or newer, such as Debian 12 or 13")
    found = {name: _version(name) for name in (*RUNTIMES, *PACKAGES)}
    missing = [name for name in PACKAGES if not found[name]]
    if not any(found[name] for name in RUNTIMES):
        missing.append(" or ".join(RUNTIMES))
    if missing:
        yield problem("program", f"not installed: {', '.join(missing)}", "install Affetto again with install.sh")
    there = ", ".join(f"{name} {number}" for name, number in found.items() if number)
    yield well("program", f"{here}; {there}")


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def clock(now_s: float | None = None, state: int | None = None) -> Iterator[Finding]:
    """Check the wall clock; a board without a battery gets the time from the network. `state` is adjtimex(2)'s."""
    now_s = time.time() if now_s is None else now_s
    state = _clock_state() if state is None else state
    words = f"it is {datetime.fromtimestamp(now_s):%Y-%m-%d %H:%M}"
    if now_s < Path(__file__).stat().st_mtime - 86400:
        advice = "connect the network: a board without a battery gets the time there, and TLS fails until then"
        yield problem("clock", f"{words}, which is before this program was installed", advice)
    elif state == TIME_ERROR:
        yield note("clock", f"{words}, and no time server has confirmed it")
    else:
        yield well("clock", f"{words}, confirmed by a time server")


def _clock_state() -> int:
    room = ctypes.create_string_buffer(512)  # struct timex, all zero: only asks
    return int(ctypes.CDLL(None).adjtimex(room))


def models(folder: Path) -> Iterator[Finding]:
    """Check that every model loads, and matches its card's checksum and the shapes that the program expects."""
    loaders: tuple[tuple[str, Callable[[Path], object]], ...] = (
        ("face_detector", FaceDetector.load),
        ("emotion", EmotionClassifier.load),
        ("music_mood", MoodAnalyser.load),
    )
    for name, load in loaders:
        try:
            load(folder)
            card = read_card(folder / f"{name}.json", name)
        except AffettoError as error:
            yield problem("models", str(error))
        else:
            yield well("models", _describe(card, folder / f"{name}.tflite"))


def _describe(card: Card, path: Path) -> str:
    return f"{card.name} {card.version}, {path.stat().st_size / 1024:.0f} KiB, sha256 {card.sha256[:12]} as on its card"


def state(folder: Path, damage: str = "") -> Iterator[Finding]:
    """Check that the data folder can be written and has free space. `damage`: the problem with its database."""
    if damage:
        yield problem("state", damage)
    there = next(place for place in (folder, *folder.parents) if place.exists())
    advice = f"make the user who runs Affetto the owner of {folder} (chown), or set device.data_dir to another folder"
    try:
        with tempfile.TemporaryFile(dir=there if there == folder else None) as file:
            file.write(b"x")
        if there != folder and not os.access(there, os.W_OK | os.X_OK):
            raise PermissionError(13, "permission denied")
        free_mb = shutil.disk_usage(there).free // 2**20
    except OSError as error:
        yield problem("state", f"{there} cannot be written ({(error.strerror or str(error)).lower()})", advice)
        return
    if free_mb < FREE_MB:
        yield problem("state", f"the disk of {there} has {free_mb} MB left", f"free at least {FREE_MB} MB")
    elif there == folder:
        yield well("state", f"{folder} can be written, {free_mb} MB free")
    else:
        yield well("state", f"the first start will create {folder}, {free_mb} MB free")


def remembered(folder: Path, defaults: Memory) -> tuple[Memory, str]:
    """The stored memory, and the problem with its database (empty: none). Reads a copy, because opening the store
    repairs it, and only the running program may do that."""
    with tempfile.TemporaryDirectory() as scratch:
        copy(folder, "state.db*", scratch)
        with closing(Store.open(Path(scratch), defaults)) as store:
            return store.memory, store.problem.replace(scratch, str(folder))


def copy(folder: Path, pattern: str, scratch: str) -> None:
    """Copy the files that exist and are readable; the rest counts as absent."""
    for path in folder.glob(pattern):
        with suppress(OSError):
            shutil.copy(path, scratch)
