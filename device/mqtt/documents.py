"""The documents of Affetto's MQTT contract, as typed schemas; `affetto watch` reads them with the same types.

Pure, any thread. Numbers are rounded to what means something. Text may hold anything that a file name or a tag can
hold; it leaves as valid UTF-8 and valid JSON (RFC 8259): a byte of a file name that is no UTF-8 becomes U+FFFD, NaN and
infinities become null.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec

from device.domain import EMOTIONS, Announce, Choice, HealthReport, Mood, PlaybackState, Position, Track

ONLINE, OFFLINE = b"online", b"offline"
ON, OFF = "ON", "OFF"
LISTED = 100  # tracks in `never/state`

_LONE_SURROGATES = re.compile("[\ud800-\udfff]")


class MoodState(msgspec.Struct, frozen=True, kw_only=True):
    """`mood/state`. `since` is ISO 8601 in UTC, null before anything was seen or set."""

    mood: str
    emotion: str = ""
    confidence: float = 0.0
    valence: float = 0.0
    arousal: float = 0.0
    faces: int = 0
    scores: dict[str, float] = {}
    source: str = ""
    since: str | None = None


class TrackState(msgspec.Struct, frozen=True, kw_only=True):
    """`track/state`. The track was at `position_s` at the time `position_at` (ISO 8601); while it plays it goes on from
    there. Both are null until the player has measured; everything but `state` is null without a track."""

    state: str
    title: str | None = None
    artist: str | None = None
    album: str | None = None
    duration_s: float | None = None
    position_s: float | None = None
    position_at: str | None = None
    mood: str | None = None
    mood_by: str | None = None
    valence: float | None = None
    arousal: float | None = None
    reason: str | None = None
    uri: str | None = None


class QueueItem(msgspec.Struct, frozen=True, kw_only=True):
    """A track in `queue/state` or `never/state`."""

    title: str
    artist: str
    uri: str
    reason: str | None = None


class HealthState(msgspec.Struct, frozen=True, kw_only=True):
    """`health`. `problems` are sentences about the device as a whole; `notes` about single files."""

    status: str
    problems: list[str] = []
    notes: list[str] = []
    uptime_s: float = 0.0
    camera: str = ""
    eye_fps: float = 0.0
    eye_starts: int = 0
    tracks: int = 0
    analysed: int = 0
    memory_mb: float | None = None
    eye_memory_mb: float | None = None
    cpu_s: float | None = None
    eye_cpu_s: float | None = None


class ErrorReport(msgspec.Struct, frozen=True, kw_only=True):
    """`error`: a command that was not obeyed, or not wholly, and why."""

    message: str
    topic: str = ""
    payload: str = ""


def mood_state(mood: Mood, clock_s: float) -> MoodState:
    """`clock_s`: what the wall clock is ahead of the monotonic one."""
    return MoodState(
        mood=mood.name,
        emotion=mood.emotion,
        confidence=round(mood.confidence, 3),
        valence=round(mood.affect.valence, 3),
        arousal=round(mood.affect.arousal, 3),
        faces=mood.faces,
        scores={str(name): round(score, 3) for name, score in zip(EMOTIONS, mood.scores, strict=True)},
        source=mood.source,
        since=None if mood.since is None else timestamp(mood.since + clock_s),
    )


def track_state(state: PlaybackState, choice: Choice | None, position: Position | None, clock_s: float) -> TrackState:
    """`position` is what the player measured in this very track, or None. `clock_s`: see `mood_state`."""
    if choice is None:
        return TrackState(state=state)
    track = choice.track
    return TrackState(
        state=state,
        title=text(track.title),
        artist=text(track.artist),
        album=text(track.album),
        duration_s=round(track.duration_s, 1),
        position_s=None if position is None else round(position.track_s, 1),
        position_at=None if position is None else timestamp(position.at_mono + clock_s),
        mood=track.mood,
        mood_by=track.origin,
        valence=round(track.affect.valence, 3),
        arousal=round(track.affect.arousal, 3),
        reason=text(choice.reason),
        uri=text(track.uri),
    )


def queue_item(track: Track, reason: str | None = None) -> QueueItem:
    """A track in a list."""
    return QueueItem(title=text(track.title), artist=text(track.artist), uri=text(track.uri), reason=reason)


def health_state(report: HealthReport) -> HealthState:
    """Numbers with one decimal."""
    return HealthState(
        status="ok" if report.ok else "problem",
        problems=[text(problem) for problem in report.problems],
        notes=[text(note) for note in report.notes],
        uptime_s=round(report.uptime_s),
        camera=text(report.camera),
        eye_fps=round(report.eye_fps, 1),
        eye_starts=report.eye_starts,
        tracks=report.tracks,
        analysed=report.analysed,
        **{name: round(value, 1) for name, value in report.figures.items() if name in HealthState.__struct_fields__},
    )


def event(notice: Announce) -> dict[str, object]:
    """`event`: the type and its facts."""
    return {"event_type": str(notice.event_type), **{name: _plain(value) for name, value in notice.facts.items()}}


def timestamp(wall_s: float) -> str | None:
    """Seconds since the epoch as ISO 8601 in UTC; None for a clock that is out of its mind."""
    try:
        return datetime.fromtimestamp(wall_s, UTC).isoformat(timespec="seconds")
    except (OverflowError, OSError, ValueError):
        return None


def encode(document: msgspec.Struct | Mapping[str, object] | list[QueueItem]) -> bytes:
    """The bytes to send. Text in it must have gone through `text`."""
    return msgspec.json.encode(document)


def text(words: str) -> str:
    """`words` as valid Unicode."""
    return _LONE_SURROGATES.sub("\N{REPLACEMENT CHARACTER}", str(words))


def _plain(value: object) -> object:
    if isinstance(value, str):
        return text(value)
    return [_plain(inner) for inner in value] if isinstance(value, list | tuple) else value
