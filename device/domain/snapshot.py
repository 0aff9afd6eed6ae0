"""The state of the device as everybody else sees it: one frozen tree, a new one after every event.

Times are monotonic seconds (`Now.mono`). A surface that publishes wall-clock times converts them when it publishes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from device.domain.affect import Mood
from device.domain.context import Context
from device.domain.music import EVERYONE, Choice, PlaybackState, PolicyName, Position, Track
from device.domain.requests import QueueEntry, SkipVotes
from device.domain.rooms import GroupView
from device.domain.schedule import ScheduleView
from device.domain.update import Update


@dataclass(frozen=True, slots=True)
class PlaybackView:
    """What plays. `state` is PLAYING only while music is audible, or between two songs. `position` is the player's
    measurement in `choice`, None before the first one. `volume` and `max_volume` are in percent; `cover` is a JPEG or
    empty. `foreign`: `choice` is media from outside (its `uri` is a URL), not the library's. `announcement` is what is
    being spoken over the music. `muted`: nothing is heard, whatever the volume."""

    state: PlaybackState
    choice: Choice | None
    position: Position | None
    volume: int
    max_volume: int
    cover: bytes = b""
    muted: bool = False
    foreign: bool = False
    announcement: Track | None = None


@dataclass(frozen=True, slots=True)
class People:
    """`profiles`: whose tastes the music follows, at least one. `known`: everybody of whom the device has learnt
    something. While `guests` are here, the device learns nothing."""

    profiles: tuple[str, ...] = (EVERYONE,)
    guests: bool = False
    known: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Camera:
    """`wanted`: somebody consented, and no hardware switch is off. `open`: the eye has the camera open, whether wanted
    or not. `switched_off`: the hardware switch is off."""

    wanted: bool
    open: bool
    switched_off: bool = False


SWITCHED_OFF = "off (switch)"  # what the report of health says of a camera that its hardware switch holds off


@dataclass(frozen=True, slots=True)
class HealthReport:
    """The state of health. `problems` are sentences about the device as a whole, `notes` are sentences about single
    files. `figures` are process statistics, with their units in the names."""

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
        """Whether there are no problems."""
        return not self.problems


MOST_PLAYLISTS = 200


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that surfaces may show. `queue` is what plays next, in this order: the device's choice, as far as
    it is made, and people's requests. `never` lists the banned tracks, the latest last. `occupied`: somebody is in
    the room, whoever it is; None if no camera looks. `question`: a nod or a shake of the head answers now. `group`
    is None for a device that plays alone. `playlists` are their names, at most `MOST_PLAYLISTS`."""

    mood: Mood
    policy: PolicyName
    playback: PlaybackView
    queue: tuple[QueueEntry, ...]
    never: tuple[Track, ...]
    people: People
    room: str
    camera: Camera
    health: HealthReport
    skip_votes: SkipVotes = field(default_factory=SkipVotes)
    occupied: bool | None = None
    update: Update = field(default_factory=Update)
    schedule: ScheduleView = field(default_factory=ScheduleView)
    context: Context = field(default_factory=Context)
    question: bool = False
    group: GroupView | None = None
    playlists: tuple[str, ...] = ()
