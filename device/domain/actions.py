"""Actions: what the conductor must do. `session.handle` returns them and does nothing itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from device.domain.affect import MoodName
from device.domain.commands import Command, Origin
from device.domain.diary import DiaryEntry, Erasure
from device.domain.memory import Memory
from device.domain.music import Listen, Track
from device.domain.notices import EventType, Handled


@dataclass(frozen=True, slots=True)
class Play:
    """Play `track` as number `serial`, starting at `start_s`. Fade out the current track over `fade_s` (0 = cut). The
    session ignores later events about that one, because its serial is old."""

    serial: int
    track: Track
    fade_s: float = 0.0
    start_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Cue:
    """Prepare `track`, and play it without a gap as number `serial` when the current track ends. Replaces an earlier
    cue; `Play` and `Silence` cancel it."""

    serial: int
    track: Track


@dataclass(frozen=True, slots=True)
class Seek:
    """Jump to `position_s` in track number `serial`, if that track is playing."""

    serial: int
    position_s: float


@dataclass(frozen=True, slots=True)
class Pause:
    """Pause the track."""


@dataclass(frozen=True, slots=True)
class Resume:
    """Continue after a pause."""


@dataclass(frozen=True, slots=True)
class Silence:
    """Stop the music, fading over `fade_s`."""

    fade_s: float = 0.0


@dataclass(frozen=True, slots=True)
class RampVolume:
    """Ramp to `percent` (0 to 100); the player never exceeds its own `max_volume`."""

    percent: int


@dataclass(frozen=True, slots=True)
class Speak:
    """Play the announcement `track` as number `serial` at `percent`, over the music, which becomes quiet meanwhile.
    SpeechEnded follows. Replaces an announcement that still plays."""

    serial: int
    track: Track
    percent: int


@dataclass(frozen=True, slots=True)
class RingChime:
    """Play the built-in chime once as number `serial` at `percent`, as `Speak` plays an announcement."""

    serial: int
    percent: int


@dataclass(frozen=True, slots=True)
class Hush:
    """End the announcement or the chime; no event follows. The music comes back."""


@dataclass(frozen=True, slots=True)
class RequestUpdate:
    """Ask the service that may do so to install the latest version, or only to look for it. UpdateSeen follows."""

    install: bool


@dataclass(frozen=True, slots=True)
class Announce:
    """Something happened: every surface publishes it once. `facts` are values that JSON can represent."""

    event_type: EventType
    facts: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Answer:
    """The device refused a command, or obeyed only part of it. The surface that received the command reports why."""

    origin: Origin
    message: str


@dataclass(frozen=True, slots=True)
class OpenEye:
    """Connect to the eye: the camera goes on."""


@dataclass(frozen=True, slots=True)
class CloseEye:
    """Disconnect from the eye: the camera goes off."""


@dataclass(frozen=True, slots=True)
class Save:
    """Make `memory` survive a power cut."""

    memory: Memory


@dataclass(frozen=True, slots=True)
class Record:
    """Add one listen to the history."""

    listen: Listen


@dataclass(frozen=True, slots=True)
class Note:
    """Write this entry into the diary."""

    entry: DiaryEntry


@dataclass(frozen=True, slots=True)
class Erase:
    """Delete this from the history of listens and from the diary."""

    erasure: Erasure


@dataclass(frozen=True, slots=True)
class Correct:
    """Store the mood that somebody set for the track `track_key`; None removes it. LibraryLoaded follows."""

    track_key: str
    mood: MoodName | None


@dataclass(frozen=True, slots=True)
class ChangePlaylist:
    """Write a playlist of these URIs (None: delete it). LibraryLoaded and PlaylistChanged follow, or
    Misunderstood if it cannot be done; only then was the command handled."""

    name: str
    uris: tuple[str, ...] | None
    origin: Origin


LARGEST_COVER = 200_000  # bytes


@dataclass(frozen=True, slots=True)
class ReadCover:
    """Read the cover of the track at this URI, as JPEG of at most `most_bytes`; CoverRead follows."""

    uri: str
    most_bytes: int = LARGEST_COVER


@dataclass(frozen=True, slots=True)
class Forward:
    """Pass this command on to the leader of the group. LeaderAnswered with this number follows, and then `Handled`."""

    command: Command
    number: int


@dataclass(frozen=True, slots=True)
class TellGroup:
    """Let every device of the group, this one included, obey this command. Nobody answers."""

    command: Command


@dataclass(frozen=True, slots=True)
class Log:
    """Write this sentence to the log."""

    message: str


Notice = Announce | Answer
"""What surfaces publish once. What they show continuously is the Snapshot."""

Action = (
    Play
    | Cue
    | Seek
    | Pause
    | Resume
    | Silence
    | RampVolume
    | Speak
    | RingChime
    | Hush
    | RequestUpdate
    | OpenEye
    | CloseEye
    | Save
    | Record
    | Note
    | Erase
    | Correct
    | ChangePlaylist
    | ReadCover
    | Forward
    | TellGroup
    | Log
    | Handled
    | Notice
)
