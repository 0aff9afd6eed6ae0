"""What Affetto says over MQTT, as plain dicts. Pure, any thread.

Each function gives the document of one topic, ready for `encode`. Numbers are rounded to what means something; text
may hold anything that a file name or a tag can hold and is made fit for JSON by `encode`.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum

from device.domain import EMOTIONS, Choice, Mood, Playback
from device.mqtt.command_parser import Refusal

ONLINE, OFFLINE = "online", "offline"
ON, OFF = "ON", "OFF"

_LONE_SURROGATES = re.compile("[\ud800-\udfff]")


class EventType(StrEnum):
    """The `event_type` of everything said on `event`; Home Assistant is told these and no others."""

    MOOD_CHANGED = "mood_changed"
    TRACK_STARTED = "track_started"
    TRACK_SKIPPED = "track_skipped"
    TRACK_FAILED = "track_failed"
    TRACK_CORRECTED = "track_corrected"
    LIKED = "liked"
    DISLIKED = "disliked"
    CAMERA_ON = "camera_on"
    CAMERA_OFF = "camera_off"
    CAMERA_PROBLEM = "camera_problem"
    SOUND_LOST = "sound_lost"
    SOUND_BACK = "sound_back"
    LIBRARY_CHANGED = "library_changed"


def mood_state(mood: Mood) -> dict[str, object]:
    """`mood/state`: `since` is ISO 8601 in UTC, the other figures have three decimals."""
    return {
        "mood": str(mood.name),
        "emotion": str(mood.emotion),
        "confidence": round(mood.confidence, 3),
        "valence": round(mood.affect.valence, 3),
        "arousal": round(mood.affect.arousal, 3),
        "faces": mood.faces,
        "scores": {str(name): round(score, 3) for name, score in zip(EMOTIONS, mood.scores, strict=True)},
        "source": str(mood.source),
        "since": timestamp(mood.since),
    }


def track_state(playback: Playback, choice: Choice | None, mark: tuple[float, float]) -> dict[str, object]:
    """`track/state`. `mark`: how far into the track it was at what time (wall clock, s); while it plays it goes on from
    there, so that this document only changes when it jumps. `mood_by`: who says what mood it has. Every field but
    `state` is null while there is no track."""
    if choice is None:
        nothing = ("title", "artist", "album", "duration_s", "mood", "mood_by", "valence", "arousal", "reason", "uri")
        return {"state": str(playback), **dict.fromkeys((*nothing, "position_s", "position_at"))}
    track = choice.track
    return {
        "state": str(playback),
        "title": track.title,
        "artist": track.artist,
        "album": track.album,
        "duration_s": round(track.duration_s, 1),
        "position_s": round(mark[0], 1),
        "position_at": timestamp(mark[1]) if mark[1] else None,  # it does not sound yet
        "mood": str(track.mood),
        "mood_by": str(track.origin),
        "valence": round(track.affect.valence, 3),
        "arousal": round(track.affect.arousal, 3),
        "reason": choice.reason,
        "uri": track.uri,
    }


def health(report: Mapping[str, object]) -> dict[str, object]:
    """`health`: the report as it is."""
    return dict(report)


def event(event_type: str, **facts: object) -> dict[str, object]:
    """`event`: raises ValueError for a type that Home Assistant was not told of."""
    return {"event_type": str(EventType(event_type)), **facts}


def error(refusal: Refusal) -> dict[str, object]:
    """`error`: the command that was not obeyed, and why."""
    return {"topic": refusal.topic, "payload": refusal.payload, "message": refusal.message}


def timestamp(wall_s: float) -> str:
    """Seconds since the epoch as ISO 8601 in UTC; a clock that is out of its mind gives the epoch."""
    try:
        return datetime.fromtimestamp(wall_s, UTC).isoformat(timespec="seconds")
    except (OverflowError, OSError, ValueError):
        return datetime.fromtimestamp(0, UTC).isoformat(timespec="seconds")


def encode(payload: str | bytes | Mapping[str, object]) -> bytes:
    """The bytes to send: bytes and text as they are, a mapping as JSON. Text is always valid UTF-8 and valid JSON: a
    byte of a file name that is no UTF-8 becomes U+FFFD (JSON parsers refuse lone surrogates), NaN and infinities become
    null."""
    if isinstance(payload, bytes):
        return payload
    text = payload if isinstance(payload, str) else json.dumps(_finite(payload), ensure_ascii=False)
    return _LONE_SURROGATES.sub("\N{REPLACEMENT CHARACTER}", text).encode("utf-8")


def _finite(value: object) -> object:
    """`value` with what JSON has no word for replaced by null."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {str(key): _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return value
