"""Events: what happened. Threads put them into the inbox and decide nothing; `session.handle` takes them one by one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from device.domain.faces import Reading
from device.domain.music import Track


@dataclass(frozen=True, slots=True)
class Now:
    """The two clocks, read once for each event: `mono` (s, never jumps) for decisions, `wall` (s) for records."""

    mono: float
    wall: float


@dataclass(frozen=True, slots=True)
class Tick:
    """Time went on (about once a second). `vitals` are figures of the process for `health`."""

    vitals: Mapping[str, float] = field(default_factory=dict)


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
    """The player is audibly playing the track with this serial number."""

    serial: int


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
    """The track with this serial number is heard at `position_s`; said every few seconds, after a seek, at a pause."""

    serial: int
    position_s: float


@dataclass(frozen=True, slots=True)
class SoundLost:
    """The sound device does not take the music any more (or not yet). The player holds the track where it is and tries
    again by itself until `SoundBack`."""

    problem: str


@dataclass(frozen=True, slots=True)
class SoundBack:
    """The sound device takes music again; the track goes on where it was."""


@dataclass(frozen=True, slots=True)
class BrokerConnected:
    """MQTT is up (again): everything retained is to be said anew."""


@dataclass(frozen=True, slots=True)
class BrokerLost:
    """MQTT is down; paho reconnects by itself."""

    problem: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """An MQTT message on one of our command topics, as it came. `topic` is the full topic; `retained` says that the
    broker had kept it from earlier."""

    topic: str
    payload: bytes
    retained: bool = False


@dataclass(frozen=True, slots=True)
class LibraryLoaded:
    """The library as it is now: all playable tracks. `problems` are sentences about the library as a whole, `notes`
    about single files. `index` is what the scanner's thread prepared for choosing (`music.recommend`), if anything."""

    tracks: tuple[Track, ...]
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    index: object | None = None


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
    | BrokerConnected
    | BrokerLost
    | Message
    | LibraryLoaded
    | CoverRead
)
