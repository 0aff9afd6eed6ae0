"""Training scenes for the face detector: people of every size on backgrounds they were never photographed before.

A scene starts from a background, a zoomed picture of a person, or plain gray; pictures of people are then pasted at
random sizes, turned, mirrored, with hard or soft edges, beside pieces of backgrounds that are pasted in the same way,
so that a pasted edge says nothing about a face. A quarter of the scenes are crowds, where some hide others.
Light, noise, blur and compression come last. Everything is drawn from the generator that is passed in. Pure numpy and
OpenCV.
"""

from __future__ import annotations

import math
from dataclasses import replace

import cv2
import numpy as np

from device.perception.faces import PAD_GRAY
from device.perception.frame_levels import levels
from tools.faces.pasting import Scene, ellipse, paste, place, put, random_corner
from tools.labelled.boxes import Label, Pool

TURN_DEGREES = 32.0
VISIBLE_SHARE = 0.5  # faces cut off by more are ignored in training
EMPTY_SHARE = 0.14  # scenes without anybody
CROWD_SHARE = 0.25
HIDDEN_SHARE = 0.35  # of a face in a crowd, behind others
NIGHT_SHARE = 0.14
FAINTEST = 7.0  # grays that a smoothed face varies by, at least
HEADS_SHARE = 0.35  # of the people pasted, where there are heads


def compose(random: np.random.Generator, pool: Pool, height: int, width: int) -> Scene:
    """One scene uint8[height, width] as a camera would see it, with its labels."""
    if random.random() < EMPTY_SHARE:
        return empty(random, pool, height, width), []
    canvas, labels = _ground(random, pool, height, width)
    _paste_pieces(random, pool, canvas, labels)
    if random.random() < CROWD_SHARE:
        _paste_crowd(random, pool, canvas, labels)
    else:
        for _ in range(int(random.choice([1, 1, 2, 3, 5, 8])) - len(labels)):
            _paste_person(random, pool, canvas, labels, _log_uniform(random, 14, 170), hidden=0.0)
    _cover(random, pool, canvas, labels)
    return degrade(random, canvas), [_judge(label, height, width) for label in labels]


def empty(random: np.random.Generator, pool: Pool, height: int, width: int) -> np.ndarray:
    """A scene uint8[height, width] without anybody: for the false alarms that it may cause."""
    canvas = np.full((height, width), random.integers(0, 256), np.uint8)
    _put_ground(random, pool, canvas, farthest=4.0)
    if random.random() < 0.3:
        canvas = np.rot90(canvas, 2).copy()
    _paste_pieces(random, pool, canvas, [])
    return degrade(random, canvas)


def portrait(random: np.random.Generator, pool: Pool, height: int, width: int, *, plain: bool) -> Scene:
    """A picture of people by itself, as large as it fits: what landmarks are learnt from best.

    `plain` ones are upright and as they were taken.
    """
    person = pool.people[random.integers(len(pool.people))]
    rows, columns = person.gray.shape
    scale = min(height / rows, width / columns) * _log_uniform(random, 0.7 if plain else 0.5, 1)
    degrees = _degrees(random) if not plain and random.random() < 0.5 else 0.0
    mask, (gray, own) = place(person, scale, degrees, random.random() < 0.5)
    canvas = np.full((height, width), random.integers(0, 256), np.uint8)
    labels = put(canvas, gray, mask, own, random_corner(random, gray.shape, canvas.shape, random.random()))
    if not plain and random.random() < 0.5:
        canvas = degrade(random, canvas)
    return canvas, [_judge(label, height, width) for label in labels]


def show(random: np.random.Generator, scene: Scene) -> Scene:
    """The scene as the device shows it to its network: dark pictures lifted, now and then a band beside the picture."""
    gray = np.asarray(cv2.LUT(scene[0], levels(scene[0])))
    labels = [replace(label, ignored=label.ignored or not _shows(gray, label)) for label in scene[1]]
    _letterbox(random, gray, labels)
    return gray, labels


def degrade(random: np.random.Generator, gray: np.ndarray) -> np.ndarray:
    """Focus, light, noise and compression as cameras and rooms have them."""
    if random.random() < 0.25:
        gray = cv2.GaussianBlur(gray, (0, 0), random.uniform(0.4, 1.6))
    if random.random() < 0.12:
        gray = _shake(random, gray)
    light = gray.astype(np.float32) / 255
    if random.random() < 0.7:
        light = light ** np.float32(math.exp(random.uniform(-0.8, 0.8)))
    if random.random() < 0.2:
        light *= _shade(random, gray.shape)
    if random.random() < 0.2:
        light *= np.float32(random.uniform(0.12, 0.6))
    light = (light - 0.5) * np.float32(random.uniform(0.6, 1.2)) + np.float32(0.5 + random.uniform(-0.12, 0.12))
    noisy = random.uniform(0, 0.05) if random.random() < 0.5 else 0.0
    if random.random() < NIGHT_SHARE:
        dim = _log_uniform(random, 0.05, 0.5)
        light = np.maximum(light, 0) ** np.float32(random.uniform(1, 2.2)) * np.float32(dim)
        noisy = random.uniform(0, 0.1) * dim
    if noisy:
        light += random.standard_normal(gray.shape, np.float32) * np.float32(noisy)
    gray = np.clip(light * 255, 0, 255).astype(np.uint8)
    if random.random() < 0.1:
        _, packed = cv2.imencode(".jpg", gray, [cv2.IMWRITE_JPEG_QUALITY, int(random.integers(25, 80))])
        gray = cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE)
    return gray


def _ground(random: np.random.Generator, pool: Pool, height: int, width: int) -> Scene:
    kind = random.random()
    canvas = np.full((height, width), random.integers(0, 256), np.uint8)
    if kind < 0.08:
        return canvas, []
    if kind < 0.30:
        person = pool.people[random.integers(len(pool.people))]
        face = max(float(label.box[2]) for label in person.labels)
        scale = _log_uniform(random, 60, 190) / face
        mask, (gray, labels) = place(person, scale, _degrees(random), random.random() < 0.5)
        return canvas, put(canvas, gray, mask, labels, random_corner(random, gray.shape, canvas.shape, random.random()))
    _put_ground(random, pool, canvas, farthest=2.0)
    return canvas, []


def _put_ground(random: np.random.Generator, pool: Pool, canvas: np.ndarray, farthest: float) -> None:
    """Fill the canvas with a background, enlarged by up to `farthest`; sometimes shown whole, with bars."""
    ground = pool.backgrounds[random.integers(len(pool.backgrounds))].gray
    height, width = canvas.shape
    rows, columns = ground.shape
    zoom = max(height / rows, width / columns) * _log_uniform(random, 1, farthest)
    if random.random() < 0.25:  # the whole picture, as a measurement would show it
        zoom = min(height / rows, width / columns)
    ground = cv2.resize(ground, (math.ceil(columns * zoom), math.ceil(rows * zoom)), interpolation=cv2.INTER_LINEAR)
    if random.random() < 0.5:
        ground = ground[:, ::-1]
    put(canvas, ground, None, [], random_corner(random, ground.shape, canvas.shape, random.random()))


def _paste_pieces(random: np.random.Generator, pool: Pool, canvas: np.ndarray, labels: list[Label]) -> None:
    """Parts of backgrounds, pasted like people are."""
    if random.random() < 0.5:
        return
    for _ in range(int(random.integers(1, 5))):
        ground = pool.backgrounds[random.integers(len(pool.backgrounds))]
        scale = _log_uniform(random, 30, 160) / max(ground.gray.shape)
        mask, (gray, _) = place(ground, scale, _degrees(random), random.random() < 0.5)
        if random.random() < 0.5:
            mask = ellipse(random, gray.shape, np.array([0, 0, *gray.shape[::-1]]) * 0.98)
        paste(random, canvas, gray, mask, [], labels)


def _paste_crowd(random: np.random.Generator, pool: Pool, canvas: np.ndarray, labels: list[Label]) -> None:
    """Many people of about the same size, close together, the lower ones in front."""
    size = _log_uniform(random, 14, 56)
    most = canvas.size / (size * size * _log_uniform(random, 3, 25))
    for _ in range(int(min(40, max(3, most)))):
        own = size * _log_uniform(random, 0.75, 1.35)
        _paste_person(random, pool, canvas, labels, own, hidden=HIDDEN_SHARE)


def _paste_person(
    random: np.random.Generator, pool: Pool, canvas: np.ndarray, labels: list[Label], size_px: float, *, hidden: float
) -> None:
    heads = pool.heads and random.random() < HEADS_SHARE
    people = pool.heads if heads else pool.people
    person = people[random.integers(len(people))]
    face = max(float(label.box[2]) for label in person.labels)
    mask, (gray, own) = place(person, min(2.2, size_px / face), _degrees(random), random.random() < 0.5)
    if len(own) == 1 and (heads or random.random() < 0.5):
        mask = cv2.min(mask, ellipse(random, gray.shape, own[0].box))
    labels += paste(random, canvas, gray, mask, own, labels, hidden)


def _cover(random: np.random.Generator, pool: Pool, canvas: np.ndarray, labels: list[Label]) -> None:
    """Something in front of part of a face: a hand, a cup, a head."""
    for label in labels:
        if random.random() >= 0.08:
            continue
        ground = pool.backgrounds[random.integers(len(pool.backgrounds))].gray
        x, y, w, h = (float(v) for v in label.box)
        size = (max(4, int(w * random.uniform(0.25, 0.6))), max(4, int(h * random.uniform(0.2, 0.45))))
        piece = cv2.resize(ground, size, interpolation=cv2.INTER_AREA)
        side = random.random() * 2 * math.pi
        middle = (x + w / 2 + math.cos(side) * w * 0.4, y + h / 2 + math.sin(side) * h * 0.42)
        put(canvas, piece, None, [], (int(middle[0] - size[0] / 2), int(middle[1] - size[1] / 2)))


def _letterbox(random: np.random.Generator, canvas: np.ndarray, labels: list[Label]) -> None:
    """The band that the detector leaves at the right or below when a picture has another aspect."""
    if random.random() >= 0.15:
        return
    share = random.uniform(0.6, 1.0)
    end = round(canvas.shape[random.integers(2)] * share)
    if random.random() < 0.5:
        canvas[:, end:] = PAD_GRAY
        cut = [label.box[0] + label.box[2] / 2 > end for label in labels]
    else:
        canvas[end:] = PAD_GRAY
        cut = [label.box[1] + label.box[3] / 2 > end for label in labels]
    labels[:] = [replace(label, ignored=hidden) for label, hidden in zip(labels, cut, strict=True)]


def _judge(label: Label, height: int, width: int) -> Label:
    """A face that is mostly outside the picture teaches nothing."""
    x, y, w, h = (float(v) for v in label.box)
    inside = max(0.0, min(width, x + w) - max(0.0, x)) * max(0.0, min(height, y + h) - max(0.0, y))
    return replace(label, ignored=label.ignored or inside < VISIBLE_SHARE * w * h)


def _shows(gray: np.ndarray, label: Label) -> bool:
    """Whether anything of the face is left in the dark: what nobody can see is not to be learnt."""
    x, y, w, h = (round(float(v)) for v in label.box)
    inside = gray[max(0, y) : max(0, y + h), max(0, x) : max(0, x + w)]
    if inside.size == 0:
        return False
    side = max(3, w // 6)
    return float(cv2.blur(inside, (side, side)).std()) >= FAINTEST


def _shade(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Light that falls off to one side."""
    angle, depth = random.uniform(0, 2 * math.pi), random.uniform(0.3, 0.9)
    x = np.linspace(-1, 1, shape[1], dtype=np.float32) * np.float32(math.cos(angle))
    y = np.linspace(-1, 1, shape[0], dtype=np.float32) * np.float32(math.sin(angle))
    return np.float32(1) - np.float32(depth / 2) * (np.float32(1) + np.clip(x[None] + y[:, None], -1, 1))


def _shake(random: np.random.Generator, gray: np.ndarray) -> np.ndarray:
    """Motion blur along a row or a column."""
    length = int(random.integers(2, 6))
    return cv2.blur(gray, (length, 1) if random.random() < 0.7 else (1, length))


def _degrees(random: np.random.Generator) -> float:
    return random.uniform(-TURN_DEGREES, TURN_DEGREES) if random.random() < 0.5 else 0.0


def _log_uniform(random: np.random.Generator, low: float, high: float) -> float:
    return math.exp(random.uniform(math.log(low), math.log(high)))
