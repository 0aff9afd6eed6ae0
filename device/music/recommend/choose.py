"""What to play next, and why. Pure: clock and dice come in; the main thread calls it.

A track is worth the product of four things, each between 0 and 1:

- *fit*: how well it stands where the music should be: a Gaussian around the target in the valence-arousal plane,
  blurred by how uncertain the track's own place is;
- *preference*: how likely this profile is to enjoy it, in this mood at this time of day: see `preference.py`;
- *freshness*: how far it is forgotten: 1 minus Ebbinghaus' retention exp(-t/S), whose strength S grows with every
  hearing, as in Hu & Ogihara, "NextOne Player" (ISMIR 2011);
- *flow*: how well it goes on from the sound of what was just played.

Before that, whatever can be avoided among the tracks that fit is avoided: see `_pool`. Comparing sounds is the one
thing that would take long for 100,000 tracks, so it is left to the `CANDIDATES` that are worth most by all the rest.
"""

from __future__ import annotations

import random
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from device.domain import Choice, Now, Target
from device.music.recommend.explanation import JUST_NOW_S, Grounds, reason_for
from device.music.recommend.preference import Liking, Preference, greatest
from device.music.recommend.taste import DAY_S, Taste, age_s
from device.music.recommend.track_index import MOODS, NOBODY, Floats, Rows, TrackIndex

__all__ = ["Taste", "TrackIndex", "choose", "fit"]

WIDTH = 0.3  # of the Gaussian, in units of the plane; neighbouring moods are about 0.4 apart
NEAR = 0.2  # a track that is further from the target than the nearest one by no more than this, and by its own
DOUBT = 0.4  # uncertainty (up to this), is as good as that one: a choice among equals
RECENT_S = 3 * 3600.0  # nothing is repeated within so long if anything else fits,
SAME_DAY_S = 16 * 3600.0  # nor within so long where there is
CHOICE = 8  # a choice of so many
ARTISTS = 4  # songs for which an artist stays away after having been heard
STALEST = 0.02  # the freshness of a track that has only just been heard: repeating beats music of the wrong mood
FAVOUR = 2.0  # the power of preference in the product: how much it counts beside the others
FLOW = 0.3  # how much worth goes to zero as the sound turns to its opposite
CANDIDATES = 256
AS_WELL = 0.7  # of a track's worth without luck: what is worth so much suits about as well

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Candidates:
    """Rows that may be chosen and what decides about each; all arrays are as long as `rows`. `friend` is the row that
    speaks most for each by its sound (-1: none)."""

    rows: Rows
    preference: Preference
    drawn: Floats
    freshness: Floats
    flow: Floats
    worth: Floats
    friend: Rows


@dataclass(frozen=True, slots=True)
class Question:
    """What is wanted, of what, for whom and when. `taste` must have met this library."""

    library: TrackIndex
    target: Target
    taste: Taste
    profile: str
    now: Now


def choose(
    library: TrackIndex,
    target: Target,
    taste: Taste,
    profile: str,
    now: Now,
    dice: random.Random,
    exclude: Collection[str] = (),
) -> Choice | None:
    """The next track and the reason for it; None if there is no track at all that may play.

    `taste` must have met this library. Tracks whose key is in `exclude` are only chosen if there is no other.
    """
    if not len(library):
        return None
    question = Question(library, target, taste, profile, now)
    distance = library.distance(target.affect)
    unbanned = np.ones(len(library), np.bool_)
    unbanned[library.rows(taste.banned)] = False
    if not unbanned.any():
        return None
    allowed = unbanned.copy()
    allowed[library.rows(exclude)] = False
    allowed = allowed if allowed.any() else unbanned
    near = distance <= distance[allowed].min() + NEAR + np.minimum(library.uncertainty, DOUBT)
    rows = _pool(question, allowed, near)
    fits = fit(distance[rows], library.uncertainty[rows])
    candidates = _weigh(question, rows, fits, np.random.default_rng(dice.getrandbits(64)))
    best = int(candidates.worth.argmax())
    return _explain(question, candidates, best, allowed, near=bool(near[candidates.rows[best]]))


def fit(distance: Floats, uncertainty: Floats) -> Floats:
    """0 to 1: the chance density at the target of tracks that are said to be `distance` away, give or take
    `uncertainty`: two Gaussians, one blurred by the other."""
    spread: Floats = WIDTH**2 + uncertainty**2
    density: Floats = WIDTH**2 / spread * np.exp(-(distance**2) / (2 * spread))
    return density


def freshness(heard_at: NDArray[np.float64], hearings: NDArray[np.float64], now: Now) -> Floats:
    """0.02 (just heard) to 1 (forgotten, or never heard)."""
    retention = np.exp(-age_s(heard_at, now) / (DAY_S * (1 + np.log1p(hearings))))
    return (STALEST + (1 - STALEST) * (1 - retention)).astype(np.float32)


def _pool(question: Question, allowed: Mask, near: Mask) -> Rows:
    """The rows that may be chosen, so that what is avoidable is avoided: first dislikes, then repeats, then artists of
    a moment ago. Where all that fits was heard lately, everything competes: something near may beat a repeat."""
    library, taste, wall = question.library, question.taste, question.now.wall
    liked = np.ones(len(library), np.bool_)
    liked[list(taste.ear(question.profile).disliked)] = False
    fitting = _unless_empty(allowed & near, liked)
    for span_s, enough in ((SAME_DAY_S, CHOICE), (RECENT_S, 1)):
        rested = fitting & ((taste.heard_at <= max(0.0, wall - span_s)) | (taste.heard_at > wall))
        if np.count_nonzero(rested) >= enough:
            return _without_recent_artists(library, taste, np.flatnonzero(rested))
    return _without_recent_artists(library, taste, np.flatnonzero(_unless_empty(allowed, liked)))


def _unless_empty(pool: Mask, wanted: Mask) -> Mask:
    """Those of the pool that are wanted, or all of it where none is."""
    both = pool & wanted
    return both if both.any() else pool


def _without_recent_artists(library: TrackIndex, taste: Taste, rows: Rows) -> Rows:
    """The rows whose artist was not heard in the last `ARTISTS` songs. Where the rows are of few artists, half of them
    stay away at most: else they would come in a fixed order, whoever of them is liked."""
    artists = library.artist[rows]
    several = int((np.bincount(artists, minlength=library.artists)[NOBODY + 1 :] > 0).sum())
    songs_ago = np.full(library.artists, ARTISTS, np.int8)
    for age, row in reversed(list(enumerate(list(taste.last_rows)[: -ARTISTS - 1 : -1]))):
        songs_ago[library.artist[row]] = age
    songs_ago[NOBODY] = ARTISTS
    ages = songs_ago[artists]
    rested: Rows = rows[ages >= min(int(ages.max()), max(1, several // 2))]
    return rested


def _weigh(question: Question, rows: Rows, fits: Floats, generator: np.random.Generator) -> Candidates:
    """All rows of a small pool, the most promising ones of a big pool, and what they are worth."""
    library, taste, now = question.library, question.taste, question.now
    liking = Liking(library, taste.ear(question.profile), question.target.mood, now)
    fresh = freshness(taste.heard_at[rows], taste.hearings[rows], now)
    if len(rows) > CANDIDATES:
        promise = fits * liking.roughly(rows).draw(generator) ** FAVOUR * fresh
        best = greatest(promise, CANDIDATES)
        rows, fits, fresh = rows[best], fits[best], fresh[best]
    sound = library.sound(rows)
    preference, friend = liking.closely(rows, sound)
    drawn = preference.draw(generator)
    flow = _flow(library, taste, sound)
    return Candidates(rows, preference, drawn, fresh, flow, fits * drawn**FAVOUR * fresh * flow, friend)


def _flow(library: TrackIndex, taste: Taste, sound: Floats) -> Floats:
    """1 for what sounds exactly like what was just played, 1 - FLOW for its opposite; 1 - FLOW/2 where nothing is
    known."""
    if not taste.last_rows or not sound.shape[1]:
        return np.full(len(sound), 1 - FLOW / 2, np.float32)
    turned: Floats = (1 - sound @ library.sound([taste.last_rows[-1]])[0]) / 2
    return 1 - FLOW * turned


def _explain(question: Question, candidates: Candidates, best: int, allowed: Mask, *, near: bool) -> Choice:
    """The choice, with a reason made of what set it apart from the other candidates."""
    library, taste, preference = question.library, question.taste, candidates.preference
    track = library.tracks[candidates.rows[best]]
    friend = candidates.friend[best]
    mean = preference.mean()
    fair = candidates.worth * (mean / candidates.drawn) ** FAVOUR  # what it is worth without the luck of the draw
    grounds = Grounds(
        near=near,
        same_mood=bool((allowed & (library.mood == MOODS[question.target.mood])).any()),
        unheard=bool((allowed & (age_s(taste.heard_at, question.now) >= JUST_NOW_S)).any()),
        undisliked=int(allowed.sum()) > int(allowed[list(taste.ear(question.profile).disliked)].sum()),
        rivals=int(np.count_nonzero(fair >= fair[best] * AS_WELL)) - 1,
        own=FAVOUR * _apart(mean / preference.mean(without="own"), best),
        artist=FAVOUR * _apart(mean / preference.mean(without="artist"), best),
        sound=FAVOUR * _apart(mean / preference.mean(without="sound"), best),
        luck=FAVOUR * float(np.log(candidates.drawn[best] / mean[best])),
        freshness=_apart(candidates.freshness, best),
        flow=_apart(candidates.flow, best),
        friend=None if friend < 0 else library.tracks[friend],
        last=library.tracks[taste.last_rows[-1]] if taste.last_rows else None,
    )
    words = reason_for(track, question.target, taste.of(question.profile, track.key), question.now, grounds)
    return Choice(track, words)


def _apart(factors: Floats, best: int) -> float:
    """How far this one's factor stands above the usual one, as a logarithm."""
    return float(np.log(factors[best]) - np.log(factors).mean())
