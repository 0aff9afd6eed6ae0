"""What to play next, and why. Pure: the caller passes the clock and the dice; the main thread calls it.

The worth of a track is the product of these factors, the first four between 0 and 1:

- *fit*: how near it is to the target in the valence-arousal plane: a Gaussian around the target, blurred by the
  uncertainty of the track's own point;
- *preference*: how likely the listeners are to enjoy it, in this mood at this time of day: see `preference.py` for one
  and `group.py` for several;
- *freshness*: how much people have forgotten it: 1 minus Ebbinghaus' retention exp(-t/S), whose strength S grows with
  every hearing, as in Hu & Ogihara, "NextOne Player" (ISMIR 2011);
- *flow*: how similar it sounds to the track before it;
- *effect*: if the music should move the room, how well the track did that before: see `effects.py`. This factor is
  between exp(-2) and exp(2).

Before that, `_pool` leaves out dislikes and repeats, as far as enough tracks remain. Comparing the sound of 100,000
tracks would take long, so only the `CANDIDATES` with the highest worth by the other factors are compared.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from device.domain import Affect, Choice, Now, Target, Track
from device.music.recommend.effects import Effects, Estimate, direction_of
from device.music.recommend.effects import words as effect_words
from device.music.recommend.explanation import JUST_NOW_S, Grounds, reason_for
from device.music.recommend.group import Group, GroupPreference, Plan
from device.music.recommend.group_explanation import for_whom, subject
from device.music.recommend.preference import greatest
from device.music.recommend.profile_taste import DAY_S
from device.music.recommend.taste import Taste, age_s
from device.music.recommend.track_index import MOODS, NOBODY, Floats, Rows, TrackIndex

__all__ = ["Taste", "TrackIndex", "choose", "fit"]

WIDTH = 0.3  # of the Gaussian, in units of the plane; neighbouring moods are about 0.4 apart
NEAR = 0.2  # a track counts as near if it is at most this much farther from the target than the nearest track,
DOUBT = 0.4  # plus its own uncertainty, up to this
RECENT_S = 3 * 3600.0  # no track repeats within this time if any other track fits,
SAME_DAY_S = 16 * 3600.0  # nor within this time if at least
CHOICE = 8  # this many other tracks fit
ARTISTS = 4  # an artist pauses for this many songs
STALEST = 0.02  # the freshness of a track that was just heard; above 0, because a repeat beats the wrong mood
PREFERENCE_POWER = 2.0  # the exponent of preference in the product
FLOW = 0.3  # the share of worth that an opposite sound loses
CANDIDATES = 256
EQUAL_SHARE = 0.7  # a track with this share of the winner's worth, without luck, suits about as well

PLAN = Plan()

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Candidates:
    """Rows that may be chosen, and what decides between them; all arrays are as long as `rows`. `similar` is, for each
    person, the liked row whose sound does most for each (-1: none)."""

    rows: Rows
    preference: GroupPreference
    drawn: Floats
    freshness: Floats
    flow: Floats
    effect: Floats
    worth: Floats
    similar: Sequence[Rows]


@dataclass(frozen=True, slots=True)
class Request:
    """The arguments of `choose`, and those who listen. `taste` and `effects` must be indexed for this library."""

    library: TrackIndex
    target: Target
    taste: Taste
    group: Group
    now: Now
    effects: Effects | None = None

    @property
    def direction(self) -> Affect | None:
        """Where the music should move the room; None for nowhere, or without knowledge of what songs do."""
        if self.effects is None or self.target.room is None or self.target.goal is None:
            return None
        return direction_of(self.target.room, self.target.goal)

    def effect(self, rows: Rows) -> Estimate | None:
        """How far each of these tracks moves the room in the wanted direction."""
        direction = self.direction
        if direction is None or self.effects is None or self.target.room is None:
            return None
        return self.effects.estimate(rows, self.target.room, direction)


def choose(
    library: TrackIndex,
    target: Target,
    taste: Taste,
    profiles: Sequence[str],
    now: Now,
    dice: random.Random,
    exclude: Collection[str] = (),
    effects: Effects | None = None,
    plan: Plan = PLAN,
) -> Choice | None:
    """The next track for those who listen, and the reason for choosing it; None if no track may play. What is no music
    may not: it plays only when somebody asks for it.

    `taste` and `effects` must be indexed for this library. `profiles` names at least one. Tracks with a key in
    `exclude` are chosen only if no other may play.
    """
    if not len(library):
        return None
    group = Group(library, taste, profiles, target.mood, now, plan)
    request = Request(library, target, taste, group, now, effects)
    distance = library.distance(target.affect)
    unbanned = library.is_music.copy()
    unbanned[library.rows(taste.banned)] = False
    if not unbanned.any():
        return None
    allowed = unbanned.copy()
    allowed[library.rows(exclude)] = False
    allowed = allowed if allowed.any() else unbanned
    near = distance <= distance[allowed].min() + NEAR + np.minimum(library.uncertainty, DOUBT)
    generator = np.random.default_rng(dice.getrandbits(64))
    rows = request.group.thin(_pool(request, allowed, near), generator)
    candidates = _weigh(request, rows, fit(distance[rows], library.uncertainty[rows]), generator)
    best = int(candidates.worth.argmax())
    return _explain(request, candidates, best, allowed, near=bool(near[candidates.rows[best]]))


def fit(distance: Floats, uncertainty: Floats) -> Floats:
    """0 to 1: how well tracks fit whose estimated distance from the target is `distance`, with the standard deviation
    `uncertainty`. The convolution of two Gaussians."""
    spread: Floats = WIDTH**2 + uncertainty**2
    density: Floats = WIDTH**2 / spread * np.exp(-(distance**2) / (2 * spread))
    return density


def freshness(heard_at: NDArray[np.float64], hearings: NDArray[np.float64], now: Now) -> Floats:
    """0.02 (just heard) to 1 (forgotten, or never heard)."""
    retention = np.exp(-age_s(heard_at, now) / (DAY_S * (1 + np.log1p(hearings))))
    return (STALEST + (1 - STALEST) * (1 - retention)).astype(np.float32)


def _pool(request: Request, allowed: Mask, near: Mask) -> Rows:
    """The rows that may be chosen. Leaves out dislikes first, then repeats, then recent artists, if tracks remain. If
    all fitting tracks were heard lately, all tracks compete: a near mood may beat a repeat."""
    library, taste, wall = request.library, request.taste, request.now.wall
    liked = np.ones(len(library), np.bool_)
    liked[list(request.group.disliked)] = False
    fitting = _unless_empty(allowed & near, liked)
    for span_s, enough in ((SAME_DAY_S, CHOICE), (RECENT_S, 1)):
        rested = fitting & ((taste.heard_at <= max(0.0, wall - span_s)) | (taste.heard_at > wall))
        if np.count_nonzero(rested) >= enough:
            return _without_recent_artists(library, taste, np.flatnonzero(rested))
    return _without_recent_artists(library, taste, np.flatnonzero(_unless_empty(allowed, liked)))


def _unless_empty(pool: Mask, wanted: Mask) -> Mask:
    """The wanted part of the pool, or all of it if that part is empty."""
    both = pool & wanted
    return both if both.any() else pool


def _without_recent_artists(library: TrackIndex, taste: Taste, rows: Rows) -> Rows:
    """The rows whose artist was not heard in the last `ARTISTS` songs. At most half of the artists pause: otherwise few
    artists would play in a fixed order, whatever people like."""
    artists = library.artist[rows]
    several = int((np.bincount(artists, minlength=library.artists)[NOBODY + 1 :] > 0).sum())
    songs_ago = np.full(library.artists, ARTISTS, np.int8)
    for age, row in reversed(list(enumerate(list(taste.last_rows)[: -ARTISTS - 1 : -1]))):
        songs_ago[library.artist[row]] = age
    songs_ago[NOBODY] = ARTISTS
    ages = songs_ago[artists]
    rested: Rows = rows[ages >= min(int(ages.max()), max(1, several // 2))]
    return rested


def _weigh(request: Request, rows: Rows, fits: Floats, generator: np.random.Generator) -> Candidates:
    """The worth of all rows of a small pool, or of the most promising rows of a big pool."""
    library, taste, now = request.library, request.taste, request.now
    group = request.group
    fresh = freshness(taste.heard_at[rows], taste.hearings[rows], now)
    estimate = request.effect(rows)
    effect = np.ones(len(rows), np.float32) if estimate is None else estimate.factor(generator)
    if len(rows) > CANDIDATES:
        promise = fits * group.roughly(rows).draw(generator) ** PREFERENCE_POWER * fresh * effect
        best = greatest(promise, CANDIDATES)
        rows, fits, fresh, effect = rows[best], fits[best], fresh[best], effect[best]
    sound = library.sound(rows)
    preference, similar = group.closely(rows, sound)
    drawn = preference.draw(generator)
    flow = _flow(library, taste, sound)
    worth = fits * drawn**PREFERENCE_POWER * fresh * flow * effect
    return Candidates(rows, preference, drawn, fresh, flow, effect, worth, similar)


def _flow(library: TrackIndex, taste: Taste, sound: Floats) -> Floats:
    """1 for the same sound as the last track, 1 - FLOW for the opposite; 1 - FLOW/2 if unknown."""
    if not taste.last_rows or not sound.shape[1]:
        return np.full(len(sound), 1 - FLOW / 2, np.float32)
    turned: Floats = (1 - sound @ library.sound([taste.last_rows[-1]])[0]) / 2
    return 1 - FLOW * turned


def _explain(request: Request, candidates: Candidates, best: int, allowed: Mask, *, near: bool) -> Choice:
    """The choice, with a reason made of what set it apart from the other candidates."""
    library, taste, group, preference = request.library, request.taste, request.group, candidates.preference
    row = int(candidates.rows[best])
    track, person = library.tracks[row], subject(taste, group, preference, best, row)
    similar = candidates.similar[person][best]
    mean = preference.mean()
    fair = candidates.worth * (mean / candidates.drawn) ** PREFERENCE_POWER  # the worth without the luck of the draw
    grounds = Grounds(
        near=near,
        same_mood=bool((allowed & (library.mood == MOODS[request.target.mood])).any()),
        unheard=bool((allowed & (age_s(taste.heard_at, request.now) >= JUST_NOW_S)).any()),
        undisliked=int(allowed.sum()) > int(allowed[list(group.disliked)].sum()),
        rivals=int(np.count_nonzero(fair >= fair[best] * EQUAL_SHARE)) - 1,
        own=PREFERENCE_POWER * _apart(mean / preference.mean(without="own"), best),
        artist=PREFERENCE_POWER * _apart(mean / preference.mean(without="artist"), best),
        sound=PREFERENCE_POWER * _apart(mean / preference.mean(without="sound"), best),
        luck=PREFERENCE_POWER * float(np.log(candidates.drawn[best] / mean[best])),
        freshness=_apart(candidates.freshness, best),
        flow=_apart(candidates.flow, best),
        effect=_apart(candidates.effect, best),
        worked=_worked(request, track),
        similar=None if similar < 0 else library.tracks[similar],
        last=library.tracks[taste.last_rows[-1]] if taste.last_rows else None,
        who="" if len(group.profiles) == 1 else group.profiles[person],
        for_whom=for_whom(group, preference, best),
    )
    reason = reason_for(track, request.target, taste.of(group.profiles[person], track.key), request.now, grounds)
    return Choice(track, reason)


def _worked(request: Request, track: Track) -> str:
    """What this track did to the room before, in words; empty if it did nothing of what is wanted."""
    direction = request.direction
    if direction is None or request.effects is None:
        return ""
    times = request.effects.times_worked(track.key, direction)
    return effect_words(times, direction) if times else ""


def _apart(factors: Floats, best: int) -> float:
    """How far the factor of `best` is above the usual one, as a logarithm."""
    return float(np.log(factors[best]) - np.log(factors).mean())
