"""Actions: what is to be done. `session.handle` returns them and does nothing itself; the daemon does them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from device.domain.affect import MoodName
from device.domain.commands import Origin
from device.domain.music import Listen, Memory, Track
from device.domain.notices import EventType


@dataclass(frozen=True, slots=True)
class Play:
    """Play `track` as number `serial` from `start_s` on. What plays now is faded out over `fade_s` (0 = cut); every
    later event about it falls away because its serial is old."""

    serial: int
    track: Track
    fade_s: float = 0.0
    start_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Cue:
    """Get `track` ready and play it as number `serial` when what plays now is over, without a gap. Takes the place of
    an earlier cue; `Play` and `Silence` drop it."""

    serial: int
    track: Track


@dataclass(frozen=True, slots=True)
class Seek:
    """Go on with track number `serial`, if that is the one that plays, at `position_s`."""

    serial: int
    position_s: float


@dataclass(frozen=True, slots=True)
class Pause:
    """Hold the track where it is."""


@dataclass(frozen=True, slots=True)
class Resume:
    """Go on after a pause."""


@dataclass(frozen=True, slots=True)
class Silence:
    """Stop the music, fading over `fade_s`."""

    fade_s: float = 0.0


@dataclass(frozen=True, slots=True)
class RampVolume:
    """Ramp to `percent` (0 to 100); the player never passes its own `max_volume`."""

    percent: int


@dataclass(frozen=True, slots=True)
class Announce:
    """Something happened: every surface says so, once. `facts` are plain values that JSON has words for."""

    event_type: EventType
    facts: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Answer:
    """A command was not obeyed, or not wholly: the surface that it came from says why."""

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
    """Add one line to the history."""

    listen: Listen


@dataclass(frozen=True, slots=True)
class Correct:
    """Keep what somebody said of the mood of the content called `track_key`; None forgets it. LibraryLoaded follows."""

    track_key: str
    mood: MoodName | None


@dataclass(frozen=True, slots=True)
class ReadCover:
    """Read the cover of the track at this URI; CoverRead follows."""

    uri: str


@dataclass(frozen=True, slots=True)
class Log:
    """Say this sentence in the log."""

    words: str


Notice = Announce | Answer
"""What surfaces say once. What they show all the time is the Snapshot."""

Action = (
    Play
    | Cue
    | Seek
    | Pause
    | Resume
    | Silence
    | RampVolume
    | OpenEye
    | CloseEye
    | Save
    | Record
    | Correct
    | ReadCover
    | Log
    | Notice
)
