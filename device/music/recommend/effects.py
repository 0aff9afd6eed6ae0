"""What songs do to this room: an estimate of how each song moves the mood, with its uncertainty. Pure; main thread.

The diary has the mood of the faces before and after each song. Moods change by themselves, too: a very sad room is
usually less sad a song later. So a song is credited only with the difference from the usual change:

    after = c + r * before + kind[song's mood, room's state] + song + noise

`c` and `r` come from a ridge regression over everything heard; its prior says that a mood stays as it is. The other two
are partially pooled (Gelman et al., Bayesian Data Analysis, ch. 5): the effect of a kind of song on a room in one of
four states (the quadrants of the plane) shrinks to zero, a song's own effect shrinks to that of its kind. Both are
normal, so all of it is in closed form: first the kinds, then the songs on what the kinds leave. A song on which nothing
is known has the effect of its kind and a wide distribution; `draw` gives it its chance (Thompson 1933).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from device.domain import Affect, Erasure, Listen, Outcome, SongEntry
from device.music.recommend.track_index import MOODS, Floats, Rows, TrackIndex

REMEMBERED = 20_000  # songs, some three months of twelve hours a day
LEAST_HEARD_S = 60.0  # a song that was heard for less has no effect
KIND_SPREAD, SONG_SPREAD = 0.08, 0.1  # how far effects of kinds, and of songs within a kind, spread around their mean
NOISE = 0.25  # how far one measurement lies off, as a standard deviation; all three in units of the plane
STEADY_PRIOR = 20.0  # the regression begins as if this many songs had left the mood as it was
WORKED = 0.15  # a change of the mood by this much in the wanted direction counts as "it worked"
SWAY = 12.0  # the logarithm of a song's worth rises by this much for each unit that it moves the mood the right way
MOST_SWAY = 2.0  # but by no more than this, up or down

LEAST_CERTAINTY = 0.05
STATES = 4
FIGURES = 7  # before and after (valence, arousal), certainty, kind and state, song

Reals = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """For each row, how far it moves the mood in the wanted direction: mean and standard deviation, float32[n]."""

    mean: Floats
    deviation: Floats

    def factor(self, generator: np.random.Generator) -> Floats:
        """Each row's factor of worth, from a draw of its effect."""
        drawn = self.mean + self.deviation * generator.standard_normal(len(self.mean), dtype=np.float32)
        return np.exp(np.clip(SWAY * drawn, -MOST_SWAY, MOST_SWAY)).astype(np.float32)


class Effects:
    """What is known about the songs that this room heard. Call `attach` with the library first."""

    def __init__(self, songs: Iterable[SongEntry] = ()) -> None:
        self._library = TrackIndex()
        self._start(songs)

    def _start(self, songs: Iterable[SongEntry]) -> None:
        self._songs: list[SongEntry] = []
        self._figures = np.zeros((64, FIGURES))  # one row for each song, so that solving needs no loop
        self._number: dict[str, int] = {}
        self._solution: Solution | None = None
        for song in songs:
            self.add(song)

    def __len__(self) -> int:
        return len(self._songs)

    def attach(self, library: TrackIndex) -> None:
        """Use the rows of this library."""
        self._library, self._solution = library, None

    def add(self, song: SongEntry) -> None:
        """Learn from one more song, unless the faces showed nothing before or after it."""
        if song.before is None or song.after is None or song.heard_s < LEAST_HEARD_S:
            return
        if len(self._songs) >= REMEMBERED:
            self._start(self._songs[REMEMBERED // 4 :])
        if len(self._songs) == len(self._figures):
            self._figures = np.concatenate([self._figures, np.zeros_like(self._figures)])
        certainty = max(LEAST_CERTAINTY, min(song.before.certainty, song.after.certainty, 1.0))
        number = self._number.setdefault(song.track_key, len(self._number))
        before, after = song.before.affect, song.after.affect
        self._figures[len(self._songs)] = (
            *(before.valence, before.arousal, after.valence, after.arousal),
            *(certainty, MOODS[song.mood] * STATES + state_of(before), number),
        )
        self._songs.append(song)
        self._solution = None

    def forget(self, erasure: Erasure) -> None:
        """Forget the songs that `erasure` covers."""
        self._start([song for song in self._songs if not erasure.covers(_listen(song))])

    def estimate(self, rows: Rows, before: Affect, direction: Affect) -> Estimate:
        """How far the songs in these rows move a room from the point `before` in `direction` (a unit vector)."""
        if self._solution is None:
            self._solution = Solution(self._figures[: len(self._songs)], self._number, self._library)
        return self._solution.estimate(rows, state_of(before), np.array([direction.valence, direction.arousal]))

    def times_worked(self, key: str, direction: Affect) -> int:
        """How often the mood moved in this direction while the song with this key played."""
        return sum(song.track_key == key and moved(song, direction) >= WORKED for song in self._songs)


class Solution:
    """The estimates for all songs heard so far, on the rows of one library. `figures`: float64[n, FIGURES]."""

    def __init__(self, figures: Reals, numbers: Mapping[str, int], library: TrackIndex) -> None:
        before, after, weights = figures[:, :2], figures[:, 2:4], figures[:, 4]
        kinds, songs = figures[:, 5].astype(np.intp), figures[:, 6].astype(np.intp)
        residual = _residual(before, after, weights)
        noise = NOISE**2 + SONG_SPREAD**2  # to a kind, the differences between its songs are noise
        self._kind_mean, self._kind_variance = _pool(
            residual, weights, kinds, len(MOODS) * STATES, KIND_SPREAD, noise
        )
        left = residual - self._kind_mean[kinds]
        self._own_mean, self._own_variance = _pool(left, weights, songs, len(numbers), SONG_SPREAD, NOISE**2)
        self._kind_of_row = library.mood.astype(np.intp) * STATES
        self._song_of_row = np.full(len(library), -1, np.intp)
        for key, number in numbers.items():
            if (row := library.row.get(key)) is not None:
                self._song_of_row[row] = number

    def estimate(self, rows: Rows, state: int, direction: Reals) -> Estimate:
        """See `Effects.estimate`."""
        kinds, songs = self._kind_of_row[rows] + state, self._song_of_row[rows]
        mean, variance = self._kind_mean[kinds] @ direction, np.full(len(rows), SONG_SPREAD**2)
        known = np.flatnonzero(songs >= 0)
        mean[known] += self._own_mean[songs[known]] @ direction
        variance[known] = self._own_variance[songs[known]]
        deviation = np.sqrt(variance + self._kind_variance[kinds])
        return Estimate(mean.astype(np.float32), deviation.astype(np.float32))


def state_of(affect: Affect) -> int:
    """The quadrant of a point: 0 to 3."""
    return 2 * (affect.valence >= 0) + (affect.arousal >= 0)


def moved(song: SongEntry, direction: Affect) -> float:
    """How far the mood moved in this direction during the song."""
    if song.before is None or song.after is None:
        return 0.0
    across = song.after.affect.valence - song.before.affect.valence
    up = song.after.affect.arousal - song.before.affect.arousal
    return across * direction.valence + up * direction.arousal


def direction_of(start: Affect, goal: Affect) -> Affect | None:
    """The unit vector from one point to another; None if they are too close to have one."""
    length = start.distance(goal)
    if length < WORKED:
        return None
    return Affect((goal.valence - start.valence) / length, (goal.arousal - start.arousal) / length)


def words(times: int, direction: Affect) -> str:
    """Such as "it cheered you up twice"."""
    often = {1: "once", 2: "twice"}.get(times, f"{times} times")
    if abs(direction.valence) >= abs(direction.arousal):
        return f"it cheered you up {often}" if direction.valence > 0 else f"it brought you down {often}"
    return f"it gave you energy {often}" if direction.arousal > 0 else f"it calmed you down {often}"


def _listen(song: SongEntry) -> Listen:
    return Listen(song.track_key, song.profile, song.mood, Outcome.PLAYED, song.started_at)


def _residual(before: Reals, after: Reals, weights: Reals) -> Reals:
    """float64[n, 2]: what `after` is beyond the usual development from `before`."""
    residual = np.zeros_like(after)
    for axis in range(2):
        design = np.stack([np.ones(len(before)), before[:, axis]], axis=1)
        precision = STEADY_PRIOR * np.eye(2) * [1.0, 0.25]  # 0.25: the usual square of a coordinate
        prior = np.array([0.0, 1.0])
        left = precision + (design * weights[:, None]).T @ design
        right = precision @ prior + design.T @ (weights * after[:, axis])
        residual[:, axis] = after[:, axis] - design @ np.linalg.solve(left, right)
    return residual


def _pool(
    residual: Reals, weights: Reals, group: NDArray[np.intp], groups: int, spread: float, noise: float
) -> tuple[Reals, Reals]:
    """The posterior of each group's mean (float64[groups, 2]) and its variance: a normal prior around 0."""
    total = np.bincount(group, weights, groups)
    sums = np.stack([np.bincount(group, weights * residual[:, axis], groups) for axis in range(2)], axis=1)
    variance = 1.0 / (1.0 / spread**2 + total / noise)
    return sums * (variance / noise)[:, None], variance


