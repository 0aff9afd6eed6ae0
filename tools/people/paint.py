"""What a head is coloured with: skin, lips, brows, eyes, the inside of the mouth and hair, as gray tones.

Pure arrays, any thread. Every function answers with coverage or tone from 0 to 1 on the canvas.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from tools.people.face import Array, Eye, Face
from tools.people.relief import Canvas


def grain(canvas: Canvas, seed: int, size_mm: float, size_y_mm: float | None = None) -> Array:
    """Smooth noise of mean 0 and deviation 1 with blobs of a size; the same array every time."""
    down = size_mm if size_y_mm is None else size_y_mm
    return _grain(canvas.shape, seed, size_mm * canvas.scale, down * canvas.scale)


@lru_cache(maxsize=64)
def _grain(shape: tuple[int, int], seed: int, across_px: float, down_px: float) -> Array:
    noise: Array = np.random.default_rng(seed).standard_normal(shape).astype(np.float32)
    noise = cv2.GaussianBlur(noise, (0, 0), sigmaX=max(across_px, 0.1), sigmaY=max(down_px, 0.1))
    out: Array = noise / noise.std()
    out.setflags(write=False)
    return out


def skin(canvas: Canvas, face: Face) -> Array:
    """The skin's reflectance: blotches, redder (darker) nose and cheeks, beard shade, dark under the eyes."""
    p, b = face.person, canvas.bump
    tone = 1 + 0.02 * grain(canvas, p.seed, 6) + 0.015 * grain(canvas, p.seed + 100, 0.6)
    tone = tone - b(0, face.nose_tip_y + 3, 9, 7, 0.05) - b(42, 30, 13, 12, 0.05)
    tone = tone - b(31, face.eye.lower_y + 6, 11, 3.5, 0.07 + 0.06 * p.age) - b(17, 1, 4, 5, 0.10)
    tone = tone - b(31, -10, 13, 5, 0.05 + 0.12 * face.glabella) - b(14, -4, 7, 7, 0.14 * face.glabella)
    if p.beard:
        tone = tone * (1 - p.beard * 0.45 * _beard(canvas, face))
    return np.asarray(p.skin_tone * tone, np.float32)


def _beard(canvas: Canvas, face: Face) -> Array:
    m = face.mouth
    jaw = canvas.soft(canvas.y - (30 + 0.3 * (60 - np.abs(canvas.x))) , 14)
    muzzle = 1 - np.exp(-((canvas.x / 34) ** 4) - ((canvas.y - 40) / 14) ** 4)
    bare = np.exp(-(((canvas.x / (m.corner_x - 4)) ** 4) + ((canvas.y - m.bottom_y - 3) / 4) ** 4))
    shade: Array = jaw * muzzle * (1 - 0.7 * bare) * (1 + 0.18 * grain(canvas, face.person.seed + 7, 0.5, 1.0))
    return np.asarray(np.clip(cv2.GaussianBlur(shade.astype(np.float32), (0, 0), 0.5 * canvas.scale), 0, 1.3))


def lips(canvas: Canvas, face: Face) -> Array:
    """Coverage of the red of the lips."""
    top, upper, lower, bottom = face.mouth.lines(canvas.x)
    above = canvas.soft(canvas.y - top, 1.6) * canvas.soft(upper - canvas.y + 0.4, 0.8)
    below = canvas.soft(canvas.y - lower + 0.4, 0.8) * canvas.soft(bottom - canvas.y, 2.0)
    within = canvas.soft(face.mouth.corner_x - np.abs(canvas.x), 2)
    return np.asarray((above + below) * within, np.float32)


def mouth(canvas: Canvas, face: Face) -> tuple[Array, Array]:
    """Coverage and brightness of the inside of the mouth, teeth and tongue included."""
    m, e = face.mouth, face.expression
    _, upper, lower, _ = m.lines(canvas.x)
    open_ = canvas.soft(canvas.y - upper, 0.9) * canvas.soft(lower - canvas.y, 0.9)
    open_ = open_ * canvas.soft(lower - upper - 0.7, 0.6)
    across = np.abs(canvas.x) / 24
    inside: Array = np.full(canvas.shape, 0.055, np.float32)
    room = 0.35 * (m.lower_y - m.upper_y)
    tongue = np.exp(-((canvas.x / 16) ** 4) - ((canvas.y - m.lower_y - 1) / (3 + room)) ** 4)
    inside = inside + 0.24 * tongue * (1 - 0.3 * np.exp(-((canvas.x / 1.5) ** 2)))
    edge = m.rest_y + 4.0 + 3.0 * e.au12 - (1.2 + 4 * e.au12) * across**2 + 0.8 * e.au10
    inside = _teeth(canvas, inside, edge - 16, edge, seed=1)
    row = m.lower_y - 2.5 + 4.5 * e.au16 + 2.0 * across**2
    inside = _teeth(canvas, inside, row + 0.5 - 3.5 * e.au16, row + 12, seed=2, light=0.7 * min(1, 0.25 + e.au16))
    depth = np.clip((canvas.y - upper) / 3.0, 0, 1)
    inside = inside * (0.55 + 0.45 * depth) * np.clip(1.15 - 0.55 * across**2, 0.3, 1)
    line = np.exp(-(((canvas.y - (upper + lower) / 2) / 0.9) ** 2) / 2)
    closed = line * canvas.soft(m.corner_x + 1 - np.abs(canvas.x), 2) * canvas.soft(1.4 - (lower - upper), 1.5)
    cover = np.maximum(open_, 0.8 * closed)
    return np.asarray(cover, np.float32), np.asarray(np.where(closed > open_, 0.10, inside), np.float32)


def _teeth(canvas: Canvas, under: Array, top: Array, bottom: Array, *, seed: int, light: float = 0.88) -> Array:
    cover = canvas.soft(canvas.y - top, 0.8) * canvas.soft(bottom - canvas.y, 0.8)
    pitch = 7.6 if seed == 1 else 5.4
    gaps = 1 - 0.13 * np.exp(-((((np.abs(canvas.x) + 0.02) % pitch) / 0.45) ** 2)) * (np.abs(canvas.x) > 0.0)
    out: Array = under * (1 - cover) + light * gaps * cover
    return out


def brows(canvas: Canvas, face: Face) -> Array:
    """Coverage of the eyebrows' hair."""
    points = np.array(face.brow)
    xs = np.abs(canvas.x)
    middle = _spline(points, xs)
    start, end = points[0, 0], points[-1, 0]
    along = np.clip((xs - start) / (end - start), 0, 1)
    thick = 3.7 * face.brow_thickness * np.interp(along, [0, 0.12, 0.5, 1], [0.55, 1, 0.9, 0.25]).astype(np.float32)
    body = np.exp(-np.abs((canvas.y - middle) / thick) ** 2.6)
    ends = canvas.soft(xs - start, 4) * canvas.soft(end - xs, 6)
    hairs = 1 + 0.22 * grain(canvas, face.person.seed + 50, 0.5, 1.4)
    return np.asarray(np.clip(body * ends * hairs, 0, 1), np.float32)


def _spline(points: Array, xs: Array) -> Array:
    """The cubic nearest to the points, at xs."""
    return np.asarray(np.polyval(np.polyfit(points[:, 0], points[:, 1], 3), xs), np.float32)


def eyes(canvas: Canvas, face: Face) -> tuple[Array, Array, Array]:
    """Coverage and brightness of the eyeballs, and the dark of lashes and lid edges as a factor."""
    cover = np.zeros(canvas.shape, np.float32)
    light = np.zeros(canvas.shape, np.float32)
    dark = np.ones(canvas.shape, np.float32)
    for sign in (-1, 1):
        x = sign * canvas.x
        upper, lower = face.eye.lids(x)
        opening = canvas.soft(canvas.y - upper, 0.9) * canvas.soft(lower - canvas.y, 0.9)
        opening = opening * canvas.soft(lower - upper - 0.5, 0.5)
        cover = np.maximum(cover, opening)
        side = canvas.x * sign > 0
        light = np.where(side, _eyeball(canvas, face, sign, upper), light)
        dark = dark * _lashes(canvas, face.eye, x, upper, lower)
    return cover, light.astype(np.float32), dark.astype(np.float32)


def _eyeball(canvas: Canvas, face: Face, sign: int, upper: Array) -> Array:
    eye = face.eye
    centre = sign * eye.centre_x + eye.iris_x
    r = np.hypot(canvas.x - centre, canvas.y - eye.iris_y)
    ball = np.hypot((canvas.x - sign * eye.centre_x) / 15, canvas.y / 11)
    white = 0.64 - 0.30 * ball**2
    tone = face.person.iris_tone * (0.8 + 0.5 * np.clip((canvas.y - eye.iris_y) / 6, -0.6, 1))
    iris = tone * (1 - 0.55 * canvas.soft(r - 4.8, 1.4))
    iris = iris + (0.02 - iris) * canvas.soft(2.4 - r, 0.8)
    out = white + (iris - white) * canvas.soft(6.0 - r, 1.0)
    shade = np.clip((canvas.y - upper) / 3.5, 0, 1)
    out = out * (0.45 + 0.55 * shade)
    spot = np.hypot(canvas.x - centre + 1.8, canvas.y - eye.iris_y + 2.0)
    result: Array = out + 0.75 * canvas.soft(1.1 - spot, 1.0)
    return result


def _lashes(canvas: Canvas, eye: Eye, x: Array, upper: Array, lower: Array) -> Array:
    within = canvas.soft(x - eye.inner_x + 1, 3) * canvas.soft(eye.outer_x + 2.5 - x, 3)
    outer = 0.6 + 0.4 * np.clip((x - eye.inner_x) / (eye.outer_x - eye.inner_x), 0, 1)
    top = np.exp(-(((canvas.y - upper + 0.3) / 1.25) ** 2) / 2) * outer
    bottom = np.exp(-(((canvas.y - lower - 0.3) / 0.8) ** 2) / 2) * outer
    out: Array = 1 - within * np.clip(0.92 * top + 0.35 * bottom, 0, 0.92)
    return out
