"""The room the demo's people sit in, seen by its camera: background, shoulders, head pose, blur and film grain.

Pure arrays, any thread. Pictures are drawn at twice the size and shrunk, which smooths every edge.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from tools.people.cast import Expression, Person
from tools.people.face import Array, shape
from tools.people.head import Head, draw
from tools.people.light import Lamp, illuminate
from tools.people.paint import grain
from tools.people.relief import Canvas

Picture = NDArray[np.uint8]

WIDTH_PX, HEIGHT_PX = 320, 240
OVERSAMPLING = 2
GAMMA = 1 / 1.9  # light to camera values; a camera's curve is near this
HEAD = Canvas.of(1.1)
BODY = Canvas.of(0.6, half_width=290, top=70, bottom=330)


@dataclass(frozen=True, slots=True)
class Pose:
    """Where a head is in the picture (pixels, of the point between the eyes) and where it turns (degrees)."""

    x_px: float = 160.0
    y_px: float = 100.0
    px_per_mm: float = 0.62
    yaw: float = 0.0  # positive: to the picture's right
    pitch: float = 0.0  # positive: down
    roll: float = 0.0  # positive: clockwise in the picture


@dataclass(frozen=True, slots=True)
class Seat:
    """Somebody in the room."""

    person: Person
    expression: Expression
    pose: Pose = Pose()


def photograph(seats: tuple[Seat, ...], lamp: Lamp, *, room: int, shot: int, noise: float = 2.0) -> Picture:
    """The camera's picture uint8[240, 320] of people in a room; `shot` seeds the grain, `noise` is its deviation."""
    view = _background(room).copy()
    for seat in seats:
        _seat(view, seat, lamp)
    small = cv2.resize(view, (WIDTH_PX, HEIGHT_PX), interpolation=cv2.INTER_AREA)
    values = 255 * np.clip(small, 0, 1) ** GAMMA
    values += noise * np.random.default_rng((room, shot)).standard_normal(values.shape)
    return np.asarray(np.clip(np.round(values), 0, 255), np.uint8)


def _seat(view: Array, seat: Seat, lamp: Lamp) -> None:
    """Draws somebody into the view."""
    where = _window(seat.pose, HEAD)
    if any(s.start >= s.stop for s in where):
        return  # still outside the picture
    head = _head(seat.person, seat.expression, lamp)
    light, cover = _turned(head, seat.pose, *_millimetres(seat.pose, where))
    view[where] += (light - view[where]) * cover
    where = _window(seat.pose, BODY)
    if any(s.start >= s.stop for s in where):
        return
    light, cover = _placed(seat.person, lamp, seat.pose.x_px, seat.pose.y_px, seat.pose.px_per_mm)
    view[where] += (light - view[where]) * cover


def _window(pose: Pose, canvas: Canvas, margin_mm: float = 15) -> tuple[slice, slice]:
    """The part of the oversampled view that a canvas can reach."""

    def span(low: float, high: float, origin_px: float, size_px: int) -> slice:
        ends = ((mm * pose.px_per_mm + origin_px) * OVERSAMPLING for mm in (low - margin_mm, high + margin_mm))
        first, last = (int(np.clip(end, 0, size_px * OVERSAMPLING)) for end in ends)
        return slice(first, last)

    rows = span(float(canvas.y[0, 0]), float(canvas.y[-1, 0]), pose.y_px, HEIGHT_PX)
    return rows, span(float(canvas.x[0, 0]), float(canvas.x[0, -1]), pose.x_px, WIDTH_PX)


def _millimetres(pose: Pose, where: tuple[slice, slice]) -> tuple[Array, Array]:
    """Where the view's columns [1, W] and rows [H, 1] lie in the person's frontal plane, mm from between the eyes."""
    rows, columns = (np.arange(s.start, s.stop, dtype=np.float32) + 0.5 for s in where)
    x = (columns / OVERSAMPLING - pose.x_px) / pose.px_per_mm
    y = (rows / OVERSAMPLING - pose.y_px) / pose.px_per_mm
    return x[None, :].astype(np.float32), y[:, None].astype(np.float32)


def _turned(head: Head, pose: Pose, x: Array, y: Array) -> tuple[Array, Array]:
    """The head's picture after its turn: every pixel asks where on the frontal canvas it comes from."""
    free = np.clip((150 - y) / 90, 0, 1)  # the neck's root stays where it is
    roll, yaw, pitch = (np.deg2rad(a) * free for a in (pose.roll, pose.yaw, pose.pitch))
    down = y - 90
    x, y = x * np.cos(roll) + down * np.sin(roll), 90 + down * np.cos(roll) - x * np.sin(roll)
    depth = cv2.GaussianBlur(head.depth * (head.cover > 0.5), (0, 0), 2 * head.canvas.scale)
    from_x, from_y = x, y
    for _ in range(3):
        z = _sample(depth, head.canvas, from_x, from_y) - 10
        from_x = (x - z * np.sin(yaw)) / np.cos(yaw)
        from_y = (y - 60 - z * np.sin(pitch)) / np.cos(pitch) + 60
    return _sample(head.light, head.canvas, from_x, from_y), _sample(head.cover, head.canvas, from_x, from_y)


@lru_cache(maxsize=16)
def _head(person: Person, expression: Expression, lamp: Lamp) -> Head:
    return draw(HEAD, shape(person, expression), lamp)


@lru_cache(maxsize=8)
def _placed(person: Person, lamp: Lamp, x_px: float, y_px: float, px_per_mm: float) -> tuple[Array, Array]:
    """The shoulders as the window of the body's canvas shows them."""
    pose = Pose(x_px, y_px, px_per_mm)
    x, y = np.broadcast_arrays(*_millimetres(pose, _window(pose, BODY)))
    body, cover = _shoulders(person, lamp)
    return _sample(body, BODY, x, y), _sample(cover, BODY, x, y)


def _sample(values: Array, canvas: Canvas, x: Array, y: Array) -> Array:
    columns = ((x - canvas.x[0, 0]) * canvas.scale).astype(np.float32)
    rows = ((y - canvas.y[0, 0]) * canvas.scale).astype(np.float32)
    out: Array = cv2.remap(values, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0)
    return out


def _shoulders(person: Person, lamp: Lamp) -> tuple[Array, Array]:
    """A shirt with a round neck: brightness and coverage on the body canvas."""
    c = BODY
    across = np.abs(c.x)
    wide = 0.9 + 0.1 * person.jaw_width
    collar = 166 - 24 * np.clip(across / (56 * wide), 0, 1.0) ** 2
    shoulder = 142 + 0.36 * (across / wide - 56) + 0.0016 * np.maximum(across / wide - 120, 0) ** 2
    slope = np.where(across > 56 * wide, shoulder, collar)
    cover = c.soft(c.y - slope, 2.5) * c.soft(225 * wide - across + 0.10 * (c.y - 250), 3)
    folds = grain(c, person.seed + 31, 16, 40) * 2.5 + grain(c, person.seed + 32, 40, 14) * 2.0
    z = 60 * np.sqrt(np.maximum(1 - (across / (235 * wide)) ** 2.5, 0)) - 0.0022 * np.maximum(230 - c.y, 0) ** 2 + folds
    band = np.exp(-(((c.y - slope - 5) / 3.5) ** 2)) * (across < 60 * wide)
    diffuse, _ = illuminate((z + 3 * band).astype(np.float32), c.scale, lamp)
    weave = 1 + 0.03 * grain(c, person.seed + 33, 0.9)
    under_chin = 1 - 0.35 * np.exp(-((c.x / 70) ** 2) - ((c.y - 140) / 40) ** 2)
    return np.asarray(person.shirt_tone * weave * diffuse * under_chin, np.float32), np.asarray(cover, np.float32)


@lru_cache(maxsize=4)
def _background(room: int) -> Array:
    """A blurred wall with a window, a bookshelf and a lamp somewhere."""
    h, w = HEIGHT_PX * OVERSAMPLING, WIDTH_PX * OVERSAMPLING
    rng = np.random.default_rng(room)
    wall = np.linspace(0.34, 0.22, w, dtype=np.float32)[None, :] * np.linspace(1.1, 0.85, h, dtype=np.float32)[:, None]
    left = int(rng.uniform(0.02, 0.12) * w)
    cv2.rectangle(wall, (left, 0), (left + w // 5, int(0.55 * h)), 0.62, -1)
    cv2.line(wall, (left + w // 10, 0), (left + w // 10, int(0.55 * h)), 0.3, 8)
    shelf_px = int(rng.uniform(0.72, 0.8) * w)
    for row in (0.18, 0.45):
        cv2.line(wall, (shelf_px, int(row * h)), (w, int(row * h)), 0.10, 10)
        for book in range(shelf_px + 6, w, 16):
            top = int(row * h - rng.uniform(35, 70))
            cv2.rectangle(wall, (book, top), (book + 12, int(row * h) - 5), float(rng.uniform(0.05, 0.5)), -1)
    out: Array = cv2.GaussianBlur(wall, (0, 0), 9)
    return out
