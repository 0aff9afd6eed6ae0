"""What the device remembers across a power cut."""

from __future__ import annotations

from dataclasses import dataclass, field

from device.domain.affect import MoodName
from device.domain.context import Context
from device.domain.music import EVERYONE, PlaybackState, PolicyName
from device.domain.requests import Requests
from device.domain.schedule import Alarm, ScheduleMemory, SchedulePlan


@dataclass(frozen=True, slots=True)
class Memory:
    """What survives a power cut, apart from the history of listens. `volume` is in percent. `profiles` are the people
    whose tastes count now, at least one. While `guests` are here, the device learns nothing."""

    volume: int = 30
    policy: PolicyName = PolicyName.MATCH
    camera: bool = False
    room: str = ""
    profiles: tuple[str, ...] = (EVERYONE,)
    guests: bool = False
    mood: MoodName | None = None  # a mood set by hand; None is "auto"
    playback: PlaybackState = PlaybackState.PLAYING
    track_key: str = ""
    position_s: float = 0.0  # the last known position in that track
    camera_by: str = ""  # who switched the camera on or off last, in words; empty: nobody ever did
    muted: bool = False
    known_as: str = ""  # the name under which the broker knows this device: Topics.record
    requests: Requests = field(default_factory=Requests)
    alarms: tuple[Alarm, ...] = ()
    schedule: ScheduleMemory = field(default_factory=ScheduleMemory)
    plan: SchedulePlan = field(default_factory=SchedulePlan)  # settings of the schedule that a command changed
    context: Context = field(default_factory=Context)
    group: str = ""  # the group that the device plays with; empty for none
