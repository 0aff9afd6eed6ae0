"""Events: what happened. Threads put them into the inbox and decide nothing; `session.handle` takes them one by one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from device.domain.commands import Command, Origin
from device.domain.faces import Reading
from device.domain.music import Memory, Position, Track


@dataclass(frozen=True, slots=True)
class Now:
    """The two clocks, read once for each event: `mono` (s, never jumps) for decisions, `wall` (s) for records."""

    mono: float
    wall: float


@dataclass(frozen=True, slots=True)
class Tick:
    """Time went on (about once a second). `figures` are numbers of the processes for the health report."""

    figures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EyeOpened:
    """The eye answered and its camera delivers; `camera` describes it."""

    camera: str


@dataclass(frozen=True, slots=True)
class EyeRead:
    """A reading arrived."""

    reading: Reading


@dataclass(frozen=True, slots=True)
class EyeClosed:
    """The eye is gone. `problem` says why, empty if it was asked to go. The link retries by itself."""

    problem: str = ""


@dataclass(frozen=True, slots=True)
class TrackStarted:
    """The player is audibly playing the track with this serial number, at this measured position."""

    serial: int
    position: Position


@dataclass(frozen=True, slots=True)
class TrackEnded:
    """The track with this serial number played to its end."""

    serial: int


@dataclass(frozen=True, slots=True)
class TrackFailed:
    """The track with this serial number cannot be played."""

    serial: int
    problem: str


@dataclass(frozen=True, slots=True)
class TrackEnding:
    """The track with this serial number has some seconds left: the time to say what follows it (`Cue`)."""

    serial: int


@dataclass(frozen=True, slots=True)
class TrackAt:
    """Where the track with this serial number is, as the player measured it: every few seconds, after a seek, at a
    pause and when it goes on."""

    serial: int
    position: Position


@dataclass(frozen=True, slots=True)
class SoundLost:
    """The sound device does not take the music any more (or not yet). The player holds the track where it is and tries
    again by itself until `SoundBack`."""

    problem: str


@dataclass(frozen=True, slots=True)
class SoundBack:
    """The sound device takes music again; the track goes on where it was."""


@dataclass(frozen=True, slots=True)
class SurfaceUp:
    """A surface ("MQTT") reaches its listeners (again). `known_as` is the name under which it publishes the device."""

    surface: str
    known_as: str = ""


@dataclass(frozen=True, slots=True)
class SurfaceDown:
    """A surface reaches nobody. `problem` says why, in a sentence; it tries again by itself."""

    surface: str
    problem: str


@dataclass(frozen=True, slots=True)
class Asked:
    """Somebody asks for something on a surface."""

    command: Command
    origin: Origin


@dataclass(frozen=True, slots=True)
class Misunderstood:
    """A surface could not read what somebody asked for; `message` says why, in a sentence."""

    origin: Origin
    message: str


@dataclass(frozen=True, slots=True)
class LibraryLoaded:
    """The library as it is now: all playable tracks. `problems` are sentences about the library as a whole, `notes`
    about single files. `index` is what the scanner's thread prepared for choosing (`music.recommend`), if anything."""

    tracks: tuple[Track, ...]
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    index: object | None = None


@dataclass(frozen=True, slots=True)
class Saved:
    """The store wrote `memory` to the disk, or could not: `problem` says why."""

    memory: Memory
    problem: str = ""


@dataclass(frozen=True, slots=True)
class CoverRead:
    """The cover of the track at this URI, as a small JPEG; empty if it has none."""

    uri: str
    picture: bytes


Event = (
    Tick
    | EyeOpened
    | EyeRead
    | EyeClosed
    | TrackStarted
    | TrackEnded
    | TrackFailed
    | TrackEnding
    | TrackAt
    | SoundLost
    | SoundBack
    | SurfaceUp
    | SurfaceDown
    | Asked
    | Misunderstood
    | LibraryLoaded
    | CoverRead
    | Saved
)
