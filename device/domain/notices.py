"""Notices: what happened, published once to everybody. Each surface renders them in its own format."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from device.domain.commands import Origin


class EventType(StrEnum):
    """Every type of notice."""

    MOOD_CHANGED = "mood_changed"
    TRACK_STARTED = "track_started"
    TRACK_SKIPPED = "track_skipped"
    TRACK_FAILED = "track_failed"
    TRACK_CORRECTED = "track_corrected"
    REQUESTED = "requested"
    SKIP_VOTED = "skip_voted"
    VETOED = "vetoed"
    LIKED = "liked"
    DISLIKED = "disliked"
    BANNED = "banned"
    ALLOWED = "allowed"
    CAMERA_ON = "camera_on"
    CAMERA_OFF = "camera_off"
    CAMERA_PROBLEM = "camera_problem"
    MEDIA_STARTED = "media_started"
    MEDIA_ENDED = "media_ended"
    MEDIA_FAILED = "media_failed"
    ANNOUNCED = "announced"
    UPDATE_FAILED = "update_failed"
    SOUND_LOST = "sound_lost"
    SOUND_BACK = "sound_back"
    REACTED = "reacted"
    FORGOTTEN = "forgotten"
    LIBRARY_CHANGED = "library_changed"
    ALARM_STARTED = "alarm_started"
    ALARM_STOPPED = "alarm_stopped"
    ALARM_CHIME = "alarm_chime"
    ALARM_MISSED = "alarm_missed"
    ASLEEP = "asleep"
    QUIET_BEGAN = "quiet_began"
    QUIET_ENDED = "quiet_ended"
    TIME_UP = "time_up"


@dataclass(frozen=True, slots=True)
class Handled:
    """The command from `origin` was handled. Before this, every surface got the new snapshot, and an `Answer` if the
    device refused the command or obeyed only part of it. A surface that owes its client a reply sends it now."""

    origin: Origin
