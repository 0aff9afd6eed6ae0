"""Actions: what is to be done. `session.handle` returns them and does nothing itself; the daemon does them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from device.domain.affect import MoodName
from device.domain.music import Listen, Memory, Track


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
class SetVolume:
    """Ramp to `percent` (0 to 100); the player never passes its own `max_volume`."""

    percent: int


@dataclass(frozen=True, slots=True)
class Publish:
    """Send `payload` (text and bytes as they are, a mapping as JSON) to the full topic `topic`, QoS 1."""

    topic: str
    payload: str | bytes | Mapping[str, object]
    retain: bool = True


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


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Obey commands for this room's group too (empty: for none)."""

    room: str


Action = (
    Play
    | Cue
    | Seek
    | Pause
    | Resume
    | Silence
    | SetVolume
    | Publish
    | OpenEye
    | CloseEye
    | Save
    | Record
    | Correct
    | ReadCover
    | Log
    | Subscribe
)
