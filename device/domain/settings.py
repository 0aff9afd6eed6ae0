"""Settings: commands that hold until somebody changes them, and survive a power cut."""

from __future__ import annotations

from dataclasses import dataclass

from device.domain.affect import MoodName
from device.domain.music import PolicyName


@dataclass(frozen=True, slots=True)
class SetMood:
    """Use this mood as the room's; None ("auto") follows the evidence again."""

    mood: MoodName | None


@dataclass(frozen=True, slots=True)
class SetPolicy:
    """How the music follows the room's mood."""

    policy: PolicyName


@dataclass(frozen=True, slots=True)
class SetVolume:
    """Percent, 0 to 100, or, `relative`, a step of -100 to 100. The device never passes its `max_volume`."""

    percent: int
    relative: bool = False


@dataclass(frozen=True, slots=True)
class SetMute:
    """Silence everything, announcements too, or let it be heard again at the same volume."""

    on: bool


@dataclass(frozen=True, slots=True)
class SetProfile:
    """Choose music for this profile's taste alone."""

    name: str


@dataclass(frozen=True, slots=True)
class SetPresent:
    """Choose music for the tastes of all these profiles; none means `everyone`."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SetPresence:
    """This profile comes (`here`) or goes."""

    name: str
    here: bool


@dataclass(frozen=True, slots=True)
class SetGuests:
    """Guest mode: while it is on, the device learns nothing from what happens."""

    on: bool


@dataclass(frozen=True, slots=True)
class SetRoom:
    """The room that this device is in; empty for none."""

    name: str


@dataclass(frozen=True, slots=True)
class SetGroup:
    """The group that this device plays with; empty for none."""

    name: str


@dataclass(frozen=True, slots=True)
class SetCamera:
    """Camera on (consent) or off."""

    on: bool


@dataclass(frozen=True, slots=True)
class SetContext:
    """What is going on; see `Context`. None leaves a part as it is, an empty text or 0 ends it."""

    activity: str | None = None
    guests: int | None = None
    scene: str | None = None
    weather: str | None = None


PeopleSetting = SetProfile | SetPresent | SetPresence | SetGuests | SetContext
Setting = SetMood | SetPolicy | SetVolume | SetMute | SetRoom | SetGroup | SetCamera | PeopleSetting
