"""A person's own neutral: some faces look sad or angry at rest. Pure; one for each tracked face.

While a face is tracked, this learns the slow mean of its scores: how the face looks most of the time. What it shows
more of than faces usually do (`PRIOR`) is subtracted before the filter, by at most `MOST` in odds and only as far as
that emotion is not shown strongly: a probability of `STRONG` and above stays as it is. So a long real mood, which shows
strongly again and again, stays; a faint look that never ends is removed.
"""

from __future__ import annotations

import math

from device.domain import Scores
from device.mood.smoothing import PRIOR

SLOW_S = 300.0  # the time constant of the mean
LEAST_S = 60.0  # nothing is taken off before the face was seen for this long
MOST = 4.0  # the odds of an emotion fall by no more than this factor
STRONG = 0.75  # a probability that counts as shown strongly
GAP_S = 2.0  # at most so much of a gap between two readings counts as seen


class OwnNeutral:
    """Learns one face's usual look. `adjust` takes each reading's scores and returns them without it."""

    def __init__(self) -> None:
        self._mean: Scores = PRIOR
        self._seen_s = 0.0
        self._at_s: float | None = None

    def adjust(self, scores: Scores, at_s: float) -> Scores:
        """The scores of a reading at this time (s), in [0, 1], without what this face always shows."""
        passed_s = 0.0 if self._at_s is None else max(0.0, min(GAP_S, at_s - self._at_s))
        self._at_s, self._seen_s = at_s, self._seen_s + passed_s
        share = 1.0 - math.exp(-passed_s / SLOW_S)
        self._mean = tuple((1 - share) * mean + share * score for mean, score in zip(self._mean, scores, strict=True))
        if self._seen_s < LEAST_S:
            return scores
        weighed = [
            score / (1.0 + (min(MOST, max(1.0, mean / usual)) - 1.0) * max(0.0, 1.0 - score / STRONG))
            for score, mean, usual in zip(scores, self._mean, PRIOR, strict=True)
        ]
        total = math.fsum(weighed)
        return tuple(value / total for value in weighed)
