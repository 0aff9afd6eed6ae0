"""How another machine's clock differs from ours, from round trips over the network. Pure.

Each round trip gives one measure of the difference, wrong by at most half of the time that it took (Cristian 1989). The
quickest ones are the most accurate (the clock filter of NTP, RFC 5905, section 10), so only they count. A straight line
through them follows a clock that runs faster or slower; a median of the same minutes would lag behind it.
"""

from __future__ import annotations

import bisect
from collections import deque
from dataclasses import dataclass

WINDOW = 960  # round trips that are remembered: four minutes
BEST = 3  # one of this many counts
FEWEST = 8  # before that many have been, nothing is known
LINE_S = 20.0  # a line needs a window of this length
FIT_S = 1.0  # between two fits, once there are `OFTEN` round trips
OFTEN = 40
STEEPEST = 300e-6  # no clock of a computer runs further off than that


@dataclass(frozen=True, slots=True)
class Measure:
    """One round trip: our time in its middle, the other clock minus ours, how long it took."""

    at_s: float
    offset_s: float
    took_s: float


class ServerClock:
    """The other clock, as far as it is known. Belongs to one thread."""

    def __init__(self) -> None:
        self._measures: deque[Measure] = deque(maxlen=WINDOW)
        self._at_s = self._offset_s = self._slope = 0.0
        self._fitted_s = -FIT_S

    @property
    def known(self) -> bool:
        """Whether times can be translated."""
        return len(self._measures) >= FEWEST

    @property
    def error_s(self) -> float | None:
        """The largest possible error: half of the quickest round trip. None while nothing is known."""
        return min(measure.took_s for measure in self._measures) / 2 if self.known else None

    def add(self, sent_s: float, there_s: float, back_s: float, received_s: float) -> None:
        """A question was sent at `sent_s` and answered at `received_s` by our clock; it came there at `there_s` and
        left again at `back_s` by the other."""
        took_s = (received_s - sent_s) - (back_s - there_s)
        offset_s = ((there_s - sent_s) + (back_s - received_s)) / 2
        self._measures.append(Measure((sent_s + received_s) / 2, offset_s, took_s))
        if len(self._measures) < OFTEN or received_s - self._fitted_s >= FIT_S:
            self._fitted_s = received_s
            self._fit()

    def ours(self, theirs_s: float) -> float:
        """A time of the other clock, by ours."""
        guess_s = theirs_s - self._offset_s
        return guess_s - self._slope * (guess_s - self._at_s)

    def _fit(self) -> None:
        """A line through the quickest."""
        took = sorted(measure.took_s for measure in self._measures)
        limit_s = took[max(0, -(-len(took) // BEST) - 1)]
        best = [measure for measure in self._measures if measure.took_s <= limit_s]
        count = len(best)
        self._at_s = sum(measure.at_s for measure in best) / count
        away = [measure.at_s - self._at_s for measure in best]
        spread = sum(seconds**2 for seconds in away)
        if max(away) - min(away) < LINE_S:
            offsets: list[float] = []
            for measure in best:
                bisect.insort(offsets, measure.offset_s)
            self._offset_s, self._slope = offsets[count // 2], 0.0
            return
        self._offset_s = sum(measure.offset_s for measure in best) / count
        slope = sum(seconds * measure.offset_s for seconds, measure in zip(away, best, strict=True)) / spread
        self._slope = max(-STEEPEST, min(slope, STEEPEST))
