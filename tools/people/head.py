"""Draws a head: relief, colours and light put together into a picture with coverage and depth.

Pure arrays, any thread. Layers are laid from back to front: hair behind, neck, ears, head, hair in front.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from tools.people import hair, paint
from tools.people.face import Array, Face
from tools.people.light import Lamp, illuminate
from tools.people.relief import Canvas, half_width, relief, skull


@dataclass(frozen=True, slots=True)
class Head:
    """A frontal head on its canvas: brightness 0..1, coverage 0..1, and depth in mm."""

    canvas: Canvas
    light: Array
    cover: Array
    depth: Array


@dataclass(slots=True)
class _Layers:
    """What has been laid so far; `lay` puts something over it."""

    depth: Array
    tone: Array
    cover: Array
    shine: Array

    def lay(self, cover: Array, depth: Array, tone: Array, shine: float) -> None:
        self.depth = self.depth + (depth - self.depth) * cover
        self.tone = self.tone + (tone - self.tone) * cover
        self.shine = self.shine + (shine - self.shine) * cover
        self.cover = np.maximum(self.cover, cover)


def draw(canvas: Canvas, face: Face, lamp: Lamp) -> Head:
    """The head of a face under a lamp."""
    layers = _lay(canvas, face)
    diffuse, gloss = illuminate(layers.depth, canvas.scale, lamp)
    light = layers.tone * diffuse + layers.shine * gloss
    fine = _details(canvas, face, light, diffuse)
    return Head(canvas, np.clip(fine, 0, 1), layers.cover, layers.depth)


def _lay(canvas: Canvas, face: Face) -> _Layers:
    zero = np.zeros(canvas.shape, np.float32)
    layers = _Layers(zero - 60, zero + 0.1, zero, zero)
    streaks = hair.strands(canvas, face)
    hair_tone = np.clip(face.person.hair_tone * (1 + 0.18 * streaks), 0.01, 1)
    skin = paint.skin(canvas, face)
    layers.lay(hair.behind(canvas, face), zero - 30 + 1.0 * streaks, hair_tone * 0.7, 0.6)
    layers.lay(*_neck(canvas, face), skin * 0.95, 0.5)
    layers.lay(*_ears(canvas, face), skin * 0.97, 0.5)
    z, cover = skull(canvas, face)
    z = z + relief(canvas, face)
    layers.lay(cover, z, _face_tone(canvas, face, skin), 1.0)
    style = hair.STYLES[face.person.hair]
    front = hair.front(canvas, face)
    raised = cv2.GaussianBlur(front, (0, 0), 3 * canvas.scale)
    side = np.sqrt(np.clip(1 - (np.abs(canvas.x) / np.maximum(hair.outline(canvas, face), 1)) ** 2, 0, 1))
    base = np.maximum(z * cover, 80 * side)
    layers.lay(front, base + style.thickness * raised + 0.35 * streaks, hair_tone, 1.2)
    return layers


def _face_tone(canvas: Canvas, face: Face, skin: Array) -> Array:
    lips, brows = paint.lips(canvas, face), paint.brows(canvas, face)
    tone = skin * (1 - lips * (1 - face.person.lip_tone))
    tone = tone + (face.person.brow_tone - tone) * 0.9 * brows
    nostril = np.clip(canvas.bump(0.42 * face.nose_half_width, face.nose_tip_y + 10.5, 2.6, 1.5, 1.1), 0, 1)
    return np.asarray(tone * (1 - 0.85 * nostril), np.float32)


def _details(canvas: Canvas, face: Face, light: Array, diffuse: Array) -> Array:
    """Eyes and the open mouth over the lit skin: both are wet and lie in the shade of their lids."""
    cover, ball, lashes = paint.eyes(canvas, face)
    level = np.clip(cv2.GaussianBlur(diffuse, (0, 0), 6 * canvas.scale), 0.3, 1.2)
    light = light + (ball * level - light) * cover
    light = light * lashes
    cover, inside = paint.mouth(canvas, face)
    return np.asarray(light + (inside * level - light) * cover, np.float32)


def _neck(canvas: Canvas, face: Face) -> tuple[Array, Array]:
    width = 49 * (0.4 + 0.6 * face.person.jaw_width) + 0.010 * np.maximum(canvas.y - 110, 0) ** 2
    across = np.clip(np.abs(canvas.x) / width, 0, 1)
    z = -28 + 62 * np.sqrt(np.maximum(1 - across**2.2, 0)) + canvas.bump(0, 150, 6, 16, 4)
    z = z - 4 * canvas.line([(10, 190), (30, 120)], 3, blur=5)
    cover = canvas.soft(width - np.abs(canvas.x), 1.5) * canvas.soft(canvas.y - 30, 4)
    return np.asarray(cover, np.float32), np.asarray(z, np.float32)


def _ears(canvas: Canvas, face: Face) -> tuple[Array, Array]:
    edge = float(half_width(face, np.array([12.0], np.float32))[0])
    x, y = np.abs(canvas.x) - edge - 2.5, canvas.y - 12
    lean = x - 0.10 * -y
    r = np.hypot(lean / 8.5, y / 29)
    z = 22 - 4 * r**2 - 6 * np.exp(-(((r - 0.55) / 0.22) ** 2))
    return np.asarray(canvas.soft((1 - r) * 9, 1.5), np.float32), np.asarray(z, np.float32)
