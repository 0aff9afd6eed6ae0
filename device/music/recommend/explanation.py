"""Words the reason for a choice, from what decided it. Pure.

The first clause says where the music leads and whether this track fits. At most `CLAUSES` grounds follow: those that
raised this track's worth most above the usual candidate's, so a ground that all candidates share is not a reason. If
no ground stands out, the dice decided, and the reason says so.
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
FOUR, FIVE = 0.75, 0.95  # the lowest ratings with four and five stars
JUST_NOW_S = 60.0
CLAUSES = 2
WEIGHTY = math.log(1.1)  # a ground counts as a reason if it raised the worth by a tenth


@dataclass(frozen=True, slots=True)
class Grounds:
    """What decided, as logarithms of factors of the worth, relative to the usual candidate: `freshness`, `flow`, and
    the contribution of each kind of evidence to the preference: the track's `own`, its `artist`'s, and that of songs
    with a similar `sound`. `luck` is the effect of the draw.

    `near`: the track fits about as well as any. `same_mood`: the library has tracks of the wanted mood. `unheard`: it
    has tracks that were not heard in the last minute. `undisliked`: it has tracks that this profile does not dislike.
    `rivals`: the number of others that suit about as well. `similar`: the liked song whose sound did most for this
    track. `last`: the track before it. `effect`: how well it moves the room. `worked`: what it did before, in words.
    `who`: the person whose opinion it is, empty for the only listener. `for_whom`: a clause about the group, empty for
    none.
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
    effect: float = 0.0
    worked: str = ""
    similar: Track | None = None
    last: Track | None = None
    who: str = ""
    for_whom: str = ""


def reason_for(track: Track, target: Target, opinion: Opinion, now: Now, grounds: Grounds) -> str:
    """Such as "calm, to match a calm room; you liked it on Tuesday; not heard for 3 weeks"."""
    weighty = sorted((ground for ground in _grounds(track, opinion, now, grounds) if ground[0] > WEIGHTY), reverse=True)
    clauses = [clause for _, clause in weighty[:CLAUSES]]
    clauses = [clause for clause in (grounds.for_whom, *clauses) if clause]
    clauses += _in_spite_of(opinion, now, grounds)
    return "; ".join([_fit(track, target, grounds), *(clauses or [_chance(grounds)])])


def _grounds(track: Track, opinion: Opinion, now: Now, grounds: Grounds) -> Iterator[tuple[float, str]]:
    """Every possible ground, with its weight."""
    who = grounds.who or "you"
    if opinion.verdict is Outcome.LIKED:
        yield grounds.own, f"{who} liked it {_day(opinion.said_at, now.wall)}"
    elif opinion.heard_out >= OFTEN:
        yield grounds.own, f"{who} heard it to the end {opinion.heard_out} times"
    elif opinion.verdict is None and (track.rating or 0.0) >= FOUR:
        yield grounds.own, f"its tags give it {'five' if (track.rating or 0.0) >= FIVE else 'four'} stars"
    elif opinion.heard_out:
        yield grounds.own, f"{who} heard it to the end " + ("once" if opinion.heard_out == 1 else "twice")
    yield grounds.artist, f"{who} {'enjoys' if grounds.who else 'enjoy'} {track.artist}"
    if grounds.similar is not None:
        yield grounds.sound, f"it sounds like {_name(grounds.similar)}, which {who} enjoyed"
    if math.isinf(opinion.age_s(now)):
        yield grounds.freshness, "never heard before"
        yield grounds.luck, "to find out whether you like it"
    elif opinion.age_s(now) >= JUST_NOW_S:
        yield grounds.freshness, f"not heard for {_span(opinion.age_s(now))}"
    if grounds.worked:
        yield grounds.effect, grounds.worked
    elif grounds.effect > WEIGHTY:
        yield grounds.luck + grounds.effect, "to find out what it does to the room"
    if grounds.last is not None:
        yield grounds.flow, f"its sound follows on from {_name(grounds.last)}"


def _in_spite_of(opinion: Opinion, now: Now, grounds: Grounds) -> Iterator[str]:
    """What speaks against the track, and why it was chosen anyway."""
    if opinion.verdict is Outcome.DISLIKED:
        why = "the others fit less well" if grounds.undisliked else "there is nothing else"
        yield f"{grounds.who or 'you'} did not like it {_day(opinion.said_at, now.wall)}, but {why}"
    if opinion.age_s(now) < JUST_NOW_S:
        yield f"heard just now, but {'the others fit less well' if grounds.unheard else 'there is nothing else'}"


def _chance(grounds: Grounds) -> str:
    if not grounds.rivals:
        return "nothing else suits as well"
    return f"picked at random from {grounds.rivals + 1} that suit about as well"


def _fit(track: Track, target: Target, grounds: Grounds) -> str:
    if track.origin is MoodOrigin.UNKNOWN:
        return f"its mood is unknown; {target.mood} is wanted {target.reason}"
    if track.origin is MoodOrigin.UNSURE:
        return f"perhaps {track.mood}; {target.mood} is wanted {target.reason}"
    if track.mood is target.mood:
        return f"{track.mood}, {target.reason}"
    if not grounds.near:
        return f"{track.mood}, because you heard or disliked everything nearer to {target.mood} lately"
    if grounds.same_mood:
        return f"{track.mood}, close to {target.mood}, {target.reason}"
    return f"{track.mood}, the nearest there is to {target.mood}, {target.reason}"


def _name(track: Track) -> str:
    return f"“{track.title}”"


def _span(age_s: float) -> str:
    for unit_s, unit in UNITS:
        if age_s >= unit_s:
            count = int(age_s / unit_s)
            return f"{count} {unit}{'s' if count > 1 else ''}"
    return "a moment"


def _day(at: float, wall: float) -> str:
    """The day in words, in the local time zone."""
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
