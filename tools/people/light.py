"""How light falls on a relief: one soft lamp, its cast shadows, and light from everywhere that hollows miss.

Pure arrays, any thread.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from tools.people.face import Array


@dataclass(frozen=True, slots=True)
class Lamp:
    """Light from the direction (x right, y down, z to the camera); strengths add up to about 1."""

    x: float = -0.5
    y: float = -0.75
    z: float = 0.8
    key: float = 0.74
    ambient: float = 0.24
    shine: float = 0.10

    def direction(self) -> tuple[float, float, float]:
        """The unit vector to the lamp."""
        norm = (self.x**2 + self.y**2 + self.z**2) ** 0.5
        return self.x / norm, self.y / norm, self.z / norm


def illuminate(z: Array, scale: float, lamp: Lamp) -> tuple[Array, Array]:
    """Diffuse light (times reflectance gives brightness) and shine (to add) on a relief z in mm."""
    dx = cv2.Sobel(z, cv2.CV_32F, 1, 0, ksize=3, scale=scale / 8)
    dy = cv2.Sobel(z, cv2.CV_32F, 0, 1, ksize=3, scale=scale / 8)
    norm = np.sqrt(dx**2 + dy**2 + 1)
    lx, ly, lz = lamp.direction()
    facing = (-dx * lx - dy * ly + lz) / norm
    # Skin scatters light past the terminator: wrapped Lambert (Green, GPU Gems 2004, chapter 16).
    soft = np.clip((facing + 0.25) / 1.25, 0, 1)
    lit = soft * (1 - 0.75 * shadow(z, scale, lamp))
    half = np.array([lx, ly, lz + 1]) / np.linalg.norm([lx, ly, lz + 1])
    gloss = np.clip((-dx * half[0] - dy * half[1] + half[2]) / norm, 0, 1) ** 18
    return lamp.key * lit + lamp.ambient * openness(z, scale), lamp.shine * gloss * lit


def shadow(z: Array, scale: float, lamp: Lamp) -> Array:
    """How much of the lamp is hidden, 0..1: steps towards it and looks whether the relief stands higher there."""
    lx, ly, lz = lamp.direction()
    flat = float(np.hypot(lx, ly))
    hidden = np.zeros_like(z)
    for step in (3.0, 6.0, 10.0, 15.0, 22.0, 30.0):
        move = np.array([[1, 0, -lx / flat * step * scale], [0, 1, -ly / flat * step * scale]], np.float32)
        there = cv2.warpAffine(z, move, (z.shape[1], z.shape[0]), borderMode=cv2.BORDER_REPLICATE)
        hidden = np.maximum(hidden, (there - z - step * lz / flat) / (2.0 + 0.15 * step))
    return np.asarray(cv2.GaussianBlur(np.clip(hidden, 0, 1), (0, 0), 1.6 * scale))


def openness(z: Array, scale: float) -> Array:
    """How much of the surroundings a point sees, about 0.4 in a deep hollow to 1.1 on a bump."""
    out = np.ones_like(z)
    for radius, weight in ((3.0, 0.13), (9.0, 0.045)):
        out -= weight * (cv2.GaussianBlur(z, (0, 0), radius * scale) - z)
    return np.clip(out, 0.25, 1.15)
