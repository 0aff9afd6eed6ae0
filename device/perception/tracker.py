"""Numbers faces, so that each face keeps its number from frame to frame. Pure: no clock, no camera, no model.

Each face has a Kalman filter (Kalman 1960) for position and speed, with constant speed plus random disturbance. It
predicts the position and its uncertainty. So it expects somebody who walks behind another person on the other side, and
a face that was lost some time ago matches less strictly than one that was just seen. Detections are assigned to known
faces greedily, likeliest pair first.

A weak detection needs confirmation: more of them in the same place, one of which is fairly sure (two thresholds, after
Canny 1986, over time instead of space). So the detector may report what nobody should trust in a single frame, and a
face that turns away or gets dark is kept. A sure detection counts at once.

The figures below were chosen on simulated scenes with `python tools/evaluate.py tracks`, which reports on other scenes.
Neither an optimal assignment nor the appearance of the face improved the results there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

from device.domain import Face

KEEP_S = 1.5  # a face keeps its number through an absence of this length, such as a second behind a hand
REACH = 0.9  # the largest distance from the expected position, in face sizes
GROWTH = 2.0  # the largest ratio of the sizes

SURE = 0.8  # a face found with such a score is believed at once
START = 0.6  # others need such a score once,
SIGHTINGS = 3  # and to be found this often

# Standard deviations, lengths in face sizes (the square root of the box's area)
PLACE_NOISE = 0.07  # of the position of a box
FIRST_SPEED = 0.9  # of the speed (per second) of a face that was seen once
UNREST = 0.9  # of the change of speed (per second) within one second
SIZE_NOISE = 0.15  # of the change in the logarithm of the size between two detections


@dataclass(frozen=True, slots=True)
class Course:
    """The position and speed of a face, in pixels and seconds; variances of each axis, in face sizes."""

    x: float
    y: float
    size: float
    speed_x: float = 0.0
    speed_y: float = 0.0
    place_variance: float = PLACE_NOISE**2
    covariance: float = 0.0
    speed_variance: float = FIRST_SPEED**2

    @classmethod
    def start(cls, face: Face) -> Self:
        """The course of a new face."""
        return cls(*_centre(face), _size(face))

    def after(self, passed_s: float) -> Course:
        """The prediction after `passed_s` seconds."""
        s, unrest = passed_s, UNREST**2
        place = self.place_variance + 2 * s * self.covariance + s**2 * self.speed_variance + s**3 * unrest / 3
        return replace(
            self,
            x=self.x + self.speed_x * s,
            y=self.y + self.speed_y * s,
            place_variance=place,
            covariance=self.covariance + s * self.speed_variance + unrest * s**2 / 2,
            speed_variance=self.speed_variance + unrest * s,
        )

    def corrected(self, face: Face) -> Course:
        """The course corrected by a detection, weighted by the uncertainty of both."""
        (x, y), seen_variance = _centre(face), self.place_variance + PLACE_NOISE**2
        by, speed_by = self.place_variance / seen_variance, self.covariance / seen_variance
        return Course(
            x=self.x + by * (x - self.x),
            y=self.y + by * (y - self.y),
            size=math.sqrt(self.size * _size(face)),
            speed_x=self.speed_x + speed_by * (x - self.x),
            speed_y=self.speed_y + speed_by * (y - self.y),
            place_variance=self.place_variance * (1 - by),
            covariance=self.covariance * (1 - by),
            speed_variance=self.speed_variance - speed_by * self.covariance,
        )


@dataclass(frozen=True, slots=True)
class Tracked:
    """A face with its number, the time and course of its last detection, the number of detections so far, and its best
    score."""

    number: int
    face: Face
    at_s: float
    course: Course
    sightings: int
    best: float

    @property
    def confirmed(self) -> bool:
        """Whether this is a face, and not something that looked like one for a moment."""
        return self.best >= SURE or (self.sightings >= SIGHTINGS and self.best >= START)


class Tracker:
    """Numbers faces from 1; it never uses a number twice."""

    def __init__(self) -> None:
        self._known: tuple[Tracked, ...] = ()
        self._last_number = 0

    @property
    def known(self) -> tuple[Tracked, ...]:
        """Everybody seen within the last `KEEP_S`, by number."""
        return self._known

    def update(self, faces: Sequence[Face], at_s: float) -> tuple[Tracked, ...]:
        """Number the faces detected at `at_s`. Returns one `Tracked` for each, in the order of `faces`."""
        kept = [known for known in self._known if at_s - known.at_s <= KEEP_S]
        expected = [known.course.after(max(0.0, at_s - known.at_s)) for known in kept]
        pairs = match(expected, faces)
        seen = []
        for index, face in enumerate(faces):
            if index in pairs:
                known, course = kept[pairs[index]], expected[pairs[index]].corrected(face)
                best = max(known.best, face.score)
                seen.append(Tracked(known.number, face, at_s, course, known.sightings + 1, best))
            else:
                self._last_number += 1
                seen.append(Tracked(self._last_number, face, at_s, Course.start(face), 1, face.score))
        absent = [known for place, known in enumerate(kept) if place not in pairs.values()]
        self._known = tuple(sorted([*seen, *absent], key=lambda tracked: tracked.number))
        return tuple(seen)


def match(expected: Sequence[Course], faces: Sequence[Face]) -> dict[int, int]:
    """Pairs of indices, face to expected face; each index at most once, and only for possible matches."""
    ranked = sorted(
        (unlikeness, index, place)
        for index, face in enumerate(faces)
        for place, course in enumerate(expected)
        if (unlikeness := surprise(course, face)) < math.inf
    )
    pairs: dict[int, int] = {}
    taken: set[int] = set()
    for _unlikeness, index, place in ranked:
        if index not in pairs and place not in taken:
            pairs[index] = place
            taken.add(place)
    return pairs


def surprise(expected: Course, face: Face) -> float:
    """How unlikely `face` is at this position: minus twice the logarithm of the density, up to a constant.

    Infinite for a face that is too far away, too large or too small.
    """
    size = _size(face)
    if min(size, expected.size) <= 0 or not 1 / GROWTH <= size / expected.size <= GROWTH:
        return math.inf
    x, y = _centre(face)
    apart_squared = ((x - expected.x) ** 2 + (y - expected.y) ** 2) / (size * expected.size)
    if apart_squared > REACH**2:
        return math.inf
    variance = expected.place_variance + PLACE_NOISE**2
    growth = math.log(size / expected.size) / SIZE_NOISE
    return apart_squared / variance + 2 * math.log(variance) + growth**2


def overlap(one: Face, other: Face) -> float:
    """Intersection over union of the boxes, 0 to 1."""
    width = min(one.x + one.w, other.x + other.w) - max(one.x, other.x)
    height = min(one.y + one.h, other.y + other.h) - max(one.y, other.y)
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return shared / (one.w * one.h + other.w * other.h - shared)


def _centre(face: Face) -> tuple[float, float]:
    return face.x + face.w / 2, face.y + face.h / 2


def _size(face: Face) -> float:
    return math.sqrt(max(0.0, face.w) * max(0.0, face.h))
