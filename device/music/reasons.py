"""Puts the reason for a choice into words, from what decided it. Pure."""

from __future__ import annotations

import math
from datetime import datetime

from device.domain import MoodOrigin, Now, Outcome, Target, Track
from device.music.taste import Opinion

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
          "November", "December")  # fmt: skip
UNITS = ((365 * 86400.0, "year"), (30 * 86400.0, "month"), (7 * 86400.0, "week"), (86400.0, "day"), (3600.0, "hour"),
         (60.0, "minute"))  # fmt: skip
OFTEN = 3


def reason_for(track: Track, target: Target, opinion: Opinion, now: Now, *, near: bool) -> str:
    """Such as "calm, to match a calm room; you liked it on Tuesday; not heard for 3 weeks". `near` says whether the
    track fits about as well as any that could have been chosen."""
    clauses = (_fit(track, target, near), _favour(opinion, now.wall), _freshness(opinion.age_s(now)))
    return "; ".join(clause for clause in clauses if clause)


def _fit(track: Track, target: Target, near: bool) -> str:
    if track.origin is MoodOrigin.UNKNOWN:
        return f"nobody said what mood it has, but {target.mood} is wanted {target.words}"
    if not near:
        return f"{track.mood}, because what is {target.mood} was heard only lately"
    if track.mood is target.mood:
        return f"{track.mood}, {target.words}"
    return f"{track.mood}, the nearest there is to {target.mood}, {target.words}"


def _favour(opinion: Opinion, wall: float) -> str:
    if opinion.verdict is Outcome.LIKED:
        return f"you liked it {_day(opinion.said_at, wall)}"
    if opinion.verdict is Outcome.DISLIKED:
        return f"you did not like it {_day(opinion.said_at, wall)}, but there is nothing else"
    if opinion.good >= OFTEN and opinion.good > 2 * opinion.bad:
        return f"you heard it out {opinion.good:.0f} times"
    return ""


def _freshness(age_s: float) -> str:
    if math.isinf(age_s):
        return "never heard before"
    for unit_s, unit in UNITS:
        if age_s >= unit_s:
            count = int(age_s / unit_s)
            return f"not heard for {count} {unit}{'s' if count > 1 else ''}"
    return "heard just now, but there is nothing else"


def _day(at: float, wall: float) -> str:
    """The day in the words of the house's own time zone."""
    try:
        then, today = datetime.fromtimestamp(at), datetime.fromtimestamp(wall)
    except (OverflowError, OSError, ValueError):
        return "once"
    days = (today.date() - then.date()).days
    if days < 0:
        return "once"
    if days < 2:
        return "yesterday" if days else "today"
    if days < 7:
        return f"on {DAYS[then.weekday()]}"
    return f"on {then.day} {MONTHS[then.month - 1]}" + (f" {then.year}" if then.year != today.year else "")
