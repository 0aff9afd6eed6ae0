"""Notices: what happened, for everybody who listens. A surface renders each in its own format."""

from __future__ import annotations

from enum import StrEnum


class EventType(StrEnum):
    """Every kind of notice that there is."""

    MOOD_CHANGED = "mood_changed"
    TRACK_STARTED = "track_started"
    TRACK_SKIPPED = "track_skipped"
    TRACK_FAILED = "track_failed"
    TRACK_CORRECTED = "track_corrected"
    LIKED = "liked"
    DISLIKED = "disliked"
    BANNED = "banned"
    ALLOWED = "allowed"
    CAMERA_ON = "camera_on"
    CAMERA_OFF = "camera_off"
    CAMERA_PROBLEM = "camera_problem"
    SOUND_LOST = "sound_lost"
    SOUND_BACK = "sound_back"
    LIBRARY_CHANGED = "library_changed"
