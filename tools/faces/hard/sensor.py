"""How a cheap camera sees a scene: photons, read noise, gain, gamma, eight bits, focus, shake and JPEG.

For the hard face set; training degrades its scenes with code of its own. Pictures are float32[H, W] of 0 to 255,
gamma-encoded; what comes out is uint8. Light is Poisson-distributed electrons plus Gaussian read noise (EMVA 1288).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np

from tools.labelled.boxes import Label

GAMMA = 2.2

Random = np.random.Generator


def ordinary(random: Random, gray: np.ndarray, labels: Sequence[Label] = ()) -> np.ndarray:
    """A lit room: a few thousand electrons at white, at times JPEG."""
    gain = random.uniform(0.6, 1.15)
    return _pack(random, _expose(random, gray, gain, electrons=float(random.uniform(800, 6000))))


def dark(random: Random, gray: np.ndarray, labels: Sequence[Label]) -> np.ndarray:
    """A room with little light: faces end up at a mean level of 8 to 50, by one of four ways to get there."""
    way = int(random.integers(4))
    gray = _lamp(random, gray) if random.random() < 0.35 else gray
    level = math.exp(random.uniform(math.log(8), math.log(50)))
    before = _face_level(gray, labels)
    if way == 0:  # crushed: a steep tone curve
        power = float(np.clip(math.log(level / 255) / math.log(min(before, 240) / 255), 1.3, 5))
        return _round(255 * (np.clip(gray, 0, 255) / 255) ** np.float32(power))
    if way == 1:  # too short an exposure, encoded without noise to speak of
        return _pack(random, _round(gray * np.float32(level / before)))
    gain = float((level / before) ** GAMMA)
    electrons = math.exp(random.uniform(math.log(2000), math.log(12000)))
    if way == 2:  # few photons, shown as dark as they are
        return _pack(random, _expose(random, gray, gain, electrons=electrons))
    lifted = random.uniform(1.5, 4)  # the camera turns its gain up: the same photons, shown brighter
    return _pack(random, _expose(random, gray, gain * lifted, electrons=electrons / lifted))


def blurred(random: Random, gray: np.ndarray, labels: Sequence[Label] = ()) -> np.ndarray:
    """A lit room, out of focus or shaken."""
    return ordinary(random, _blur(random, gray))


def _blur(random: Random, gray: np.ndarray) -> np.ndarray:
    """Out of focus (a disc), shaken (a line in any direction), or soft (a Gaussian)."""
    way = int(random.integers(3))
    if way == 0:
        return cv2.GaussianBlur(gray, (0, 0), random.uniform(1.0, 2.4))
    side = 15
    kernel = np.zeros((side, side), np.float32)
    middle = side // 2
    if way == 1:
        cv2.circle(kernel, (middle * 16,) * 2, round(random.uniform(1.6, 3.6) * 16), 1.0, -1, cv2.LINE_AA, 4)
    else:
        angle, half = random.uniform(0, math.pi), random.uniform(1.5, 5.0)
        step = np.array([math.cos(angle), math.sin(angle)]) * half
        start, end = (np.round((middle + sign * step) * 16).astype(int).tolist() for sign in (-1, 1))
        cv2.line(kernel, start, end, 1.0, 1, cv2.LINE_AA, 4)
    return cv2.filter2D(gray, -1, kernel / kernel.sum())


def _expose(random: Random, gray: np.ndarray, gain: float, *, electrons: float) -> np.ndarray:
    """`gain` multiplies the light; `electrons` is what white would be at the exposure that was needed."""
    light = (np.clip(gray, 0, 255) / 255) ** GAMMA * gain
    seen = random.poisson(light * electrons) + random.normal(0, random.uniform(1, 3), gray.shape)
    return _round(255 * np.clip(seen / electrons, 0, 1) ** (1 / GAMMA))


def _lamp(random: Random, gray: np.ndarray) -> np.ndarray:
    """One lamp beside the picture: light falls off with the square of the distance."""
    rows, columns = gray.shape
    x, y = random.choice([-0.25, 1.25]) * columns, random.uniform(0, 0.8) * rows
    down, across = np.mgrid[:rows, :columns].astype(np.float32)
    far = ((across - x) ** 2 + (down - y) ** 2) / np.float32((0.8 * columns) ** 2)
    return np.clip(gray * (np.float32(0.12) + 1 / (1 + 2 * far)) ** np.float32(1 / GAMMA * 1.6), 0, 255)


def _face_level(gray: np.ndarray, labels: Sequence[Label]) -> float:
    """Mean gray of the faces that count; of the picture where none does."""
    boxes = [np.maximum(0, np.round(label.box)).astype(int) for label in labels if not label.ignored]
    levels = [float(gray[y : y + h, x : x + w].mean()) for x, y, w, h in boxes]
    return max(20.0, float(np.mean(levels)) if levels else float(gray.mean()))


def _pack(random: Random, gray: np.ndarray) -> np.ndarray:
    if random.random() < 0.6:
        return gray
    _, packed = cv2.imencode(".jpg", gray, [cv2.IMWRITE_JPEG_QUALITY, int(random.integers(40, 92))])
    return np.asarray(cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE), np.uint8)


def _round(gray: np.ndarray) -> np.ndarray:
    return np.clip(np.round(gray), 0, 255).astype(np.uint8)
