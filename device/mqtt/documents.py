"""The documents of Affetto's MQTT contract, as typed schemas; `affetto watch` reads them with the same types.

Pure, any thread. Numbers are rounded to their meaningful digits. The output is always valid UTF-8 and valid JSON
(RFC 8259), whatever file names and tags contain: a byte that is not UTF-8 becomes U+FFFD; NaN and infinities become
null.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import msgspec

from device import __version__
from device.domain import (
    EMOTIONS,
    Announce,
    Context,
    GroupView,
    HealthReport,
    Mood,
    People,
    PlaybackView,
    Position,
    Update,
    newer,
)

ONLINE, OFFLINE = b"online", b"offline"
ON, OFF, UNKNOWN = "ON", "OFF", "None"
SUMMARY = 255  # characters of what is new; Home Assistant takes no more

_LONE_SURROGATES = re.compile("[\ud800-\udfff]")


class MoodState(msgspec.Struct, frozen=True, kw_only=True):
    """`mood/state`. `since` is ISO 8601 in UTC; null until a face is seen or a mood is set."""

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
    """`track/state`. The track was at `position_s` at the time `position_at` (ISO 8601); while it plays, it advances
    from there. Both are null until the first measurement. `source` is `library`, or `media` for what somebody sent,
    which has no mood. `announcement` is the title of what is being spoken over the music. Without a track, everything
    but `state` and `announcement` is null."""

    state: str
    source: str | None = None
    announcement: str | None = None
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


class ContextState(msgspec.Struct, frozen=True, kw_only=True):
    """`context/state`: what happens in the room; a text is empty, and guests null, if nobody has said."""

    activity: str
    guests: int | None
    scene: str
    weather: str


class PageState(msgspec.Struct, frozen=True, kw_only=True):
    """`page/state`: the address of the page for phones, and the PIN that it asks the owner for (null: a password)."""

    url: str
    pin: str | None = None


class UpdateState(msgspec.Struct, frozen=True, kw_only=True):
    """`update/state`, as Home Assistant's update entities read it. `release_summary` is what is new, shortened.
    `problem`: why the last try failed."""

    installed_version: str
    latest_version: str
    title: str
    release_summary: str
    in_progress: bool
    update_percentage: int | None
    problem: str


class HealthState(msgspec.Struct, frozen=True, kw_only=True):
    """`health`. `problems` are sentences about the device as a whole, `notes` are sentences about single files."""

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
    """`error`: a command that the device refused or limited, and why."""

    message: str
    topic: str = ""
    payload: str = ""


def mood_state(mood: Mood, clock_s: float) -> MoodState:
    """The document for `mood/state`. `clock_s`: wall-clock minus monotonic time, in seconds."""
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


def track_state(view: PlaybackView, position: Position | None, clock_s: float) -> TrackState:
    """The document for `track/state`. `position`: the player's measurement in this track, or None. `clock_s`: see
    `mood_state`."""
    choice, spoken = view.choice, None if view.announcement is None else text(view.announcement.title)
    if choice is None:
        return TrackState(state=view.state, announcement=spoken)
    track, foreign = choice.track, view.foreign
    return TrackState(
        state=view.state,
        source="media" if foreign else "library",
        announcement=spoken,
        title=text(track.title),
        artist=text(track.artist),
        album=text(track.album),
        duration_s=round(track.duration_s, 1),
        position_s=None if position is None else round(position.track_s, 1),
        position_at=None if position is None else timestamp(position.at_mono + clock_s),
        mood=None if foreign else track.mood,
        mood_by=None if foreign else track.origin,
        valence=None if foreign else round(track.affect.valence, 3),
        arousal=None if foreign else round(track.affect.arousal, 3),
        reason=text(choice.reason),
        uri=text(track.uri),
    )


def switch(on: bool | None) -> str:
    """The payload of a state that is on or off; Home Assistant shows None as unknown."""
    return UNKNOWN if on is None else ON if on else OFF


def group_volume_state(group: GroupView | None) -> bytes:
    """The payload of `group_volume/state`; Home Assistant shows None as unknown."""
    return (UNKNOWN if group is None else str(group.volume)).encode()


def update_state(update: Update) -> UpdateState:
    """The document for `update/state`. A version that is not newer is not offered."""
    summary = text(update.notes)
    return UpdateState(
        installed_version=__version__,
        latest_version=update.latest if newer(update.latest, __version__) else __version__,
        title="Affetto",
        release_summary=summary if len(summary) <= SUMMARY else summary[: SUMMARY - 1] + "…",
        in_progress=update.progress is not None,
        update_percentage=update.progress,
        problem=text(update.problem),
    )


def profile_state(people: People) -> bytes:
    """The payload of `profile/state`: the name of one profile, or a JSON list of several."""
    names = [text(name) for name in people.profiles]
    return names[0].encode() if len(names) == 1 else msgspec.json.encode(names)


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
    """Seconds since the epoch as ISO 8601 in UTC; None if the clock is out of range."""
    try:
        return datetime.fromtimestamp(wall_s, UTC).isoformat(timespec="seconds")
    except (OverflowError, OSError, ValueError):
        return None


def names(found: Sequence[str]) -> bytes:
    """A JSON list of names."""
    return msgspec.json.encode([text(name) for name in found])


def encode(document: msgspec.Struct | Mapping[str, object] | Sequence[msgspec.Struct]) -> bytes:
    """The bytes to send. All text in the document must come from `text`."""
    return msgspec.json.encode(document)


def context_state(context: Context) -> ContextState:
    """The document for `context/state`."""
    return ContextState(
        activity=text(context.activity),
        guests=context.guests,
        scene=text(context.scene),
        weather=text(context.weather),
    )


def text(raw: str) -> str:
    """`raw` as valid Unicode."""
    return _LONE_SURROGATES.sub("\N{REPLACEMENT CHARACTER}", str(raw))


def _plain(value: object) -> object:
    if isinstance(value, str):
        return text(value)
    return [_plain(inner) for inner in value] if isinstance(value, list | tuple) else value
