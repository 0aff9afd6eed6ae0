"""The device's state in sentences. Pure. `state` holds the parts of the Snapshot as JSON (control/documents.py)."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

State = Mapping[str, Any]


def status(state: State, mono: float) -> list[str]:
    """What plays and why, the mood, the volume, timers and problems."""
    return [*_music(state["playback"], mono), *_room(state), *_clock(state.get("schedule") or {}), *_health(state)]


def queue(state: State) -> list[str]:
    """What plays next, one line each."""
    lines = [f"{number}. {_entry(entry)}" for number, entry in enumerate(state["queue"], 1)]
    return lines or ["Nothing waits; the device chooses the next song near the end of this one."]


def name_of(track: Mapping[str, Any]) -> str:
    """The title, and whose song it is."""
    artist = track.get("artist")
    return f"{track['title']} by {artist}" if artist else str(track["title"])


def minutes(seconds: float) -> str:
    """Such as 3:05."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def _entry(entry: Mapping[str, Any]) -> str:
    by, votes = entry.get("by"), len(entry.get("votes") or ())
    facts = [f"for {by}" if by else "", f"{votes} votes" if votes > 1 else "1 vote" if votes else ""]
    words = ", ".join(filter(None, facts))
    return name_of(entry["choice"]["track"]) + (f" ({words})" if words else "")


def _music(playback: Mapping[str, Any], mono: float) -> Iterator[str]:
    choice, state = playback.get("choice"), str(playback["state"])
    if choice is None:
        yield "No music is playing."
    else:
        track, position = choice["track"], playback.get("position")
        place = ""
        if position is not None:
            at_s = position["track_s"] + (mono - position["at_mono"] if position["running"] else 0.0)
            length = track.get("duration_s") or 0.0
            place = f" ({minutes(max(0.0, at_s))}" + (f" of {minutes(length)})" if length else ")")
        yield f"{state.capitalize()}: {name_of(track)}{place}"
        if choice.get("reason"):
            yield f"Why: {choice['reason']}"
    muted = ", muted" if playback.get("muted") else ""
    yield f"Volume: {playback['volume']}% of at most {playback['max_volume']}%{muted}"


def _room(state: State) -> Iterator[str]:
    mood = state["mood"]
    source = {"camera": "the camera sees it", "manual": "set by hand"}.get(mood["source"], "nobody seen yet")
    yield f"Mood: {mood['name']} ({source}), policy {state['policy']}"
    camera = state["camera"]
    yield f"Camera: {'on' if camera['wanted'] or camera['open'] else 'off'}"


def _clock(schedule: Mapping[str, Any]) -> Iterator[str]:
    if (until := schedule.get("sleep_until")) is not None:
        yield f"Sleep timer: the music stops at {_time(until, '%H:%M')}"
    if schedule.get("ringing") is not None:
        yield "Alarm: ringing now"
    if (alarm := schedule.get("next_alarm")) is not None:
        yield f"Next alarm: {_time(alarm, '%a %H:%M')}"
    if schedule.get("quiet"):
        yield "Quiet hours: on"
    if (left := schedule.get("children_left_min")) is not None:
        yield f"Children's time: {left} min left today"


def _health(state: State) -> Iterator[str]:
    health = state["health"]
    yield f"Library: {health['tracks']:,} tracks, {health['analysed']:,} analysed"
    yield from (f"Problem: {problem}" for problem in health["problems"])


def _time(wall: float, form: str) -> str:
    return time.strftime(form, time.localtime(wall))
