"""What to play next, and why. Pure: the clock and the dice are given; called by the main thread.

A track is worth the product of three things, each between 0 and 1:

- *fit*: how well it stands where the music should be: a Gaussian around the target in the valence-arousal plane,
  blurred by how uncertain the track's own place is;
- *favour*: how likely this profile is to enjoy it: a Beta posterior over what was liked, heard out and skipped. A draw
  from it is used instead of its mean (Thompson 1933, "On the likelihood that one unknown probability exceeds another"),
  so that tracks of which little is known get their chances;
- *freshness*: how far it is forgotten: 1 minus Ebbinghaus' retention exp(-t/S), whose strength S grows with every
  hearing, as in Hu & Ogihara, "NextOne Player" (ISMIR 2011).

Before that, whatever can be avoided among the tracks that fit is avoided: see `_pool`.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from device.domain import Choice, MoodOrigin, Now, Outcome, Target, Track
from device.music.reasons import reason_for
from device.music.taste import Opinion, Taste

__all__ = ["Taste", "choose", "fit"]

WIDTH = 0.3  # of the Gaussian, in units of the plane; neighbouring moods are about 0.4 apart
UNCERTAINTY: Mapping[MoodOrigin, float] = {
    MoodOrigin.USER: 0.05,
    MoodOrigin.FOLDER: 0.1,
    MoodOrigin.TAG: 0.2,
    MoodOrigin.MODEL: 0.3,
    MoodOrigin.UNKNOWN: 0.7,
}
NEAR = 0.3  # tracks not further from the target than the nearest one plus this are a choice among equals
RECENT_S = 3 * 3600.0
PRIOR = (3.0, 1.5)  # a library is music that somebody chose: two of three tracks please before anything is known


@dataclass(frozen=True, slots=True)
class Candidate:
    """A track with all that decides about it. `distance` is that to the target."""

    track: Track
    distance: float
    opinion: Opinion


def choose(
    tracks: Sequence[Track],
    target: Target,
    taste: Taste,
    profile: str,
    now: Now,
    dice: random.Random,
    exclude: Collection[str] = (),
) -> Choice | None:
    """The next track and the reason for it; None if there is no track at all.

    Tracks whose key is in `exclude` are only chosen if there is no other.
    """
    allowed = [track for track in tracks if track.key not in exclude] or list(tracks)
    if not allowed:
        return None
    candidates = [
        Candidate(track, track.affect.distance(target.affect), taste.of(profile, track.key)) for track in allowed
    ]
    last_artist = next((track.artist for track in tracks if track.key == taste.last_key), "")
    pool = _pool(candidates, last_artist, now)
    best = max(pool, key=lambda one: _worth(one, now, dice))
    near = best.distance <= _reach(candidates)
    return Choice(best.track, reason_for(best.track, target, best.opinion, now, near=near))


def fit(distance: float, origin: MoodOrigin) -> float:
    """0 to 1: the chance density at the target of a track that is said to be `distance` away, by whoever said so."""
    spread = WIDTH**2 + UNCERTAINTY[origin] ** 2
    return WIDTH**2 / spread * math.exp(-(distance**2) / (2 * spread))


def _worth(one: Candidate, now: Now, dice: random.Random) -> float:
    good, bad = PRIOR
    favour = dice.betavariate(good + one.opinion.good, bad + one.opinion.bad)
    return fit(one.distance, one.track.origin) * favour * one.opinion.freshness(now)


def _pool(candidates: Sequence[Candidate], last_artist: str, now: Now) -> Sequence[Candidate]:
    """Those that may be chosen, so that what is avoidable is avoided: first dislikes, then repeats, then the artist of
    a moment ago. Where all that fits was heard lately, everything competes: something near may beat a repeat."""
    reach = _reach(candidates)
    near = [one for one in candidates if one.distance <= reach]
    near = _without(near, lambda one: one.opinion.verdict is Outcome.DISLIKED)
    fresh = [one for one in near if one.opinion.age_s(now) >= RECENT_S]
    pool = fresh or _without(list(candidates), lambda one: one.opinion.verdict is Outcome.DISLIKED)
    return _without(pool, lambda one: bool(last_artist) and one.track.artist == last_artist)


def _reach(candidates: Sequence[Candidate]) -> float:
    """The distance up to which a track fits about as well as the best."""
    return min(one.distance for one in candidates) + NEAR


def _without(pool: list[Candidate], unwanted: Callable[[Candidate], bool]) -> list[Candidate]:
    """The pool without these, unless nothing would be left."""
    return [one for one in pool if not unwanted(one)] or pool
