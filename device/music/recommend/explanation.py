"""Puts the reason for a choice into words, from what decided it. Pure.

The first clause says where the music leads and whether this fits. After it come the at most `CLAUSES` grounds that did
most for this track's worth, compared with the usual candidate beside it: nothing that was true of all of them alike is
given as a reason. Where nothing stands out, it was the dice, and that is said.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from device.domain import MoodOrigin, Now, Outcome, Target, Track
from device.music.recommend.taste import Opinion

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
          "November", "December")  # fmt: skip
UNITS = ((365 * 86400.0, "year"), (30 * 86400.0, "month"), (7 * 86400.0, "week"), (86400.0, "day"), (3600.0, "hour"),
         (60.0, "minute"))  # fmt: skip
OFTEN = 3
JUST_NOW_S = 60.0
CLAUSES = 2
WEIGHTY = math.log(1.1)  # a ground that made the worth a tenth greater is worth telling


@dataclass(frozen=True, slots=True)
class Grounds:
    """What decided, as logarithms of factors of the worth, beside the usual candidate: `freshness`, `flow`, and what
    each source of evidence did for the preference: the track's `own`, its `artist`'s, that of songs of the same
    `sound`. `luck` is what the draw did.

    `near` says whether the track fits about as well as any; `same_mood` whether the library has tracks of the wanted
    mood, `unheard` whether it has some that were not heard in the last minute, `undisliked` whether it has some that
    this profile does not dislike; `rivals` says how many others suit about as well; `friend` is
    the song whose likeness spoke most for it, `last` the one that was heard before.
    """

    near: bool = True
    same_mood: bool = False
    unheard: bool = False
    undisliked: bool = False
    rivals: int = 0
    own: float = 0.0
    artist: float = 0.0
    sound: float = 0.0
    luck: float = 0.0
    freshness: float = 0.0
    flow: float = 0.0
    friend: Track | None = None
    last: Track | None = None


def reason_for(track: Track, target: Target, opinion: Opinion, now: Now, grounds: Grounds) -> str:
    """Such as "calm, to match a calm room; you liked it on Tuesday; not heard for 3 weeks"."""
    weighty = sorted((ground for ground in _grounds(track, opinion, now, grounds) if ground[0] > WEIGHTY), reverse=True)
    clauses = [words for _, words in weighty[:CLAUSES]]
    clauses += _in_spite_of(opinion, now, grounds)
    return "; ".join([_fit(track, target, grounds), *(clauses or [_chance(grounds)])])


def _grounds(track: Track, opinion: Opinion, now: Now, grounds: Grounds) -> Iterator[tuple[float, str]]:
    """What may have decided, each with its weight."""
    if opinion.verdict is Outcome.LIKED:
        yield grounds.own, f"you liked it {_day(opinion.said_at, now.wall)}"
    elif opinion.heard_out >= OFTEN:
        yield grounds.own, f"you heard it out {opinion.heard_out} times"
    elif opinion.heard_out:
        yield grounds.own, "you heard it out " + ("once" if opinion.heard_out == 1 else "twice")
    yield grounds.artist, f"you enjoy {track.artist}"
    if grounds.friend is not None:
        yield grounds.sound, f"it sounds like {_name(grounds.friend)}, which you enjoyed"
    if math.isinf(opinion.age_s(now)):
        yield grounds.freshness, "never heard before"
        yield grounds.luck, "to find out whether you like it"
    elif opinion.age_s(now) >= JUST_NOW_S:
        yield grounds.freshness, f"not heard for {_span(opinion.age_s(now))}"
    if grounds.last is not None:
        yield grounds.flow, f"it goes on from the sound of {_name(grounds.last)}"


def _in_spite_of(opinion: Opinion, now: Now, grounds: Grounds) -> Iterator[str]:
    """What speaks against it; everything else is worse, or there is nothing else."""
    if opinion.verdict is Outcome.DISLIKED:
        why = "the others fit less" if grounds.undisliked else "there is nothing else"
        yield f"you did not like it {_day(opinion.said_at, now.wall)}, but {why}"
    if opinion.age_s(now) < JUST_NOW_S:
        yield f"heard just now, but {'the others fit less' if grounds.unheard else 'there is nothing else'}"


def _chance(grounds: Grounds) -> str:
    if not grounds.rivals:
        return "nothing else suits as well"
    return f"drawn by lot from {grounds.rivals + 1} that suit about as well"


def _fit(track: Track, target: Target, grounds: Grounds) -> str:
    if track.origin is MoodOrigin.UNKNOWN:
        return f"its mood is unknown; {target.mood} is wanted {target.words}"
    if track.mood is target.mood:
        return f"{track.mood}, {target.words}"
    if not grounds.near:
        return f"{track.mood}, because you heard or disliked everything nearer to {target.mood} lately"
    if grounds.same_mood:
        return f"{track.mood}, close to {target.mood}, {target.words}"
    return f"{track.mood}, the nearest there is to {target.mood}, {target.words}"


def _name(track: Track) -> str:
    return f"“{track.title}”"


def _span(age_s: float) -> str:
    for unit_s, unit in UNITS:
        if age_s >= unit_s:
            count = int(age_s / unit_s)
            return f"{count} {unit}{'s' if count > 1 else ''}"
    return "a moment"


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
