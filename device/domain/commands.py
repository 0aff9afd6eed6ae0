"""Commands: what people may ask of the device. Every surface translates its own wire format to these.

A *setting* holds until somebody sets it anew, and survives a power cut. An *order* is about the music as it plays now.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from device.domain.affect import MoodName
from device.domain.music import PolicyName


class Transport(StrEnum):
    """What people ask of the playback."""

    PLAY = "play"
    PAUSE = "pause"
    STOP = "stop"
    NEXT = "next"
    PREVIOUS = "previous"
    TOGGLE = "toggle"


class Liking(StrEnum):
    """What people say of the track that plays. `NEVER` keeps it out until somebody allows it again."""

    LIKE = "like"
    DISLIKE = "dislike"
    NEVER = "never"


# --- Settings ---


@dataclass(frozen=True, slots=True)
class SetMood:
    """Take this mood as the room's; None goes back to what the evidence says ("auto")."""

    mood: MoodName | None


@dataclass(frozen=True, slots=True)
class SetPolicy:
    """How the room's mood is turned into the music's."""

    policy: PolicyName


@dataclass(frozen=True, slots=True)
class SetVolume:
    """Percent, 0 to 100, or, `relative`, a step of -100 to 100. The device never passes its `max_volume`."""

    percent: int
    relative: bool = False


@dataclass(frozen=True, slots=True)
class SetProfile:
    """Whose taste counts now."""

    name: str


@dataclass(frozen=True, slots=True)
class SetRoom:
    """The room this device is in; empty for none."""

    name: str


@dataclass(frozen=True, slots=True)
class SetCamera:
    """Camera on (consent) or off."""

    on: bool


# --- Orders ---


@dataclass(frozen=True, slots=True)
class SetPlayback:
    """Play, pause, stop, next, previous or toggle."""

    transport: Transport


@dataclass(frozen=True, slots=True)
class SeekTo:
    """Go to so many seconds from the beginning of the track, or, `relative`, from where it is."""

    seconds: float
    relative: bool = False


@dataclass(frozen=True, slots=True)
class SetTrackMood:
    """The track that plays has this mood, whatever folder, tags and model say; None ("auto") forgets that."""

    mood: MoodName | None


@dataclass(frozen=True, slots=True)
class Feedback:
    """What somebody thinks of the track that plays."""

    liking: Liking


@dataclass(frozen=True, slots=True)
class AllowAgain:
    """Take a track off the list of those that never play: by its URI; None for the one that was put there last."""

    uri: str | None = None


Setting = SetMood | SetPolicy | SetVolume | SetProfile | SetRoom | SetCamera
Order = SetPlayback | SeekTo | SetTrackMood | Feedback | AllowAgain
Command = Setting | Order


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a command came from, so that its answer finds the way back: the surface ("MQTT"), the address there (a
    topic), and the words as they came. The core reads none of it but for the log."""

    surface: str = ""
    address: str = ""
    words: str = ""
