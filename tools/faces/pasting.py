"""Pastes pictures into training scenes: turned, scaled, mirrored, behind a mask, with the labels of who is in them.

Used by scenes.py, which says what is pasted. Everything is drawn from the generator that is passed in. Pure numpy and
OpenCV.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np

from tools.labelled.boxes import Label, Picture

MIRRORED = [1, 0, 2, 4, 3]  # the landmarks' order after left and right are swapped
TRIES = 6
Scene = tuple[np.ndarray, list[Label]]


def place(picture: Picture, scale: float, degrees: float, mirror: bool) -> tuple[np.ndarray, Scene]:
    """The picture turned, scaled and perhaps mirrored: its mask uint8 (255 where it has pixels), and the scene."""
    gray, rows, columns = picture.gray, *picture.gray.shape
    size = (max(8, round(columns * scale)), max(8, round(rows * scale)))
    gray = cv2.resize(gray, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    matrix = np.diag([size[0] / columns, size[1] / rows, 1.0])
    if mirror:
        gray = np.ascontiguousarray(gray[:, ::-1])
        matrix = np.array([[-1, 0, size[0]], [0, 1, 0], [0, 0, 1.0]]) @ matrix
    mask = np.full(gray.shape, 255, np.uint8)
    if abs(degrees) > 1:
        gray, mask, turned = _turn(gray, mask, degrees)
        matrix = turned @ matrix
    return mask, (gray, [_move(label, matrix, scale, degrees, mirror) for label in picture.labels])


def _turn(gray: np.ndarray, mask: np.ndarray, degrees: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rows, columns = gray.shape
    cos, sin = abs(math.cos(math.radians(degrees))), abs(math.sin(math.radians(degrees)))
    size = (math.ceil(columns * cos + rows * sin), math.ceil(columns * sin + rows * cos))
    matrix = cv2.getRotationMatrix2D((columns / 2, rows / 2), degrees, 1.0)
    matrix[:, 2] += [size[0] / 2 - columns / 2, size[1] / 2 - rows / 2]
    gray = cv2.warpAffine(gray, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    mask = cv2.warpAffine(mask, matrix, size, flags=cv2.INTER_LINEAR)
    return gray, mask, np.vstack([matrix, [0, 0, 1.0]])


def _move(label: Label, matrix: np.ndarray, scale: float, degrees: float, mirror: bool) -> Label:
    """A face is nearly an ellipse: its new box is the one around the turned ellipse, which is tighter than corners."""
    points = label.landmarks @ matrix[:2, :2].T + matrix[:2, 2]
    middle = matrix[:2, :2] @ (label.box[:2] + label.box[2:] / 2) + matrix[:2, 2]
    w, h = label.box[2:] * scale
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    size = np.array([math.hypot(w * cos, h * sin), math.hypot(w * sin, h * cos)])
    box = np.concatenate([middle - size / 2, size])
    return Label(box.astype(np.float32), (points[MIRRORED] if mirror else points).astype(np.float32))


def paste(
    random: np.random.Generator,
    canvas: np.ndarray,
    gray: np.ndarray,
    mask: np.ndarray,
    own: list[Label],
    others: Sequence[Label],
    hidden: float = 0.0,
) -> list[Label]:
    """Put it where it hides no more than that share of anybody; gives up after a few tries. Returns its labels."""
    for _ in range(TRIES):
        corner = random_corner(random, gray.shape, canvas.shape, random.random() * 1.2 - 0.1)
        if all(_hides(mask, corner, other.box) <= hidden for other in others):
            return put(canvas, gray, mask, own, corner)
    return []


def _hides(mask: np.ndarray, corner: tuple[int, int], box: np.ndarray) -> float:
    """The share of a box that lies behind a mask at that corner."""
    x, y, w, h = (float(v) for v in box)
    left, top = max(0, round(x - corner[0])), max(0, round(y - corner[1]))
    right, bottom = round(x + w - corner[0]), round(y + h - corner[1])
    if right <= left or bottom <= top or left >= mask.shape[1] or top >= mask.shape[0]:
        return 0.0
    return float(np.count_nonzero(mask[top:bottom, left:right] > 127)) / max(1.0, w * h)


def put(
    canvas: np.ndarray, gray: np.ndarray, mask: np.ndarray | None, labels: list[Label], corner: tuple[int, int]
) -> list[Label]:
    """Paint `gray` with its upper left at `corner`, where the mask (None: all) is 255. Returns the labels, moved."""
    x, y = corner
    left, top = max(0, x), max(0, y)
    right, bottom = min(canvas.shape[1], x + gray.shape[1]), min(canvas.shape[0], y + gray.shape[0])
    if right <= left or bottom <= top:
        return []
    target = canvas[top:bottom, left:right]
    source = gray[top - y : bottom - y, left - x : right - x]
    if mask is None:
        target[:] = source
    else:
        share = mask[top - y : bottom - y, left - x : right - x].astype(np.float32) * np.float32(1 / 255)
        target[:] = (target + (source.astype(np.float32) - target) * share).astype(np.uint8)
    shift = np.array([x, y], np.float32)
    return [Label(np.concatenate([label.box[:2] + shift, label.box[2:]]), label.landmarks + shift) for label in labels]


def ellipse(random: np.random.Generator, shape: tuple[int, ...], box: np.ndarray) -> np.ndarray:
    """A soft-edged mask around a box: head and hair without the picture's own background."""
    mask = np.zeros(shape, np.uint8)
    x, y, w, h = (float(v) for v in box)
    axes = (w / 2 * random.uniform(1.05, 1.5), h / 2 * random.uniform(1.05, 1.4))
    cv2.ellipse(mask, (round(x + w / 2), round(y + h / 2)), (round(axes[0]), round(axes[1])), 0, 0, 360, 255, -1)
    return cv2.blur(mask, (max(1, int(w * 0.15)),) * 2)


def random_corner(
    random: np.random.Generator, inner: tuple[int, ...], outer: tuple[int, ...], across: float
) -> tuple[int, int]:
    """Where a picture of shape `inner` lies on one of shape `outer`: `across`, a share of the room, anywhere down."""
    down = random.random() * 1.2 - 0.1
    return round((outer[1] - inner[1]) * across), round((outer[0] - inner[0]) * min(1.1, max(-0.1, down)))
