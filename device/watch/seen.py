"""What somebody who listens to a device over MQTT knows of it. Pure, any thread.

`apply` takes one message and gives the next state; whatever the payload holds, it never fails, because anybody may
publish anything. What is worth a line of text is added to `news`, so that a log and a screen tell the same story.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from device.domain import EMOTIONS, Now

NEWS_KEPT = 50
TRAIL_KEPT = 60
SILENCE_S = 5.0
"""A device that exists is heard at once, through what is retained."""
SETTINGS = ("volume", "policy", "camera", "profile", "room")


@dataclass(frozen=True, slots=True)
class News:
    """One line: when (wall clock), of what kind (link, mood, music, setting, event, problem), and the words.
    `old` means that it happened before we listened."""

    at: float
    kind: str
    words: str
    old: bool = False


@dataclass(frozen=True, slots=True)
class SeenMood:
    """`mood/state`; `since` is wall-clock time, 0 if unknown."""

    name: str = ""
    emotion: str = ""
    confidence: float = 0.0
    valence: float = 0.0
    arousal: float = 0.0
    faces: int = 0
    scores: tuple[float, ...] = (0.0,) * len(EMOTIONS)
    source: str = ""
    since: float = 0.0


@dataclass(frozen=True, slots=True)
class SeenTrack:
    """`track/state`."""

    state: str = ""
    title: str = ""
    artist: str = ""
    duration_s: float = 0.0
    mood: str = ""
    valence: float = 0.0
    arousal: float = 0.0
    reason: str = ""
    uri: str = ""


@dataclass(frozen=True, slots=True)
class Needle:
    """How far the track is: known only if we heard it start. Monotonic seconds."""

    uri: str = ""
    heard_s: float = 0.0
    running_since: float | None = None

    def at(self, now: Now) -> float:
        """Seconds of the track that were played."""
        return self.heard_s + (now.mono - self.running_since if self.running_since is not None else 0.0)


@dataclass(frozen=True, slots=True)
class Seen:
    """Everything that was heard of one device."""

    device: str
    link: str = "connecting"  # what is wrong with our own connection; empty when there is one
    linked_at: float | None = None  # monotonic
    online: bool | None = None  # None: not heard yet
    mood: SeenMood | None = None
    trail: tuple[tuple[float, float], ...] = ()
    track: SeenTrack | None = None
    needle: Needle | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    status: str = ""
    camera: str = ""
    eye_fps: float = 0.0
    tracks: int = 0
    problems: tuple[str, ...] = ()
    silence_told: bool = False
    news: tuple[News, ...] = ()
    told: int = 0  # how many news there ever were


def apply(seen: Seen, name: str, payload: bytes, now: Now, old: bool = False) -> Seen:
    """The state after a message on the topic `name` (below the device's level). `old` if the broker had kept it."""
    reader = READERS.get(name)
    return seen if reader is None else reader(seen, payload, now, old)


def connected(seen: Seen, now: Now) -> Seen:
    """We have a connection to the broker."""
    return _tell(replace(seen, link="", linked_at=now.mono), now, "link", "connected")


def lost(seen: Seen, problem: str, now: Now) -> Seen:
    """We have none any more, or none yet."""
    return _tell(replace(seen, link=problem, linked_at=None, online=None), now, "problem", problem)


def wait(seen: Seen, now: Now) -> Seen:
    """Time went on; a device that says nothing at all may have another name."""
    if seen.silence_told or seen.online is not None or seen.linked_at is None or now.mono - seen.linked_at < SILENCE_S:
        return seen
    words = f"nothing heard of {seen.device} yet; is the device on, and is its id right?"
    return _tell(replace(seen, silence_told=True), now, "problem", words)


def clean(text: str) -> str:
    """`text` with nothing in it that a terminal would obey: a title may hold anything."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def _tell(seen: Seen, now: Now, kind: str, words: str, old: bool = False) -> Seen:
    news = (*seen.news, News(now.wall, kind, words, old))[-NEWS_KEPT:]
    return replace(seen, news=news, told=seen.told + 1)


# --- Topics ---


def _availability(seen: Seen, payload: bytes, now: Now, old: bool) -> Seen:
    online = payload.strip() == b"online"
    if online == seen.online:
        return seen
    words = f"{seen.device} is {'online' if online else 'offline'}"
    return _tell(replace(seen, online=online), now, "link", words, old)


def _mood_state(seen: Seen, payload: bytes, now: Now, old: bool) -> Seen:
    doc = _document(payload)
    scores = doc.get("scores")
    mood = SeenMood(
        name=_text(doc, "mood"),
        emotion=_text(doc, "emotion"),
        confidence=_number(doc, "confidence", 0, 1),
        valence=_number(doc, "valence", -1, 1),
        arousal=_number(doc, "arousal", -1, 1),
        faces=int(_number(doc, "faces", 0, 99)),
        scores=tuple(_number(scores if isinstance(scores, dict) else {}, str(name), 0, 1) for name in EMOTIONS),
        source=_text(doc, "source"),
        since=_time(doc, "since"),
    )
    before = (seen.mood.name, seen.mood.source) if seen.mood else None
    seen = replace(seen, mood=mood, trail=(*seen.trail, (mood.valence, mood.arousal))[-TRAIL_KEPT:])
    if before == (mood.name, mood.source) or mood.source == "none":
        return seen
    return _tell(seen, now, "mood", f"mood {mood.name}, {describe(mood)}", old)


def describe(mood: SeenMood) -> str:
    """Where a mood comes from, in words."""
    if mood.source == "manual":
        return "set by hand"
    if mood.source != "camera":
        return "nobody was seen yet"
    return f"{mood.confidence:.0%} sure, {mood.faces} face{'' if mood.faces == 1 else 's'}"


def _track_state(seen: Seen, payload: bytes, now: Now, old: bool) -> Seen:
    doc = _document(payload)
    texts = {name: _text(doc, name) for name in ("state", "title", "artist", "mood", "reason", "uri")}
    track = SeenTrack(
        **texts,
        duration_s=_number(doc, "duration_s", 0, 1e6),
        valence=_number(doc, "valence", -1, 1),
        arousal=_number(doc, "arousal", -1, 1),
    )
    before = seen.track
    seen = replace(seen, track=track, needle=_follow(seen.needle, track, now))
    if before is not None and (before.state, before.uri) == (track.state, track.uri):
        return seen
    if not track.title:
        return _tell(seen, now, "music", track.state or "no music", old)
    by = f" by {track.artist}" if track.artist else ""
    why = f": {track.reason}" if track.reason and track.state == "playing" else ""
    return _tell(seen, now, "music", f"{track.state} {track.title}{by}{why}", old)


def _follow(needle: Needle | None, track: SeenTrack, now: Now) -> Needle | None:
    """The needle runs while its track plays, and is lost with its track."""
    if needle is None or needle.uri != track.uri:
        return None
    playing, running = track.state == "playing", needle.running_since is not None
    if playing == running:
        return needle
    return replace(needle, heard_s=needle.at(now), running_since=now.mono if playing else None)


def _event(seen: Seen, payload: bytes, now: Now, old: bool) -> Seen:
    doc = _document(payload)
    kind = _text(doc, "event_type")
    if kind == "track_started":
        return replace(seen, needle=Needle(_text(doc, "uri"), 0.0, now.mono))
    if kind in ("", "mood_changed"):  # told by mood/state
        return seen
    facts = [_text(doc, name) for name in ("title", "camera", "message") if _text(doc, name)]
    if kind == "library_changed":
        facts.append(f"{_number(doc, 'tracks', 0, 1e9):.0f} tracks")
    if kind == "track_corrected":
        facts.append(_text(doc, "mood"))
    trouble = kind.endswith(("_failed", "_problem"))
    words = ": ".join([kind.replace("_", " "), *facts])
    return _tell(seen, now, "problem" if trouble else "event", words, old)


def _health(seen: Seen, payload: bytes, now: Now, old: bool) -> Seen:
    doc = _document(payload)
    listed = doc.get("problems")
    problems = tuple(clean(str(problem)) for problem in listed) if isinstance(listed, list) else ()
    fresh = [problem for problem in problems if problem not in seen.problems]
    seen = replace(
        seen,
        status=_text(doc, "status"),
        camera=_text(doc, "camera"),
        eye_fps=_number(doc, "eye_fps", 0, 1000),
        tracks=int(_number(doc, "tracks", 0, 1e9)),
        problems=problems,
    )
    for problem in fresh:
        seen = _tell(seen, now, "problem", problem, old)
    return seen


def _error(seen: Seen, payload: bytes, now: Now, old: bool) -> Seen:
    return _tell(seen, now, "problem", f"refused: {_text(_document(payload), 'message')}", old)


def _setting(name: str) -> Callable[[Seen, bytes, Now, bool], Seen]:
    def read(seen: Seen, payload: bytes, now: Now, old: bool) -> Seen:
        value = clean(payload[:200].decode("utf-8", "replace"))
        if seen.settings.get(name) == value:
            return seen
        shown = f"{value} %" if name == "volume" else value or "none"
        return _tell(replace(seen, settings={**seen.settings, name: value}), now, "setting", f"{name} {shown}", old)

    return read


READERS: Mapping[str, Callable[[Seen, bytes, Now, bool], Seen]] = {
    "availability": _availability,
    "mood/state": _mood_state,
    "track/state": _track_state,
    "event": _event,
    "health": _health,
    "error": _error,
    **{f"{name}/state": _setting(name) for name in SETTINGS},
}


# --- Documents of unknown origin ---


def _document(payload: bytes) -> Mapping[str, object]:
    try:
        document = json.loads(payload)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _text(doc: Mapping[str, object], name: str) -> str:
    value = doc.get(name)
    return clean(value) if isinstance(value, str) else ""


def _number(doc: Mapping[str, object], name: str, low: float, high: float) -> float:
    value = doc.get(name)
    if not isinstance(value, int | float) or not math.isfinite(value):
        return 0.0
    return float(min(max(value, low), high))


def _time(doc: Mapping[str, object], name: str) -> float:
    try:
        return datetime.fromisoformat(_text(doc, name)).timestamp()
    except (ValueError, OverflowError, OSError):
        return 0.0
