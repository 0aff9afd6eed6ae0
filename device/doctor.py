"""What `affetto check` asks, one function a part of the appliance, each answering with findings.

A doctor does no harm: nothing is changed, a program that runs is not disturbed, and the camera is opened only where
its switch is on or the user asks for it; then it is the eye that looks, as always, and no picture comes here. Main
thread; the broker and the eye are heard through a queue.
"""

from __future__ import annotations

import ctypes
import os
import platform
import queue
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from itertools import pairwise
from pathlib import Path

from device.config import CameraConfig, Config, MqttConfig, MusicConfig, PlayerConfig
from device.domain import BrokerConnected, BrokerLost, Event, EyeClosed, EyeOpened, EyeRead, Memory, Message, MoodName
from device.errors import AffettoError
from device.home.mqtt import Connection
from device.home.topics import Topics
from device.model import Card, read_card
from device.music import outputs
from device.music.catalogue import Catalogue
from device.music.vlc_player import VlcPlayer
from device.perception import picamera, v4l2
from device.perception.emotion import EmotionClassifier
from device.perception.faces import FaceDetector
from device.perception.link import EyeLink
from device.state import Store

PACKAGES = ("opencv-python-headless", "numpy", "python-vlc", "paho-mqtt", "PyYAML", "mutagen", "rich")
RUNTIMES = ("ai-edge-litert", "tflite-runtime")  # one of them
BROKER_S = 8.0  # to connect, name look-up included
RETAINED_S = 0.5  # for what the broker has kept of this device
EYE_S = 15.0  # to load the models, open the camera and look once
FREE_MB = 50  # for the catalogue and what survives a restart
TIME_ERROR = 5  # of adjtimex(2): nobody has set the clock


class Verdict(StrEnum):
    """What a finding means."""

    WELL = "well"
    NOTE = "note"  # as it is meant to be, or not examined; worth knowing
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found in one part, and what to do about it (empty: nothing, or `words` say it already)."""

    part: str
    verdict: Verdict
    words: str
    advice: str = ""


def well(part: str, words: str) -> Finding:
    return Finding(part, Verdict.WELL, words)


def note(part: str, words: str, advice: str = "") -> Finding:
    return Finding(part, Verdict.NOTE, words, advice)


def problem(part: str, words: str, advice: str = "") -> Finding:
    return Finding(part, Verdict.PROBLEM, words, advice)


def is_running(proc: Path = Path("/proc")) -> bool:
    """Whether another process of this machine is `affetto run` (or the demo, which starts one)."""
    for path in proc.glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue  # it has ended meanwhile
        names = [word.rpartition(b"/")[2] for word in words]
        if any(pair in ((b"affetto", b"run"), (b"device", b"run")) for pair in pairwise(names)):
            return True
    return False


# --- The program and its machine --------------------------------------------------------------------------------


def program() -> Iterator[Finding]:
    """Python, the processor, and every package that the program stands on."""
    here = f"Python {platform.python_version()}, {platform.machine()}"
    if sys.maxsize <= 2**32 or sys.version_info < (3, 11):
        yield problem("program", here, "a 64-bit system with Python 3.11 or newer is needed: Debian 12 or 13")
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
    """The wall clock, which a board without a battery only has from the network. `state` is adjtimex(2)'s."""
    now_s = time.time() if now_s is None else now_s
    state = _clock_state() if state is None else state
    words = f"it is {datetime.fromtimestamp(now_s):%Y-%m-%d %H:%M}"
    if now_s < Path(__file__).stat().st_mtime - 86400:
        advice = "connect the network, from which a board without a battery has its time; TLS fails until then"
        yield problem("clock", f"{words}, which is before this program was installed", advice)
    elif state == TIME_ERROR:
        yield note("clock", f"{words}, and no time server has confirmed it")
    else:
        yield well("clock", f"{words}, confirmed by a time server")


def _clock_state() -> int:
    room = ctypes.create_string_buffer(512)  # struct timex, all zero: only asks
    return int(ctypes.CDLL(None).adjtimex(room))


def models(folder: Path) -> Iterator[Finding]:
    """Every model loads, is the one of its card by checksum, and has the shapes that the program expects."""
    loaders: tuple[tuple[str, Callable[[Path], object]], ...] = (
        ("face_detector", FaceDetector.load),
        ("emotion", EmotionClassifier.load),
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
    """The folder of what survives a restart can be written, and has room; `damage` is what its file suffers from."""
    if damage:
        yield problem("state", damage)
    there = next(place for place in (folder, *folder.parents) if place.exists())
    advice = f"give {folder} to the user who runs Affetto (chown), or set device: data_dir to a folder of theirs"
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
        yield well("state", f"{folder} will be made at the first start, {free_mb} MB free")


def remembered(folder: Path, defaults: Memory) -> tuple[Memory, str]:
    """What is switched on, and what is wrong with the file that says so (empty: nothing). Reads a copy, because
    opening the store itself would repair it, and it belongs to the program."""
    with tempfile.TemporaryDirectory() as scratch:
        _copy(folder, "state.db*", scratch)
        with closing(Store.open(Path(scratch), defaults)) as store:
            return store.memory, store.problem.replace(scratch, str(folder))


def _copy(folder: Path, pattern: str, scratch: str) -> None:
    """As much as there is and may be read: what cannot be copied is then examined as if it were not there."""
    for path in folder.glob(pattern):
        with suppress(OSError):
            shutil.copy(path, scratch)


# --- What it is connected to ------------------------------------------------------------------------------------


def broker(config: MqttConfig, topics: Topics) -> Iterator[Finding]:
    """Connects with the configured name and password, and hears whether the device is there already."""
    if not config.enabled:
        yield note("broker", "MQTT is switched off in the configuration")
        return
    events: queue.SimpleQueue[Event] = queue.SimpleQueue()
    place = f"{config.host}:{config.port}"
    try:
        connection = Connection(config, events.put, [topics.availability])
    except AffettoError as error:
        yield problem("broker", str(error))
        return
    with closing(connection):
        connection.start()
        match _next(events, BROKER_S, BrokerConnected, BrokerLost):
            case BrokerConnected():
                kept = _next(events, RETAINED_S, Message)
            case BrokerLost(words):
                yield problem("broker", words)
                return
            case _:
                yield problem("broker", f"{place} does not answer within {BROKER_S:.0f} s", "check mqtt: host and port")
                return
    who = f"as {config.username}" if config.username else "without a password"
    seen = kept.payload.decode(errors="replace") if isinstance(kept, Message) else "not been there yet"
    has = "is" if isinstance(kept, Message) else "has"
    yield well("broker", f"{place} lets us in {who}; {topics.device} {has} {seen}")


def _next(events: queue.SimpleQueue[Event], patience_s: float, *kinds: type[Event]) -> Event | None:
    """The next event of one of these kinds, or None when the time is up."""
    end_s = time.monotonic() + patience_s
    while (left_s := end_s - time.monotonic()) > 0:
        try:
            event = events.get(timeout=left_s)
        except queue.Empty:
            break
        if isinstance(event, kinds):
            return event
    return None


def sound(config: PlayerConfig, busy: bool) -> Iterator[Finding]:
    """libVLC starts, and its sound device opens. A program that plays just now has the device for itself."""
    try:
        with tempfile.TemporaryDirectory() as scratch, closing(VlcPlayer(config, Path(scratch), _ignore)) as player:
            words, fault = player.describe(), "" if busy else player.problem()
    except AffettoError as error:
        yield problem("sound", str(error))
        return
    if fault:
        yield problem("sound", fault)
    elif config.output == "auto" and outputs.present(os.environ, Path("/dev")) == "nothing":
        yield problem("sound", words, "connect a sound card, or set player: output to dummy where silence is meant")
    else:
        yield well("sound", f"{words}; at most {config.max_volume} %")


def _ignore(_: Event) -> None:
    pass


def library(config: MusicConfig, data_dir: Path) -> Iterator[Finding]:
    """The music folders can be read, and there is something to play in them."""
    for folder in map(Path, config.folders):
        try:
            next(folder.iterdir(), None)
        except FileNotFoundError:
            yield problem("library", f"{folder} does not exist", _where_music_goes(f"mkdir -p {folder}"))
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            yield problem("library", f"{folder} cannot be read ({reason})", "check whose it is with ls -l")
    readable = [folder for folder in map(Path, config.folders) if os.access(folder, os.R_OK | os.X_OK)]
    if readable:
        yield from _tracks(readable, data_dir)


def _tracks(folders: Sequence[Path], data_dir: Path) -> Iterator[Finding]:
    """Brings a copy of the catalogue up to date, which reads what is new, and throws it away."""
    try:
        with tempfile.TemporaryDirectory() as scratch:
            _copy(data_dir, "catalogue.db*", scratch)
            with closing(Catalogue.open(Path(scratch))) as catalogue:
                found = catalogue.scan(folders)
    except AffettoError as error:
        yield problem("library", str(error))
        return
    where = ", ".join(map(str, folders))
    for line in found.problems[:10]:
        yield note("library", line)
    if (more := len(found.problems) - 10) > 0:
        yield note("library", f"and {more} more files that cannot be played", "affetto scan lists them all")
    if count := len(found.tracks):
        yield well("library", f"{count} track{'s' if count > 1 else ''} in {where}")
    else:
        yield problem("library", f"nothing to play in {where}", _where_music_goes("copy music there"))


def _where_music_goes(first: str) -> str:
    return f"{first}; folders named {', '.join(MoodName)} say what mood their music has"


# --- The camera -------------------------------------------------------------------------------------------------


def camera(config: Config, path: Path | None, *, switched_on: bool, asked: bool, busy: bool) -> Iterator[Finding]:
    """Which camera there is; one look through it if the switch is on or the user asked, and it is not in use."""
    named = _name_camera(config.camera)
    if busy:
        yield note("camera", f"{named}; left to the program that is running, whose health topic tells how it does")
    elif switched_on or asked:
        yield _look(config.camera, path)
    else:
        yield note("camera", f"{named}; switched off, so it was not opened", "affetto check --camera takes one look")


def _name_camera(config: CameraConfig) -> str:
    if config.source != "auto":
        return config.source
    if (found := picamera.find_camera()) is not None:
        return f"Raspberry Pi camera {found[1]}"
    node = v4l2.find_node()
    return f"{v4l2.card_of(node)} at {node}" if node is not None else "no camera was found"


def _look(config: CameraConfig, path: Path | None) -> Finding:
    """One reading, through an eye of our own."""
    events: queue.SimpleQueue[Event] = queue.SimpleQueue()
    link = EyeLink(config, path, events.put)
    link.open()
    try:
        opened = _next(events, EYE_S, EyeOpened, EyeClosed)
        seen = _next(events, EYE_S, EyeRead, EyeClosed) if isinstance(opened, EyeOpened) else opened
    finally:
        link.close()
        link.join()
    match opened, seen:
        case EyeOpened(name), EyeRead(reading):
            cost_ms = sum(reading.costs_ms.values())
            return well("camera", f"{name} gives pictures; faces seen: {len(reading.faces)}, in {cost_ms:.0f} ms")
        case _, EyeClosed(words):
            return problem("camera", words)
        case _:
            return problem("camera", f"nothing was seen within {EYE_S:.0f} s", "unplug the camera and plug it in again")
