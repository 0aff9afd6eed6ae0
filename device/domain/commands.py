"""Commands: what people may ask of the device. Every surface translates its own wire format to these.

A *setting* (settings.py) holds until somebody changes it, and survives a power cut. An *order* concerns the music that
plays now.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from device.domain.affect import MoodName
from device.domain.music import Listen
from device.domain.request_orders import PlayPlaylist, RequestOrder
from device.domain.schedule import Alarm
from device.domain.settings import Setting


class Transport(StrEnum):
    """What people can do with the playback."""

    PLAY = "play"
    PAUSE = "pause"
    STOP = "stop"
    NEXT = "next"
    PREVIOUS = "previous"
    TOGGLE = "toggle"


class Liking(StrEnum):
    """What people think of the current track. `NEVER` bans it until somebody allows it again."""

    LIKE = "like"
    DISLIKE = "dislike"
    NEVER = "never"


# --- Orders ---


@dataclass(frozen=True, slots=True)
class SetPlayback:
    """Play, pause, stop, next, previous or toggle."""

    transport: Transport


@dataclass(frozen=True, slots=True)
class SetGroupVolume:
    """Set the volume of the device's group, in percent, or, `relative`, change it by a step of -100 to 100. Its loudest
    device gets this volume; the others keep their share of it."""

    percent: int
    relative: bool = False


@dataclass(frozen=True, slots=True)
class SeekTo:
    """Jump to `seconds` from the beginning of the track, or, `relative`, from the current position."""

    seconds: float
    relative: bool = False


@dataclass(frozen=True, slots=True)
class SetTrackMood:
    """Set the mood of a track, whatever its folder, tags and the model say; None ("auto") undoes that. `track` is its
    key; empty: the current track."""

    mood: MoodName | None
    track: str = ""


@dataclass(frozen=True, slots=True)
class Feedback:
    """What somebody thinks of the current track. `by`: a profile; empty for all that are present."""

    liking: Liking
    by: str = ""


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask whether people like the current track: for some seconds, a nod likes it, and a shake of the head dislikes
    it."""


@dataclass(frozen=True, slots=True)
class AllowAgain:
    """Remove a track from the list of banned tracks, by its URI; None removes the one that was banned last."""

    uri: str | None = None


@dataclass(frozen=True, slots=True)
class PlayMedia:
    """Play what is at `url` (http or https) instead of the music: a radio stream, an album from a phone. With
    `announce`, speak it over the music, at `volume` percent (None: the setting). The device learns nothing from it.
    `duration_s` is 0 if unknown."""

    url: str
    title: str = ""
    artist: str = ""
    album: str = ""
    announce: bool = False
    volume: int | None = None
    duration_s: float = 0.0


@dataclass(frozen=True, slots=True)
class StopMedia:
    """End the announcements; without one, end the media from outside, so that the music returns."""


@dataclass(frozen=True, slots=True)
class InstallUpdate:
    """Install the latest version that the owner's source offers."""


@dataclass(frozen=True, slots=True)
class CheckForUpdate:
    """Look for a newer version now, not only once a day."""


@dataclass(frozen=True, slots=True)
class ReportBody:
    """What a strap or a watch measured on a person: beats per minute, variability of the pulse (RMSSD, ms), skin
    conductance (microsiemens). `at` is wall-clock time in seconds; None: just now. `person` keeps several people
    apart."""

    heart_rate: float | None = None
    hrv_ms: float | None = None
    skin_conductance: float | None = None
    at: float | None = None
    person: str = ""


class Scope(StrEnum):
    """What can be forgotten."""

    DAY = "day"
    PERSON = "person"
    EVERYTHING = "everything"


@dataclass(frozen=True, slots=True)
class Forget:
    """Delete what the device has recorded: of a day (`name` is a date such as 2026-11-28, in local time), of a person
    (`name` is a profile), or everything (`name` is empty)."""

    scope: Scope
    name: str = ""


# --- Music by the clock ---


@dataclass(frozen=True, slots=True)
class SetSleep:
    """Fade the music out in this many minutes; 0 switches the timer off."""

    minutes: float


@dataclass(frozen=True, slots=True)
class SetAlarm:
    """Add an alarm (id 0), or replace the one with the same id."""

    alarm: Alarm


@dataclass(frozen=True, slots=True)
class SwitchAlarm:
    """Switch the alarm with this id on or off."""

    id: int
    on: bool


@dataclass(frozen=True, slots=True)
class RemoveAlarm:
    """Remove the alarm with this id."""

    id: int


@dataclass(frozen=True, slots=True)
class StopAlarm:
    """Stop the alarm that rings, and its music."""


@dataclass(frozen=True, slots=True)
class SnoozeAlarm:
    """Stop the alarm that rings, and let it ring again in nine minutes."""


@dataclass(frozen=True, slots=True)
class SetQuiet:
    """Begin or end quiet hours by hand, until they would end or begin anyway; None follows the times again."""

    on: bool | None


@dataclass(frozen=True, slots=True)
class SetSchedule:
    """Change settings of the schedule (see `SchedulePlan`), until somebody changes them again; None takes config.yaml's
    value again. What is not named stays."""

    settings: Mapping[str, bool | int | float | str | Sequence[str] | None]


# --- Playlists ---


@dataclass(frozen=True, slots=True)
class SavePlaylist:
    """Write a playlist of these URIs (files, or addresses of streams), or replace the one with this name."""

    name: str
    uris: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RemovePlaylist:
    """Delete the playlist with this name."""

    name: str


# --- Backups ---


@dataclass(frozen=True, slots=True)
class Restore:
    """Add what a backup knows: listens that the tastes are learnt from, and moods of tracks by their keys. The tastes
    count them after the next start."""

    listens: tuple[Listen, ...] = ()
    moods: tuple[tuple[str, MoodName], ...] = ()


MediaOrder = PlayMedia | StopMedia | PlayPlaylist
Order = SetPlayback | SeekTo | SetTrackMood | Feedback | AllowAgain | MediaOrder | RequestOrder
ScheduleCommand = SetSleep | SetAlarm | SwitchAlarm | RemoveAlarm | StopAlarm | SnoozeAlarm | SetQuiet | SetSchedule
PlaylistCommand = SavePlaylist | RemovePlaylist
UpdateCommand = InstallUpdate | CheckForUpdate
Command = (
    Setting
    | Order
    | SetGroupVolume
    | Forget
    | ReportBody
    | ScheduleCommand
    | PlaylistCommand
    | UpdateCommand
    | Restore
    | Ask
)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a command came from, so that the answer can go back there: the surface ("MQTT"), the address on it (a
    topic), and the payload as it arrived. The core uses these only in log messages."""

    surface: str = ""
    address: str = ""
    payload: str = ""
