"""Nods and shakes of the head, from the five landmarks of a tracked face. Pure; on the eye's thread.

A nod moves the nose up and down against the eyes, and the whole face with it; a shake does the same from side to side.
Both signals are taken in units of the distance between the eyes, so that the size of the face does not matter. A
gesture is a back and forth: swings in alternating directions within `WINDOW_S`, each between `FASTEST_S` and
`SLOWEST_S`, in one direction much more than in the other. Speech moves the head, too, but seldom so far, so regularly
and along one axis. Kapoor & Picard (2001, "A real-time head nod and shake detector") and Morency et al. (2005) report
78 to 85% of nods and shakes recognised, with hidden Markov models and support vector machines.

There are two bars. A gesture over the higher one is *clear*; the lower one is for a few seconds after a question.
At 8 frames a second, a nod has only 3 to 8 frames, so a head that begins to move makes the eye look more often for
`BURST_S`. The figures were chosen on other heads than those of `tools/evaluate.py gestures`."""

from __future__ import annotations

import itertools
import statistics
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from device.domain import Gesture
from device.perception.tracker import Tracked

WINDOW_S = 2.2
FASTEST_S, SLOWEST_S = 0.1, 0.65  # of a swing
PAUSE_S = 4.0  # after a gesture, the same face makes no other one
NOSE = 2.0  # the nose against the eyes counts so much more than the movement of the whole face
LONGEST_GAP_S = 0.5  # between two frames of one gesture

BURST_FPS, BURST_S = 15.0, 1.5  # how often the eye looks, and how long after the last stir
STIR, STIR_S = 0.3, 0.3  # a head stirs if it moves so far (in eye distances), mostly along one axis, within this time


@dataclass(frozen=True, slots=True)
class Bar:
    """What a gesture takes: so many swings, each at least `swing` long (in eye distances), while the other axis moves
    at most 1 / `dominance` times as far."""

    swings: int
    swing: float
    dominance: float


CLEAR = Bar(4, 0.3, 1.8)
FAINT = Bar(3, 0.35, 1.8)

Sample = tuple[float, float, float, float]
"""A time (s), how far the head is turned to the side and down, and the distance between the eyes (in pixels)."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A gesture, and whether it passed the higher bar."""

    gesture: Gesture
    clear: bool


class GestureDetector:
    """Finds the gestures of all tracked faces."""

    def __init__(self) -> None:
        self._samples: dict[int, deque[Sample]] = {}
        self._quiet_until: dict[int, float] = {}
        self._faint_until: dict[int, float] = {}
        self._burst_until = 0.0

    def update(self, faces: Iterable[Tracked], at_s: float) -> dict[int, Seen]:
        """Add the faces that were found at `at_s`. Returns the gestures that ended now, by the face's number. A faint
        one may become clear later."""
        found = {}
        for one in faces:
            if one.at_s != at_s or (sample := measure(one)) is None:
                continue
            samples = self._samples.setdefault(one.number, deque(maxlen=64))
            if samples and at_s - samples[-1][0] > LONGEST_GAP_S:
                samples.clear()
            samples.append(sample)
            while at_s - samples[0][0] > WINDOW_S:
                samples.popleft()
            if stirs(samples):
                self._burst_until = at_s + BURST_S
            if (seen := self._judge(one.number, samples, at_s)) is not None:
                found[one.number] = seen
        self._forget(at_s)
        return found

    def bursting(self, at_s: float) -> bool:
        """Whether a head began to move just now, so that the eye should look more often."""
        return at_s < self._burst_until

    def _judge(self, number: int, samples: deque[Sample], at_s: float) -> Seen | None:
        if at_s < self._quiet_until.get(number, 0.0):
            return None
        if (gesture := judge(samples, CLEAR)) is not None:
            self._quiet_until[number] = at_s + PAUSE_S
            samples.clear()
            return Seen(gesture, clear=True)
        if at_s >= self._faint_until.get(number, 0.0) and (gesture := judge(samples, FAINT)) is not None:
            self._faint_until[number] = at_s + PAUSE_S
            return Seen(gesture, clear=False)
        return None

    def _forget(self, at_s: float) -> None:
        gone = [number for number, samples in self._samples.items() if samples and at_s - samples[-1][0] > PAUSE_S]
        for number in gone:
            del self._samples[number]
            self._quiet_until.pop(number, None)
            self._faint_until.pop(number, None)


def measure(one: Tracked) -> Sample | None:
    """How a face is turned, and where it is; None without two eyes."""
    right, left, nose, *_ = one.face.landmarks
    apart = ((left[0] - right[0]) ** 2 + (left[1] - right[1]) ** 2) ** 0.5
    if apart < 1.0:
        return None
    eyes_x, eyes_y = (right[0] + left[0]) / 2, (right[1] + left[1]) / 2
    return one.at_s, NOSE * (nose[0] - eyes_x) + eyes_x, NOSE * (nose[1] - eyes_y) + eyes_y, apart


def stirs(samples: Sequence[Sample] | deque[Sample]) -> bool:
    """Whether the head begins to move as in a gesture."""
    now_s, *_, apart = samples[-1]
    late = [sample for sample in samples if now_s - sample[0] <= STIR_S]
    less, more = sorted(max(values) - min(values) for values in ([s[1] for s in late], [s[2] for s in late]))
    return more >= STIR * apart and more >= CLEAR.dominance * less


def judge(samples: Sequence[Sample] | deque[Sample], bar: Bar) -> Gesture | None:
    """The gesture in the latest samples, if there is one over this bar."""
    times = [sample[0] for sample in samples]
    apart = statistics.median(sample[3] for sample in samples)
    for gesture, axis, other in ((Gesture.NOD, 2, 1), (Gesture.SHAKE, 1, 2)):
        values = [sample[axis] / apart for sample in samples]
        swings = swings_of(times, values, bar.swing)
        if len(swings) < bar.swings or swings[-1][1] != times[-1]:
            continue
        last = swings[-bar.swings :]
        begun = last[0][0]
        aside = [sample[other] / apart for sample in samples if sample[0] >= begun]
        if not all(FASTEST_S <= end - start <= SLOWEST_S for start, end, _ in last):
            continue
        if bar.dominance * (max(aside) - min(aside)) <= max(abs(length) for *_, length in last):
            return gesture
    return None


def swings_of(times: Sequence[float], values: Sequence[float], least: float) -> list[tuple[float, float, float]]:
    """The swings of at least `least` in alternating directions, by hysteresis: begin, end (s) and signed length."""
    if not values:
        return []
    low = high = 0  # where the lowest and the highest value since the last turn are
    turns: list[int] = []
    rising = 0  # 1: up, -1: down, 0: no swing yet
    for at in range(1, len(values)):
        low, high = (at if values[at] < values[low] else low), (at if values[at] > values[high] else high)
        if rising >= 0 and values[high] - values[at] >= least:
            turns.append(high)
            rising, low = -1, at
        elif rising <= 0 and values[at] - values[low] >= least:
            turns.append(low)
            rising, high = 1, at
    if not rising:
        return []
    turns.append(high if rising > 0 else low)
    return [(times[a], times[b], values[b] - values[a]) for a, b in itertools.pairwise(turns)]
