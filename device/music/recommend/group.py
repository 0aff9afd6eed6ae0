"""One choice for several people: ways to combine their preferences, and fairness over time. Pure.

The strategies are those of Masthoff, "Group modeling: selecting a sequence of television items to suit a group of
viewers" (2004) and "Group recommender systems: combining individual models" (2011). Each takes the preferences of all
people for all candidates, each in (0, 1), and gives one preference for each candidate, again in (0, 1). For one person,
all of them return that person's own.

Nobody should lose again and again, so a person who got less lately weighs more. This is the balancing over a sequence
of Piliponyte, Ricci and Koschwitz, "Sequential music recommendations for groups by balancing user satisfaction" (2013).
They choose the song that makes satisfaction most equal; here, the missing satisfaction becomes a weight, so that each
strategy can use it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from device.domain import MoodName, Now, Outcome
from device.music.recommend.preference import COMPARED, Liking, Preference
from device.music.recommend.profile_taste import Hearing
from device.music.recommend.taste import Taste
from device.music.recommend.track_index import Floats, Rows, TrackIndex

BEARABLE = 0.5  # below this preference, a song is a misery for somebody
MISERY = 0.05  # what is left of the worth of such a song
ENOUGH = 8192  # songs of a big pool, divided by the number of people
FEWEST_COMPARED = 64  # songs that each candidate is compared with, for each person
FADE = 0.8  # what a song counts when one more song has played
SITTING_S = 4 * 3600.0  # older songs do not count


class Strategy(StrEnum):
    """How the preferences of several people become one."""

    AVERAGE = "average"
    LEAST_MISERY = "least misery"
    WITHOUT_MISERY = "average without misery"
    MULTIPLICATIVE = "multiplicative"
    TURNS = "turns"


@dataclass(frozen=True, slots=True)
class Plan:
    """How to choose for several people. `fairness`: how much a person's weight grows with what that person has missed;
    0 means that all weigh the same."""

    strategy: Strategy = Strategy.MULTIPLICATIVE
    fairness: float = 1.0


@dataclass(frozen=True, slots=True)
class GroupPreference:
    """The preferences of several people for the same rows; like a `Preference`, but combined."""

    plan: Plan
    members: tuple[Preference, ...]
    weights: Floats

    def mean(self, without: str = "") -> Floats:
        """The expected preference. `without` leaves out "own", "artist" or "sound", to show its effect."""
        return combine(self.plan.strategy, self.means(without), self.weights)

    def means(self, without: str = "") -> Floats:
        """float[people, n]: what each of them is expected to think."""
        return np.stack([member.mean(without) for member in self.members])

    def draw(self, generator: np.random.Generator) -> Floats:
        """Thompson draws of each person, combined."""
        draws = np.stack([member.draw(generator) for member in self.members])
        return combine(self.plan.strategy, draws, self.weights)


class Group:
    """Those who listen now. `weights`: float[people], with the mean 1; `missing`: see `missed`."""

    def __init__(
        self, library: TrackIndex, taste: Taste, profiles: Sequence[str], mood: MoodName, now: Now, plan: Plan
    ) -> None:
        self.profiles, self._plan = profiles, plan
        tastes = [taste.of_profile(profile) for profile in profiles]
        self.disliked = set().union(*(one.disliked for one in tastes))
        """The rows that somebody dislikes."""
        compared = max(FEWEST_COMPARED, COMPARED // len(profiles))
        self._likings = [Liking(library, one, mood, now, compared) for one in tastes]
        self.weights: Floats = np.ones(len(profiles), np.float32)
        if len(profiles) > 1 and plan.fairness:
            self.weights = weights_for(missed([one.recent for one in tastes], self._likings, now), plan.fairness)

    def thin(self, rows: Rows, generator: np.random.Generator) -> Rows:
        """For several people, a random part of a big pool is enough; songs that somebody knows stay in it."""
        enough = ENOUGH // len(self._likings)
        if len(self._likings) == 1 or len(rows) <= enough:
            return rows
        known = np.zeros(int(rows[-1]) + 1, np.bool_)  # rows ascend
        for liking in self._likings:
            known[liking.rows[liking.rows < len(known)]] = True
        chosen = known[rows] | (generator.random(len(rows), dtype=np.float32) < enough / len(rows))
        thinned: Rows = rows[chosen]
        return thinned

    def roughly(self, rows: Rows) -> GroupPreference:
        """The preferences without comparing sounds: for any number of rows."""
        members = tuple(liking.roughly(rows) for liking in self._likings)
        return GroupPreference(self._plan, members, self.weights)

    def closely(self, rows: Rows, sound: Floats) -> tuple[GroupPreference, list[Rows]]:
        """The preferences with evidence from similar songs, for some hundreds of rows. Also, for each person and each
        row, the similar row with the most evidence for it, -1 for none."""
        members, similar = zip(*(liking.closely(rows, sound) for liking in self._likings), strict=True)
        return GroupPreference(self._plan, members, self.weights), list(similar)


def combine(strategy: Strategy, preferences: Floats, weights: Floats) -> Floats:
    """float[n]: the group's preference for each candidate. `preferences`: float[people, n]; `weights`: float[people],
    with the mean 1."""
    if len(preferences) == 1:
        only: Floats = preferences[0]
        return only
    shares = (weights / weights.sum())[:, None].astype(preferences.dtype)
    combined: Floats
    match strategy:
        case Strategy.AVERAGE:
            combined = (shares * preferences).sum(axis=0)
        case Strategy.LEAST_MISERY:  # a greater weight makes a preference count as lower, so that it decides
            combined = (preferences ** weights[:, None].astype(preferences.dtype)).min(axis=0)
        case Strategy.WITHOUT_MISERY:
            average = (shares * preferences).sum(axis=0)
            combined = np.where(preferences.min(axis=0) < BEARABLE, MISERY * average, average)
        case Strategy.MULTIPLICATIVE:  # the root of the product, so that it stays comparable with other factors
            combined = np.exp((shares * np.log(preferences)).sum(axis=0))
        case Strategy.TURNS:
            combined = preferences[int(weights.argmax())]
    return combined


def missed(recent: Sequence[Sequence[Hearing]], likings: Sequence[Liking], now: Now) -> Floats:
    """float[people]: how much less than the others each person enjoyed the latest songs, in songs (negative: more).

    Enjoyment is 0 for a song that the person skipped or disliked, 1 for one that they liked, and otherwise the expected
    preference. Songs count only for those who were present; whoever was not has missed nothing.
    """
    enjoyed = [_enjoyed(heard, liking, now) for heard, liking in zip(recent, likings, strict=True)]
    songs: dict[float, list[float]] = {}
    for one in enjoyed:
        for at, value in one.items():
            songs.setdefault(at, []).append(value)
    usual = {at: sum(values) / len(values) for at, values in songs.items()}
    fade = {at: FADE**age for age, at in enumerate(sorted(songs, reverse=True))}
    return np.array([sum(fade[at] * (usual[at] - value) for at, value in one.items()) for one in enjoyed], np.float32)


def weights_for(missing: Floats, fairness: float) -> Floats:
    """float[people], with the mean 1: the weight of each person, from what each has missed."""
    raw = np.exp(np.clip(fairness * (missing - missing.mean()), -3, 3))
    weights: Floats = raw / raw.mean()
    return weights


def _enjoyed(recent: Sequence[Hearing], liking: Liking, now: Now) -> dict[float, float]:
    """How much a person enjoyed each of the latest songs, by the time at which it was heard."""
    heard = [one for one in recent if 0 <= now.wall - one.at <= SITTING_S]
    if not heard:
        return {}
    rows = np.array([one.row for one in heard], np.intp)
    expected = liking.roughly(rows).mean()
    known = {Outcome.LIKED: 1.0, Outcome.SKIPPED: 0.0, Outcome.DISLIKED: 0.0}
    return {one.at: known.get(one.outcome, float(value)) for one, value in zip(heard, expected, strict=True)}
