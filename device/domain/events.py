"""Events: what happened. Threads put them into the inbox and decide nothing; `session.handle` takes one at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from device.domain.commands import Command, Origin
from device.domain.faces import Reading
from device.domain.memory import Memory
from device.domain.music import Position, Track
from device.domain.rooms import GroupNews
from device.domain.update import Update


@dataclass(frozen=True, slots=True)
class Now:
    """Both clocks, read once for each event: `mono` (s, never jumps) for decisions, `wall` (s) for records."""

    mono: float
    wall: float


@dataclass(frozen=True, slots=True)
class Tick:
    """A second has passed, more or less. `figures` are process statistics for the health report."""

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
    """The eye is gone. `problem` says why; it is empty if we closed it. The eye client reconnects by itself."""

    problem: str = ""


@dataclass(frozen=True, slots=True)
class SwitchTurned:
    """The camera's hardware switch is on or off. `problem`: why it cannot be read; then it is off."""

    on: bool
    problem: str = ""


@dataclass(frozen=True, slots=True)
class TrackStarted:
    """The player is audibly playing the track with this serial number, at this measured position. `length_s` is how
    long the player thinks the track is; 0 if it does not know."""

    serial: int
    position: Position
    length_s: float = field(default=0.0, compare=False)


@dataclass(frozen=True, slots=True)
class TrackEnded:
    """The track with this serial number played to its end."""

    serial: int


@dataclass(frozen=True, slots=True)
class Disk:
    """A drive or a file server: the `file://` URI of the folder where it appears, and its name for people."""

    uri: str
    name: str


@dataclass(frozen=True, slots=True)
class TrackFailed:
    """The track with this serial number cannot be played. `disk`: the one that does not answer, if that is why."""

    serial: int
    problem: str
    disk: Disk | None = None


@dataclass(frozen=True, slots=True)
class TrackEnding:
    """The track with this serial number has only some seconds left: it is time to `Cue` the next one."""

    serial: int


@dataclass(frozen=True, slots=True)
class TrackAt:
    """The position in the track with this serial number, as the player measured it. The player sends it every few
    seconds, after a seek, at a pause, and when the track continues."""

    serial: int
    position: Position


@dataclass(frozen=True, slots=True)
class SpeechEnded:
    """The announcement with this serial number is over. `problem` says why it was not heard to its end, if so."""

    serial: int
    problem: str = ""


@dataclass(frozen=True, slots=True)
class UpdateSeen:
    """The service that installs updates has something new to say."""

    update: Update


@dataclass(frozen=True, slots=True)
class SoundLost:
    """The sound device no longer works, or not yet. The player keeps the position and retries by itself until
    `SoundBack`."""

    problem: str


@dataclass(frozen=True, slots=True)
class SoundBack:
    """The sound device works again; the track continues where it stopped."""


@dataclass(frozen=True, slots=True)
class SurfaceUp:
    """A surface ("MQTT") has a connection (again). `known_as` is the name under which it publishes the device.
    `problem` is a sentence about what still does not work. `largest_bytes` is a message size that probably gets
    through, after larger messages did not (None: no limit is known)."""

    surface: str
    known_as: str = ""
    problem: str = ""
    largest_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class SurfaceDown:
    """A surface has lost its connection. `problem` says why, in a sentence. The surface reconnects by itself."""

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
class PlaylistChanged:
    """The playlist that somebody asked for is written, or deleted."""

    origin: Origin


@dataclass(frozen=True, slots=True)
class LibraryLoaded:
    """The library as it is now: all playable tracks. `problems` are sentences about the library as a whole, `notes`
    are sentences about single files. `index` is what the scanner's thread has prepared for `music.recommend`, if
    anything. `playlists`: by name, the key of each track or the address of each stream."""

    tracks: tuple[Track, ...]
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    index: object | None = None
    playlists: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Saved:
    """The store wrote `memory` to the disk, or failed: `problem` says why."""

    memory: Memory
    problem: str = ""


@dataclass(frozen=True, slots=True)
class FromGroup:
    """News from the group with this name."""

    group: str
    news: GroupNews


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
    | SwitchTurned
    | TrackStarted
    | TrackEnded
    | TrackFailed
    | TrackEnding
    | TrackAt
    | SpeechEnded
    | UpdateSeen
    | SoundLost
    | SoundBack
    | SurfaceUp
    | SurfaceDown
    | Asked
    | Misunderstood
    | PlaylistChanged
    | LibraryLoaded
    | CoverRead
    | FromGroup
    | Saved
)
