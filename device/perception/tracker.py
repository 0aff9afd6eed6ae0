"""Gives faces a number that stays with them from frame to frame. Pure: no clock, no camera, no model.

Detections are matched to the known faces greedily, best pair first, by overlap and by distance of the centres. With
the handful of faces in a room that finds the same pairs as an optimal assignment except in knots where nobody could
say who is who.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from device.domain import Face

KEEP_S = 1.0  # a face keeps its number through an absence of this length
REACH = 1.0  # the centre may move by so many face sizes between two sightings
GROWTH = 2.0  # and the size may change by this factor


@dataclass(frozen=True, slots=True)
class Tracked:
    """A face with its number, when it was last seen, and how often it has been found so far."""

    number: int
    face: Face
    at_s: float
    sightings: int = 1


class Tracker:
    """Numbers faces from 1; a number is never given twice."""

    def __init__(self) -> None:
        self._known: tuple[Tracked, ...] = ()
        self._last_number = 0

    @property
    def known(self) -> tuple[Tracked, ...]:
        """Everybody seen within the last second, by number."""
        return self._known

    def update(self, faces: Sequence[Face], at_s: float) -> tuple[Tracked, ...]:
        """Number the faces found at `at_s`; returns one `Tracked` for each, in the order of `faces`."""
        kept = [known for known in self._known if at_s - known.at_s <= KEEP_S]
        pairs = match(kept, faces)
        seen = tuple(
            self._continue(kept[pairs[index]], face, at_s) if index in pairs else Tracked(self._next(), face, at_s)
            for index, face in enumerate(faces)
        )
        taken = {tracked.number for tracked in seen}
        absent = [known for known in kept if known.number not in taken]
        self._known = tuple(sorted([*seen, *absent], key=lambda tracked: tracked.number))
        return seen

    @staticmethod
    def _continue(known: Tracked, face: Face, at_s: float) -> Tracked:
        return Tracked(known.number, face, at_s, known.sightings + 1)

    def _next(self) -> int:
        self._last_number += 1
        return self._last_number


def match(known: Sequence[Tracked], faces: Sequence[Face]) -> dict[int, int]:
    """Pairs of indices, face to known face; each at most once, and only faces that can be the same."""
    ranked = sorted(
        (
            (likeness, index, place)
            for index, face in enumerate(faces)
            for place, before in enumerate(known)
            if (likeness := similarity(before.face, face)) > 0
        ),
        reverse=True,
    )
    pairs: dict[int, int] = {}
    for _likeness, index, place in ranked:
        if index not in pairs and place not in pairs.values():
            pairs[index] = place
    return pairs


def similarity(before: Face, after: Face) -> float:
    """0 if these cannot be the same face in two frames that follow each other, up to 2 for the same box."""
    size_before, size_after = math.sqrt(before.w * before.h), math.sqrt(after.w * after.h)
    size = max(size_before, size_after)
    if size <= 0 or size > GROWTH * min(size_before, size_after):
        return 0.0
    apart = math.hypot(before.x + before.w / 2 - after.x - after.w / 2, before.y + before.h / 2 - after.y - after.h / 2)
    if apart > REACH * size:
        return 0.0
    return overlap(before, after) + 1.0 - apart / (REACH * size)


def overlap(one: Face, other: Face) -> float:
    """Intersection over union of the boxes, 0 to 1."""
    width = min(one.x + one.w, other.x + other.w) - max(one.x, other.x)
    height = min(one.y + one.h, other.y + other.h) - max(one.y, other.y)
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return shared / (one.w * one.h + other.w * other.h - shared)
