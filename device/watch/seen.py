"""What is known about a device from its MQTT messages. Pure, any thread.

`apply` takes one message and returns the next state. It never fails, because anybody may publish any payload. It adds
a line to `news` for everything that people want to know, so that the log and the screen show the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeVar

import msgspec

from device.domain import Now, Position
from device.mqtt.documents import ErrorReport, HealthState, MoodState, TrackState

T = TypeVar("T")

NEWS_KEPT = 50
TRAIL_KEPT = 60
DEVICES_KEPT = 20
SILENCE_S = 5.0
"""A device that exists is known at once, because its topics are retained."""
SETTINGS = ("volume", "policy", "camera", "profile", "room")


@dataclass(frozen=True, slots=True)
class News:
    """One line: its time (wall clock), its kind (link, mood, music, setting, event, problem), and its text.
    `old` means that it happened before we connected."""

    at: float
    kind: str
    text: str
    old: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """Everything that is known about one device."""

    device: str
    link: str = "connecting"  # the problem with our own connection; empty if there is none
    linked_at: float | None = None  # monotonic
    online: bool | None = None  # None: unknown
    mood: MoodState | None = None
    trail: tuple[tuple[float, float], ...] = ()
    track: TrackState | None = None
    position: Position | None = None  # in that track, by our own clock
    others: tuple[str, ...] = ()  # other devices that the broker knows
    settings: Mapping[str, str] = field(default_factory=dict)
    health: HealthState = HealthState(status="")  # noqa: RUF009 - frozen
    warned: bool = False  # that the device is silent
    news: tuple[News, ...] = ()
    news_count: int = 0  # how many news there ever were


def apply(seen: Seen, name: str, payload: bytes, now: Now, old: bool = False) -> Seen:
    """The state after a message on the topic `name` (below the device's level). `old`: the message was retained."""
    reader = READERS.get(name)
    return seen if reader is None else reader(seen, payload, now, old)


def connected(seen: Seen, now: Now) -> Seen:
    """We have a connection to the broker."""
    return _add(replace(seen, link="", linked_at=now.mono), now, "link", "connected")


def lost(seen: Seen, problem: str, now: Now) -> Seen:
    """We have lost the connection, or have none yet."""
    return _add(replace(seen, link=problem, linked_at=None, online=None), now, "problem", problem)


def wait(seen: Seen, now: Now) -> Seen:
    """Time has passed. If the device has sent nothing at all, it may have another id."""
    if seen.warned or seen.online is not None or seen.linked_at is None or now.mono - seen.linked_at < SILENCE_S:
        return seen
    others = f" The broker knows {', '.join(seen.others)}: choose one with --id." if seen.others else ""
    text = f"There is no message from {seen.device}. Is the device on, and is its id right?{others}"
    return _add(replace(seen, warned=True), now, "problem", text)


def add_device(seen: Seen, device: str) -> Seen:
    """The broker knows a device with this id."""
    if device in (seen.device, *seen.others) or len(seen.others) >= DEVICES_KEPT:
        return seen
    return replace(seen, others=tuple(sorted((*seen.others, clean(device)))))


def clean(text: str) -> str:
    """`text` without control characters: a title may hold anything."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def _add(seen: Seen, now: Now, kind: str, text: str, old: bool = False) -> Seen:
    news = (*seen.news, News(now.wall, kind, text, old))[-NEWS_KEPT:]
    return replace(seen, news=news, news_count=seen.news_count + 1)


# --- Topics ---


def _availability(seen: Seen, payload: bytes, now: Now, old: bool) -> Seen:
    online = payload.strip() == b"online"
    if online == seen.online:
        return seen
    text = f"{seen.device} is {'online' if online else 'offline'}"
    return _add(replace(seen, online=online), now, "link", text, old)


def _mood_state(seen: Seen, payload: bytes, now: Now, old: bool) -> Seen:
    mood = _read(payload, MoodState)
    if mood is None:
        return seen
    before = (seen.mood.mood, seen.mood.source) if seen.mood else None
    valence, arousal = (min(max(value, -1.0), 1.0) for value in (mood.valence, mood.arousal))
    seen = replace(seen, mood=mood, trail=(*seen.trail, (valence, arousal))[-TRAIL_KEPT:])
    if before == (mood.mood, mood.source) or mood.source == "none":
        return seen
    return _add(seen, now, "mood", clean(f"mood {mood.mood}, {describe(mood)}"), old)


def describe(mood: MoodState) -> str:
    """Where a mood comes from, as a phrase."""
    if mood.source == "manual":
        return "set by hand"
    if mood.source != "camera":
        return "no face yet"
    return f"{mood.confidence:.0%} sure, {mood.faces} face{'' if mood.faces == 1 else 's'}"


def since(mood: MoodState) -> float | None:
    """When the mood began (wall clock, s), if known."""
    return _wall(mood.since)


def _track_state(seen: Seen, payload: bytes, now: Now, old: bool) -> Seen:
    track = _read(payload, TrackState)
    if track is None:
        return seen
    before = seen.track
    seen = replace(seen, track=track, position=_position(track, now, old))
    if before is not None and (before.state, before.uri) == (track.state, track.uri):
        return seen
    if not track.title:
        return _add(seen, now, "music", clean(track.state) or "no music", old)
    if track.state == "stopped":  # chosen, but not audible yet
        return seen
    by = f" by {track.artist}" if track.artist else ""
    why = f": {track.reason}" if track.reason and track.state == "playing" else ""
    return _add(seen, now, "music", clean(f"{track.state} {track.title}{by}{why}"), old)


def _position(track: TrackState, now: Now, old: bool) -> Position | None:
    """The position in the track. A fresh message is from now; the age of a retained one follows from the clocks."""
    if track.position_s is None:
        return None
    running = track.state == "playing"
    age_s = max(0.0, now.wall - (_wall(track.position_at) or now.wall)) if old and running else 0.0
    return Position(track.position_s + age_s, now.mono, running)


def _event(seen: Seen, payload: bytes, now: Now, old: bool) -> Seen:
    facts = _read(payload, dict) or {}
    kind = clean(str(facts.get("event_type", "")))
    if kind in ("", "mood_changed", "track_started"):  # mood/state and track/state show these
        return seen
    words = [str(facts[name]) for name in ("title", "camera", "message", "mood") if facts.get(name)]
    if kind == "library_changed":
        count = facts.get("tracks")
        words.append(f"{count} track{'' if count == 1 else 's'}")
    trouble = kind.endswith(("_failed", "_problem", "_lost"))
    line = ": ".join([kind.replace("_", " "), *words])
    return _add(seen, now, "problem" if trouble else "event", clean(line), old)


def _health(seen: Seen, payload: bytes, now: Now, old: bool) -> Seen:
    health = _read(payload, HealthState)
    if health is None:
        return seen
    fresh = [problem for problem in health.problems if problem not in seen.health.problems]
    seen = replace(seen, health=health)
    for problem in fresh:
        seen = _add(seen, now, "problem", clean(problem), old)
    return seen


def _error(seen: Seen, payload: bytes, now: Now, old: bool) -> Seen:
    report = _read(payload, ErrorReport)
    return seen if report is None else _add(seen, now, "problem", clean(f"refused: {report.message}"), old)


def _setting(name: str) -> Callable[[Seen, bytes, Now, bool], Seen]:
    def read(seen: Seen, payload: bytes, now: Now, old: bool) -> Seen:
        value = clean(payload[:200].decode("utf-8", "replace"))
        if seen.settings.get(name) == value:
            return seen
        shown = f"{value}%" if name == "volume" else value or "none"
        return _add(replace(seen, settings={**seen.settings, name: value}), now, "setting", f"{name} {shown}", old)

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


def _read(payload: bytes, kind: type[T]) -> T | None:
    """The document, or None if it is not of this kind: anybody may publish anything."""
    try:
        return msgspec.json.decode(payload, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _wall(text: str | None) -> float | None:
    try:
        return datetime.fromisoformat(text or "").timestamp()
    except (ValueError, OverflowError, OSError):
        return None
