"""Nods and shakes of the head, from the five landmarks of a tracked face. Pure; on the eye's thread.

A nod moves the nose up and down against the eyes, and the whole face with it; a shake does the same from side to side.
Both signals are taken in units of the distance between the eyes, so that the size of the face does not matter. A
gesture is a back and forth: at least `SWINGS` swings in alternating directions within `WINDOW_S`, each at least `SWING`
long and between `FASTEST_S` and `SLOWEST_S`, in one direction much more than in the other. Speech moves the head, too,
but seldom so far, so regularly and along one axis. Kapoor & Picard (2001, "A real-time head nod and shake detector")
and Morency et al. (2005) report 78 to 85% of nods and shakes recognised, with hidden Markov models and support vector
machines.

The eye sees 8 frames a second, so a nod has only 3 to 8 frames. Faster nods than 3 a second are missed. The figures
were chosen on other synthetic heads than those of `tools/evaluate.py gestures`. """

from __future__ import annotations

import itertools
import statistics
from collections import deque
from collections.abc import Iterable, Sequence

from device.domain import Gesture
from device.perception.tracker import Tracked

WINDOW_S = 2.2
SWINGS = 4
SWING = 0.35  # of the distance between the eyes
FASTEST_S, SLOWEST_S = 0.1, 0.65
DOMINANCE = 1.8  # the other axis moves at most 1 / this as far
PAUSE_S = 4.0  # after a gesture, the same face makes no other one
NOSE = 2.0  # the nose against the eyes counts so much more than the movement of the whole face
LONGEST_GAP_S = 0.5  # between two frames of one gesture

Sample = tuple[float, float, float, float]
"""A time (s), how far the head is turned to the side and down, and the distance between the eyes (in pixels)."""


class GestureDetector:
    """Finds the gestures of all tracked faces."""

    def __init__(self) -> None:
        self._samples: dict[int, deque[Sample]] = {}
        self._quiet_until: dict[int, float] = {}

    def update(self, faces: Iterable[Tracked], at_s: float) -> dict[int, Gesture]:
        """Add the faces that were found at `at_s`. Returns the gestures that ended now, by the face's number."""
        found, seen = {}, set()
        for one in faces:
            if one.at_s != at_s or (sample := measure(one)) is None:
                continue
            seen.add(one.number)
            samples = self._samples.setdefault(one.number, deque(maxlen=64))
            if samples and at_s - samples[-1][0] > LONGEST_GAP_S:
                samples.clear()
            samples.append(sample)
            while at_s - samples[0][0] > WINDOW_S:
                samples.popleft()
            if at_s >= self._quiet_until.get(one.number, 0.0) and (gesture := judge(samples)) is not None:
                found[one.number] = gesture
                self._quiet_until[one.number] = at_s + PAUSE_S
                samples.clear()
        self._forget(at_s)
        return found

    def _forget(self, at_s: float) -> None:
        gone = [number for number, samples in self._samples.items() if samples and at_s - samples[-1][0] > PAUSE_S]
        for number in gone:
            del self._samples[number]
            self._quiet_until.pop(number, None)


def measure(one: Tracked) -> Sample | None:
    """How a face is turned, and where it is; None without two eyes."""
    right, left, nose, *_ = one.face.landmarks
    apart = ((left[0] - right[0]) ** 2 + (left[1] - right[1]) ** 2) ** 0.5
    if apart < 1.0:
        return None
    eyes_x, eyes_y = (right[0] + left[0]) / 2, (right[1] + left[1]) / 2
    return one.at_s, NOSE * (nose[0] - eyes_x) + eyes_x, NOSE * (nose[1] - eyes_y) + eyes_y, apart


def judge(samples: Sequence[Sample] | deque[Sample]) -> Gesture | None:
    """The gesture in the latest samples, if there is one."""
    times = [sample[0] for sample in samples]
    apart = statistics.median(sample[3] for sample in samples)
    for gesture, axis, other in ((Gesture.NOD, 2, 1), (Gesture.SHAKE, 1, 2)):
        values = [sample[axis] / apart for sample in samples]
        swings = swings_of(times, values)
        if len(swings) < SWINGS or swings[-1][1] != times[-1]:
            continue
        last = swings[-SWINGS:]
        begun = last[0][0]
        aside = [sample[other] / apart for sample in samples if sample[0] >= begun]
        if not all(FASTEST_S <= end - start <= SLOWEST_S for start, end, _ in last):
            continue
        if DOMINANCE * (max(aside) - min(aside)) <= max(abs(length) for *_, length in last):
            return gesture
    return None


def swings_of(times: Sequence[float], values: Sequence[float]) -> list[tuple[float, float, float]]:
    """The swings of at least `SWING` in alternating directions, by hysteresis: begin, end (s) and signed length."""
    if not values:
        return []
    low = high = 0  # where the lowest and the highest value since the last turn are
    turns: list[int] = []
    rising = 0  # 1: up, -1: down, 0: no swing yet
    for at in range(1, len(values)):
        low, high = (at if values[at] < values[low] else low), (at if values[at] > values[high] else high)
        if rising >= 0 and values[high] - values[at] >= SWING:
            turns.append(high)
            rising, low = -1, at
        elif rising <= 0 and values[at] - values[low] >= SWING:
            turns.append(low)
            rising, high = 1, at
    if not rising:
        return []
    turns.append(high if rising > 0 else low)
    return [(times[a], times[b], values[b] - values[a]) for a, b in itertools.pairwise(turns)]
