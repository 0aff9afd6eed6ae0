"""Where people are in the pictures of the hard face set: in rows, on a video wall, near and far in a room.

Sizes are in pixels of a canvas that is `FINER` times as large as the picture it becomes, so that pasting leaves no
pixel-sharp edges. Everything is drawn from the generator that is passed in. Pure numpy and OpenCV.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from tools.faces.hard import cutout
from tools.labelled.boxes import Label, Picture

WIDTH_PX, HEIGHT_PX = 320, 240
FINER = 2
MOST_ENLARGED = 1.25

Random = np.random.Generator


@dataclass(slots=True)
class Scene:
    """A picture in the making: `canvas` float32, `owner` says whose pixel is in front (-1: nobody's)."""

    canvas: np.ndarray
    owner: np.ndarray
    labels: list[Label]


@dataclass(frozen=True, slots=True)
class Cast:
    """Who (by the width of the face, ascending) and what may appear in a scene, and how heads are held."""

    people: Sequence[Picture]
    backgrounds: Sequence[Picture]
    roll_degrees: float = 4.0
    masked: bool = False


def rows(random: Random, cast: Cast) -> Scene:
    """A group or an audience: rows of people, those in front larger and over the shoulders of those behind."""
    scene = _ground(random, cast)
    rows, columns = scene.canvas.shape
    size = random.uniform(44, 60)
    y = random.uniform(0.14, 0.22) * rows
    while y < rows * 0.9:
        x = random.uniform(-0.5, 0.8) * size
        while x < columns + 0.5 * size:
            if random.random() < 0.85:
                width = size * random.uniform(0.93, 1.1)
                _seat(random, scene, cast, (x, y + random.uniform(-0.25, 0.25) * size), width)
            x += size * random.uniform(1.5, 2.3)
        y += size * random.uniform(1.6, 2.2)
        size *= random.uniform(1.15, 1.5)
    return scene


def wall(random: Random, cast: Cast) -> Scene:
    """A video call: whole frames side by side, each with its own light."""
    scene = _ground(random, cast)
    rows, columns = scene.canvas.shape
    across = int(random.integers(4, 8))
    gap = int(random.integers(0, 9))
    scene.canvas[:] = random.integers(10, 250)
    wide = columns // across
    high = round(wide * random.uniform(0.8, 1.25))
    for top in range(gap, rows - high // 2, high):
        for left in range(0, columns - wide + 1, wide):
            size = (wide - gap, min(high - gap, rows - top))
            face = max(41.0, wide * random.uniform(0.28, 0.5))
            middle = (size[0] * random.uniform(0.42, 0.58), (high - gap) * random.uniform(0.45, 0.55))
            person = _choose(random, cast, face)
            gray, inside, label = cutout.view(person, size, middle, face, _roll(random, cast))
            gray = np.where(inside > 0.5, gray, np.median(person.gray))
            _put(scene, gray, np.ones_like(gray), label, (left, top), blend=False)
    return scene


def party(random: Random, cast: Cast) -> Scene:
    """People near and far in a room, none hiding much of another."""
    scene = _ground(random, cast)
    _spread(random, scene, cast, _widths(random, 41, 140, int(random.integers(6, 14))))
    return scene


def few(random: Random, cast: Cast) -> Scene:
    """One to four people at the distances of a room."""
    scene = _ground(random, cast)
    _spread(random, scene, cast, _widths(random, 42, 280, int(random.integers(1, 5))))
    return scene


def _widths(random: Random, low: float, high: float, count: int) -> list[float]:
    """Sizes of faces, the largest first, equally many in every octave."""
    return sorted((math.exp(random.uniform(math.log(low), math.log(high))) for _ in range(count)), reverse=True)


def _spread(random: Random, scene: Scene, cast: Cast, widths: Sequence[float]) -> None:
    """Seat people where their silhouettes leave other faces alone; who finds no place stays away."""
    size = np.array(scene.canvas.shape[::-1])
    seats: list[tuple[np.ndarray, float]] = []
    for width in widths:
        for _ in range(12):
            at = size * [random.uniform(0.12, 0.88), random.uniform(0.18, 0.75)]
            if all((np.abs(at - other) > 1.1 * (width + wide)).any() for other, wide in seats):
                seats.append((at, width))
                break
    for at, width in reversed(seats):
        _seat(random, scene, cast, (float(at[0]), float(at[1])), width)


def _ground(random: Random, cast: Cast) -> Scene:
    rows, columns = HEIGHT_PX * FINER, WIDTH_PX * FINER
    gray = cast.backgrounds[random.integers(len(cast.backgrounds))].gray
    zoom = max(rows / gray.shape[0], columns / gray.shape[1])
    gray = cv2.resize(gray, (math.ceil(gray.shape[1] * zoom), math.ceil(gray.shape[0] * zoom)))
    gray = cv2.GaussianBlur(gray[:rows, :columns], (0, 0), 1.0)
    return Scene(gray.astype(np.float32), np.full((rows, columns), -1, np.int16), [])


def _seat(random: Random, scene: Scene, cast: Cast, at: tuple[float, float], width: float) -> None:
    """Somebody's head and shoulders, the face's centre at `at`."""
    person = _choose(random, cast, width)
    size = (round(width * 3.2), round(width * 4.2))
    middle = (size[0] / 2, width * 1.5)
    gray, inside, label = cutout.view(person, size, middle, width, _roll(random, cast))
    mask = np.minimum(cv2.blur(inside, (7, 7)), cutout.silhouette(label, size))
    _put(scene, gray, mask, label, (round(at[0] - middle[0]), round(at[1] - middle[1])), blend=True)


def _choose(random: Random, cast: Cast, width: float) -> Picture:
    """Somebody photographed large enough, or one of the twenty largest."""
    first = bisect.bisect_left(cast.people, width / MOST_ENLARGED, key=lambda p: float(p.labels[0].box[2]))
    person = cast.people[random.integers(min(first, max(0, len(cast.people) - 20)), len(cast.people))]
    return cutout.wear_mask(random, person) if cast.masked else person


def _roll(random: Random, cast: Cast) -> float:
    return random.uniform(-cast.roll_degrees, cast.roll_degrees)


def _put(
    scene: Scene, gray: np.ndarray, mask: np.ndarray, label: Label, corner: tuple[int, int], *, blend: bool
) -> None:
    """Lay a patch over the scene and write its label into it."""
    (x, y), (rows, columns) = corner, scene.canvas.shape
    left, top = max(0, x), max(0, y)
    right, bottom = min(columns, x + gray.shape[1]), min(rows, y + gray.shape[0])
    if right <= left or bottom <= top:
        return
    part = np.s_[top - y : bottom - y, left - x : right - x]
    target = scene.canvas[top:bottom, left:right]
    target[:] = cutout.blend(target, gray[part], mask[part]) if blend else gray[part]
    scene.owner[top:bottom, left:right][mask[part] > 0.5] = len(scene.labels)
    shift = np.array([x, y], np.float32)
    scene.labels.append(Label(np.concatenate([label.box[:2] + shift, label.box[2:]]), label.landmarks + shift))
