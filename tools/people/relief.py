"""The head as a relief: its depth in millimetres at every pixel of a frontal canvas.

Pure arrays, any thread. Bumps are products of two one-dimensional bells, which makes a relief of seventy thousand
pixels cheap enough for a small board; folds are lines drawn and blurred.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from tools.people.face import Array, Face

Points = Sequence[tuple[float, float]]
SUBPIXEL_BITS = 4


@dataclass(frozen=True, slots=True)
class Canvas:
    """The grid that a head is drawn on: `scale` pixels to the millimetre, x and y of pixel centres in mm."""

    scale: float
    x: Array  # [1, W]
    y: Array  # [H, 1]

    @classmethod
    def of(cls, scale: float, half_width: float = 112, top: float = -150, bottom: float = 190) -> Canvas:
        """A canvas around a head, symmetric in x."""
        half = int(half_width * scale)
        rows = int((bottom - top) * scale)
        x = (np.arange(-half, half) + 0.5) / scale
        y = top + (np.arange(rows) + 0.5) / scale
        return cls(scale, x[None, :].astype(np.float32), y[:, None].astype(np.float32))

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.y.shape[0], self.x.shape[1]

    def bump(self, x: float, y: float, width: float, height: float, depth: float) -> Array:
        """A bell on both sides of the middle: standard deviations `width` and `height`, `depth` mm high."""
        across = np.exp(-(((self.x - x) / width) ** 2) / 2)
        if x:
            across = across + np.exp(-(((self.x + x) / width) ** 2) / 2)
        down = np.exp(-(((self.y - y) / height) ** 2) / 2)
        out: Array = np.float32(depth) * down * across
        return out

    def line(self, points: Points, width: float, *, both: bool = True, blur: float = 0.0) -> Array:
        """A line through points as coverage 0..1 (mirrored too if `both`), `width` mm thick, blurred by `blur` mm."""
        picture = np.zeros(self.shape, np.uint8)
        for sign in (1, -1) if both else (1,):
            cv2.polylines(picture, [self._pixels(points, sign)], False, 255, max(1, round(width * self.scale)),
                          cv2.LINE_AA, SUBPIXEL_BITS)
        out = picture.astype(np.float32) / 255
        return cv2.GaussianBlur(out, (0, 0), blur * self.scale) if blur else out

    def _pixels(self, points: Points, sign: int) -> Array:
        px = np.array([(sign * x - self.x[0, 0], y - self.y[0, 0]) for x, y in points]) * self.scale
        return np.asarray(np.round(px * 2**SUBPIXEL_BITS), np.int32)

    def soft(self, distance: Array, edge: float = 1.0) -> Array:
        """1 where `distance` (mm) is positive, 0 where negative, a smooth step `edge` mm wide between."""
        t = np.clip(distance / edge + 0.5, 0, 1)
        step: Array = t * t * (3 - 2 * t)
        return step


OUTLINE = ((-118, 0), (-113, 26), (-100, 48), (-80, 64), (-55, 72), (-30, 74), (0, 73), (20, 71.5), (40, 67.5),
           (60, 61), (75, 54), (90, 43), (100, 33), (108, 20), (112, 0))
PROFILE = ((-118, 0), (-112, 30), (-100, 55), (-80, 76), (-60, 86), (-35, 92), (-15, 93), (0, 88), (20, 90),
           (45, 92), (65, 92), (85, 88), (100, 85), (108, 74), (112, 55))


def half_width(face: Face, y: Array) -> Array:
    """Half the width of the head in mm at heights y; 0 above and below it."""
    heights, widths = (np.array(c, float) for c in zip(*OUTLINE, strict=True))
    widths = widths * face.person.head_width
    jaw = np.clip((heights - 20) / 50, 0, 1)
    widths = widths * (1 + (face.person.jaw_width - 1) * jaw)
    squares = np.interp(y, _stretched(face, heights), widths**2, left=0, right=0)
    return np.sqrt(squares).astype(np.float32)


def _stretched(face: Face, heights: Array) -> Array:
    """Heights below the nose follow the chin down."""
    share = np.clip((heights - 38) / (112 - 38), 0, 1)
    return np.asarray(heights + share * (face.chin_y - 112))


def skull(canvas: Canvas, face: Face) -> tuple[Array, Array]:
    """The bare head's depth, and its coverage 0..1."""
    width = _smooth(half_width(face, canvas.y), 2 * canvas.scale)
    heights, depths = (np.array(c, float) for c in zip(*PROFILE, strict=True))
    depth = np.interp(canvas.y, _stretched(face, heights), depths, left=0, right=0).astype(np.float32)
    across = np.abs(canvas.x) / np.maximum(width, 1)
    z: Array = _smooth(depth, 4 * canvas.scale) * np.sqrt(np.maximum(1 - across**2.4, 0))
    return z, canvas.soft(width - np.abs(canvas.x) - 0.75, 1.5)


def relief(canvas: Canvas, face: Face) -> Array:
    """What the features add to the bare head's depth, in mm."""
    return _upper(canvas, face) + _nose(canvas, face) + _lower(canvas, face) + _folds(canvas, face)


def _upper(canvas: Canvas, face: Face) -> Array:
    """Brow ridge, eye sockets, lids, temples and cheeks."""
    b, eye = canvas.bump, face.eye
    brow_y = face.brow[2][1]
    frown = face.glabella
    z = b(30, -17 + 0.4 * (brow_y + 24), 17, 6.5, 4.5) + b(0, -19, 10, 8, 1.5)
    z = z + b(20, face.brow[1][1] + 1, 11, 4.5, 4.0 * frown) - b(13, -2, 5, 5, 2.0 * frown)
    z = z + b(31, -1, 15, 9, -9) + b(14, -3, 6, 8, -5) + b(66, -30, 12, 22, -4)
    z = z + b(31, 0, 11, 8.5, 7.5)
    z = z + b(44, face.cheek_y, 15, 13, face.cheek) + b(34, 50, 13, 12, -2.0)
    pouch = face.expression.au6 * 2.2 + 0.8 * face.expression.au7 + 0.8 * face.person.age
    out: Array = z + b(31, eye.lower_y + 4.5, 12, 3.0, pouch)
    return out


def _nose(canvas: Canvas, face: Face) -> Array:
    """Bridge, tip, wings and the groove around them."""
    b, tip, half = canvas.bump, face.nose_tip_y, face.nose_half_width
    run = np.interp(canvas.y, [-14, -2, 10, tip - 12, tip, tip + 6, tip + 11, tip + 15],
                    [0, 3, 8, 14, 18, 15, 5, 0]).astype(np.float32)
    girth = np.interp(canvas.y, [0, tip - 14, tip], [5.0, 5.8, 8.0 * half / 16.5]).astype(np.float32)
    ridge = _smooth(run, 2 * canvas.scale) * np.exp(-np.abs(canvas.x / girth) ** 2 / 2)
    z = ridge + b(0, tip + 1, 7 * half / 16.5, 6, 4) + b(half - 4, tip + 5, 4.2, 5, 8.5)
    groove = canvas.line(_wing(face), 1, blur=1.2)
    out: Array = z - 2.8 * groove - b(half * 0.45, tip + 10, 3.2, 1.8, 5)
    return out


def _wing(face: Face) -> Points:
    half, tip = face.nose_half_width, face.nose_tip_y
    way = ((-1, -3), (1.5, 1), (2, 6), (-0.5, 10), (-5, 11))
    return [(half + x, tip + y) for x, y in way]


def _lower(canvas: Canvas, face: Face) -> Array:
    """Muzzle, lips, the groove under them, and the chin."""
    b, m, e = canvas.bump, face.mouth, face.expression
    top, upper, lower, bottom = m.lines(canvas.x)
    inside = np.clip((m.corner_x - np.abs(canvas.x)) / 8, 0, 1)
    z = b(0, m.rest_y - 3, 24, 17, 6) + b(0, m.rest_y - 12, 2.6, 5, -1.6) + b(4.5, m.rest_y - 12, 2.2, 5, 0.8)
    for first, last, height in ((top, upper, 3.2), (lower, bottom, 4.2)):
        middle, half = (first + last) / 2, np.maximum((last - first) / 2, 0.5)
        z = z + height * inside * np.exp(-(((canvas.y - middle) / (1.1 * half)) ** 2) / 2)
    z = z + b(0, m.bottom_y + 5, 15, 3.8, -4.0)
    chin = face.chin_y - 15
    z = z + b(0, chin, 14, 10, 6 + 2 * e.au17) + b(m.corner_x + 4, m.corner_y, 4, 5, 1.5 * e.au12 - 1.0)
    return np.asarray(z, np.float32)


def _folds(canvas: Canvas, face: Face) -> Array:
    """Creases of the skin: beside nose and mouth, between and above the brows, around the eyes."""
    e, m, eye = face.expression, face.mouth, face.eye
    reach = m.corner_x + 6 + 2 * e.au12
    z = -5.0 * face.nasolabial * canvas.line(
        [(face.nose_half_width + 3, face.nose_tip_y + 3), (face.nose_half_width + 8, face.nose_tip_y + 9),
         (reach - 1.5, (face.nose_tip_y + m.corner_y) / 2 + 5), (reach + 1, m.corner_y),
         (reach - 2, m.corner_y + 7)], 1.5, blur=2.2)
    z -= (1.2 * e.au15 + 0.5 * face.person.age) * canvas.line(
        [(m.corner_x + 1, m.corner_y), (m.corner_x + 3, m.corner_y + 12)], 1.5, blur=1.6)
    inner_x, inner_y = face.brow[0]
    z -= 6.0 * face.glabella * canvas.line([(inner_x - 2.5, inner_y - 8), (inner_x - 4, inner_y + 6)], 1.2, blur=1.6)
    z += 2.5 * e.au4 * canvas.line([(inner_x + 2, inner_y + 1), face.brow[2]], 6, blur=3)
    for height in (-38, -46, -54):
        z -= 1.6 * face.forehead * canvas.line(_brow_line(face, height), 1, blur=1.2)
    for angle in (-0.35, 0.05, 0.45):
        z -= 1.5 * face.crow * canvas.line([(eye.outer_x + 4, eye.outer_y + 6 * angle),
                                            (eye.outer_x + 13, eye.outer_y + 18 * angle)], 1, blur=0.9)
    z -= 1.0 * e.au9 * canvas.line([(0, 0), (6, 3)], 1, blur=1.0)
    crease_y = eye.upper_y - 3.6 + 1.5 * e.au5
    lid = [(eye.inner_x + 2, eye.inner_y - 4), (eye.centre_x - 3, crease_y), (eye.centre_x + 6, crease_y),
           (eye.outer_x + 1, eye.outer_y - 3)]  # fmt: skip
    z -= 1.6 * canvas.line(lid, 1, blur=0.9)
    return np.asarray(z, np.float32)


def _brow_line(face: Face, height: float) -> Points:
    lift = 0.4 * (face.expression.au1 - face.expression.au2) * 8
    return [(0, height + 1 - lift), (16, height - lift / 2), (34, height - 2 + lift), (44, height + 2 + lift)]


def _smooth(values: Array, sigma_px: float) -> Array:
    """A column of values, blurred along y."""
    out: Array = cv2.GaussianBlur(values, (0, 0), sigmaX=0.1, sigmaY=sigma_px)
    return out.reshape(values.shape)
