"""The state of the device as everybody else sees it: one frozen tree, made anew after every event.

Times are monotonic seconds (`Now.mono`). A surface that publishes wall-clock time works it out when it publishes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from device.domain.affect import Mood
from device.domain.music import Choice, PlaybackState, PolicyName, Position, Track


@dataclass(frozen=True, slots=True)
class PlaybackView:
    """What sounds. `state` is PLAYING only while something sounds, or between two songs. `position` is what the player
    measured in `choice`, None before it has. `volume` and `max_volume` in percent; `cover` is a JPEG or empty."""

    state: PlaybackState
    choice: Choice | None
    position: Position | None
    volume: int
    max_volume: int
    cover: bytes = b""


@dataclass(frozen=True, slots=True)
class People:
    """Whose taste counts."""

    profile: str


@dataclass(frozen=True, slots=True)
class Camera:
    """`wanted`: somebody consented. `open`: the eye holds the camera, whatever is wanted."""

    wanted: bool
    open: bool


@dataclass(frozen=True, slots=True)
class HealthReport:
    """How the device is doing. `problems` are sentences about the device as a whole; `notes` about single files.
    `figures` are numbers of the processes, with their units in the names."""

    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    uptime_s: float = 0.0
    camera: str = ""
    eye_fps: float = 0.0
    eye_starts: int = 0
    tracks: int = 0
    analysed: int = 0
    figures: Mapping[str, float] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether there is nothing to mend."""
        return not self.problems


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that surfaces may show. `queue` is what follows, as far as it is chosen; `never` are the tracks that
    somebody banned, the latest last."""

    mood: Mood
    policy: PolicyName
    playback: PlaybackView
    queue: tuple[Choice, ...]
    never: tuple[Track, ...]
    people: People
    room: str
    camera: Camera
    health: HealthReport
