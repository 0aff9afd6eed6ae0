"""The shape of a face in millimetres: where its features are for a person and an expression.

Pure numbers, any thread. The origin lies between the pupils, x to the picture's right, y down, z to the camera.
Faces are symmetric: one side is described, x there counts from the middle outwards. Average measures follow
Farkas, Anthropometry of the Head and Face (1994); how far an action unit moves a feature was set by eye.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tools.people.cast import Expression, Person

Array = NDArray[Any]  # float32 all along; numpy's type hints lose track of it


@dataclass(frozen=True, slots=True)
class Eye:
    """One eye's opening; heights are y, up is negative."""

    centre_x: float
    inner_x: float
    outer_x: float
    inner_y: float
    outer_y: float
    upper_y: float  # the upper lid's highest point
    lower_y: float  # the lower lid's lowest point
    iris_x: float
    iris_y: float
    closed: float  # 1 where the lids meet all along

    def lids(self, x: Array) -> tuple[Array, Array]:
        """The y of the upper and the lower lid at x; equal outside the opening."""
        s = np.clip((x - self.inner_x) / (self.outer_x - self.inner_x), 0, 1)
        base = self.inner_y + (self.outer_y - self.inner_y) * s
        middle = (self.inner_y + self.outer_y) / 2
        upper = base + (self.upper_y - middle) * _arch(s, 0.75, 0.95)
        lower = base + (self.lower_y - middle) * _arch(s, 1.1, 0.8)
        upper = upper + (lower - upper) * self.closed**3
        return upper, np.maximum(upper, lower)


@dataclass(frozen=True, slots=True)
class Mouth:
    """The lips. At each of four lines, y in the middle; all meet in the corners."""

    corner_x: float
    corner_y: float
    top_y: float  # upper edge of the upper lip
    upper_y: float  # lower edge of the upper lip
    lower_y: float  # upper edge of the lower lip
    bottom_y: float  # lower edge of the lower lip
    smile: float  # how much the line between the lips bends up before the corner
    rest_y: float  # where the lips would meet: the upper teeth hang from here
    square: float  # 0 an oval opening, 1 a square one, as lips are drawn back from the teeth

    def lines(self, x: Array) -> tuple[Array, Array, Array, Array]:
        """The y of top, upper, lower and bottom line at x; all equal outside the mouth."""
        t = np.minimum(np.abs(x) / self.corner_x, 1)
        bend = t ** (2.2 - 0.6 * self.smile)
        arch = (1 - t ** (2.4 + 1.2 * self.square)) ** (0.75 - 0.15 * self.square)
        bow = 1 - 0.16 * np.exp(-((x / 3.2) ** 2)) - 0.25 * t
        droop = self.corner_y - self.rest_y
        line = self.rest_y + droop * bend
        upper = line + (self.upper_y - self.rest_y) * arch
        lower = line + (self.lower_y - self.rest_y) * arch
        top = upper - (self.upper_y - self.top_y) * bow * (1 - t**2.2) ** 0.8
        bottom = lower + (self.bottom_y - self.lower_y) * (1 - t**2.6) ** 0.9
        return top, upper, lower, bottom


@dataclass(frozen=True, slots=True)
class Face:
    """A whole face: features, and how deep each fold is (0 to 1)."""

    person: Person
    expression: Expression
    eye: Eye
    mouth: Mouth
    brow: tuple[tuple[float, float], ...]  # from the inner end outwards
    brow_thickness: float
    chin_y: float
    nose_tip_y: float
    nose_half_width: float
    cheek_y: float  # centre of the cheek's fullness
    cheek: float  # and how full it is, mm
    nasolabial: float
    glabella: float
    forehead: float
    crow: float


def shape(person: Person, expression: Expression) -> Face:
    """The face of a person with an expression."""
    e = expression
    tip_y = 36.0 * person.nose_length - 2.0 * e.au9
    squeeze = max(e.au6, 0.6 * e.au12)
    return Face(
        person=person,
        expression=expression,
        eye=_eye(person, e),
        mouth=_mouth(person, e),
        brow=_brow(e),
        brow_thickness=person.brow_thickness * (1 + 0.1 * e.au4),
        chin_y=112.0 * person.face_length + _jaw_drop(e) - 3 * e.au17,
        nose_tip_y=tip_y,
        nose_half_width=16.5 * person.nose_width * (1 + 0.10 * e.au12 + 0.08 * e.au9 + 0.06 * e.au10),
        cheek_y=26 - 5 * squeeze,
        cheek=4 + 5 * squeeze,
        nasolabial=min(1.0, 0.15 + 0.3 * person.age + 0.8 * e.au12 + 0.7 * e.au10 + 0.7 * e.au9 + 0.15 * e.au15),
        glabella=e.au4 * (1 - 0.5 * e.au1) * (0.8 + 0.2 * person.age) + 0.4 * e.au9,
        forehead=(0.15 * person.age + max(e.au1, e.au2)) * (0.5 + 0.5 * person.age),
        crow=(0.2 * person.age + e.au6) * (0.4 + 0.6 * person.age),
    )


def _eye(person: Person, e: Expression) -> Eye:
    size = person.eye_size
    sad = min(e.au1, e.au4)
    opening = -5.6 * size - 3.6 * e.au5 + 1.8 * e.au7 + 0.8 * e.au6 + 0.6 * e.au4 * (1 - e.au5)
    lower = 4.6 * size - 2.4 * e.au7 - 2.2 * e.au6 - 1.0 * e.au12 * e.au6 + 0.3 * e.au5
    upper = opening + (lower - 0.6 - opening) * min(1.0, e.au43)
    return Eye(
        centre_x=31.0,
        inner_x=31 - 15 * size,
        outer_x=31 + 15 * size,
        inner_y=1.2,
        outer_y=-0.8 + 1.5 * sad - 0.4 * e.au5,
        upper_y=upper,
        lower_y=max(lower, 0.8),
        iris_x=4.0 * e.gaze_x,
        iris_y=-0.4 + 3.0 * e.gaze_y,
        closed=min(1.0, e.au43),
    )


def _mouth(person: Person, e: Expression) -> Mouth:
    full = person.lip_fullness
    thin = 1 - 0.6 * e.au23 - 0.25 * e.au12 - 0.2 * e.au20 - 0.25 * e.au10
    y = 66 * (0.5 + 0.5 * person.face_length) - 2.5 * e.au17 + 1.0 * e.au15
    jaw = _jaw_drop(e)
    rise = 5.5 * e.au25 * e.au12 + 3.5 * e.au10 + 1.5 * e.au9 + 0.8 * e.au25
    gap = (2.0 * e.au25 + 5.5 * e.au25 * e.au12 + 4 * e.au16 * e.au25 + 0.9 * jaw) * min(1.0, 4 * e.au25)
    pursed = 0.22 * jaw * (1 - max(e.au12, e.au20, 0.8 * e.au10))
    upper_y = y - rise * e.au25
    lower_y = y + gap
    return Mouth(
        corner_x=25 + 9.5 * e.au12 + 6 * e.au20 - 1.5 * e.au23 - 1.0 * e.au15 + 1.5 * e.au10 - pursed,
        corner_y=y - 9.5 * e.au12 + 6.5 * e.au15 + 2.0 * e.au20 + 0.36 * jaw,
        top_y=upper_y - (7.2 * full * thin) - 1.2 * e.au10,
        upper_y=upper_y,
        lower_y=lower_y,
        bottom_y=lower_y + (9.2 * full * thin) * (1 + 0.15 * e.au17),
        smile=e.au12,
        rest_y=y,
        square=min(e.au10, max(e.au16, e.au20)),
    )


def _brow(e: Expression) -> tuple[tuple[float, float], ...]:
    both = min(e.au1, e.au4)  # together they slant the brow: the inner end goes up, the rest is held down
    inner = -7.5 * e.au1 + 11.5 * (e.au4 - both) - 3.0 * both + 1.5 * e.au9
    middle = -5.0 * e.au1 / 2 - 5.5 * e.au2 + 9.5 * (e.au4 - both) + 4.5 * both
    outer = -8.0 * e.au2 + 4.0 * e.au4 + 4.0 * both * (1 - e.au2)
    inward = 5.0 * e.au4
    return (
        (12.5 - inward, -19.0 + inner),
        (22.0 - 0.6 * inward, -22.5 + 0.5 * inner + 0.5 * middle),
        (35.0, -24.5 + 0.8 * middle + 0.2 * outer),
        (45.0, -22.5 + 0.3 * middle + 0.7 * outer),
        (54.0, -17.0 + outer),
    )


def _jaw_drop(e: Expression) -> float:
    return 17.0 * e.au26 + 22.0 * e.au27


def _arch(s: Array, rise: float, fall: float) -> Array:
    """A hump over 0..1 with height 1, its top nearer to 0 where `rise` is smaller than `fall`."""
    top = rise / (rise + fall)
    hump: Array = s**rise * (1 - s) ** fall / (top**rise * (1 - top) ** fall)
    return hump
