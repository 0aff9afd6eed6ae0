"""A hard set for the face detector: crowds of small faces, darkness, blur, turned heads and masks, at 320x240.

What it is: pictures composed of validation people on backgrounds that training never sees, always the same for the
same data, to choose between detectors and to see where one is blind. It shares no code with tools/faces/scenes.py,
which composes for training: people are seated in rows, on video walls and over backgrounds, blended with Laplacian
pyramids at twice the size (Burt and Adelson 1983, "A Multiresolution Spline"), and seen through a
modelled sensor.

What it is not: photographs of crowds or of dark rooms. The people look into cameras of interviews, their boxes were
drawn by YuNet in the bright originals, masks are painted. Absolute figures flatter or harm; put detectors side by side.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import cv2
import numpy as np

from tools.faces.hard import cutout, seating, sensor
from tools.faces.hard.seating import FINER, HEIGHT_PX, WIDTH_PX, Cast, Scene
from tools.labelled.boxes import Label, Picture

A_KIND = 60
SMALLEST_PX = 20.0  # narrower faces count neither way
LEAST_VISIBLE = 0.6  # share of a face that has to be in front and inside the picture to count
LEAST_ALIKE = 0.75  # correlation with the face before the sensor, below which there is nothing left to see
LEAST_SOURCE_PX = 32  # narrower faces in the originals are not used
ROLL_DEGREES = 30.0

Random = np.random.Generator


def pictures(people: Sequence[Picture], backgrounds: Sequence[Picture], a_kind: int = A_KIND) -> list[Picture]:
    """`a_kind` pictures uint8[240, 320] of every kind; a picture's `source` is its kind.

    Labels that do not count (small, hidden, lost in darkness) are `ignored`. Raises ValueError without usable people
    or backgrounds.
    """
    alone = [p for p in people if len(p.labels) == 1 and p.labels[0].box[2] >= LEAST_SOURCE_PX]
    if not alone or not backgrounds:
        raise ValueError("The hard set needs pictures of single people and pictures without faces.")
    alone.sort(key=lambda p: float(p.labels[0].box[2]))
    plain = Cast([cutout.head_and_shoulders(p) for p in alone], backgrounds)
    return [
        _picture(kind, number, np.random.default_rng((1911, place, number)), plain)
        for place, kind in enumerate(KINDS)
        for number in range(a_kind)
    ]


def _picture(kind: str, number: int, random: Random, cast: Cast) -> Picture:
    compose, degrade = KINDS[kind]
    clean, labels = _finish(compose(random, number, cast))
    seen = degrade(random, clean, labels)
    return Picture(f"{kind} {number}", kind, seen, tuple(_judge(label, clean, seen) for label in labels))


# --- Kinds -----------------------------------------------------------------------------------------------------


def _crowd(random: Random, number: int, cast: Cast) -> Scene:
    return (seating.rows, seating.wall, seating.party)[number % 3](random, cast)


def _room(random: Random, number: int, cast: Cast) -> Scene:
    return (seating.few, seating.few, seating.party)[number % 3](random, cast)


def _turned(random: Random, number: int, cast: Cast) -> Scene:
    return _room(random, number, replace(cast, roll_degrees=ROLL_DEGREES))


def _masked(random: Random, number: int, cast: Cast) -> Scene:
    return _room(random, number, replace(cast, masked=True))


Compose = Callable[[Random, int, Cast], Scene]
Degrade = Callable[[Random, np.ndarray, Sequence[Label]], np.ndarray]

KINDS: dict[str, tuple[Compose, Degrade]] = {
    "crowd": (_crowd, sensor.ordinary),
    "dark": (_room, sensor.dark),
    "dark crowd": (_crowd, sensor.dark),
    "blur": (_room, sensor.blurred),
    "turned": (_turned, sensor.ordinary),
    "masked": (_masked, sensor.ordinary),
}


# --- What counts -------------------------------------------------------------------------------------------------


def _finish(scene: Scene) -> tuple[np.ndarray, list[Label]]:
    """The picture at its final size, float32 of 0 to 255; hidden and small faces are marked as ignored."""
    gray = cv2.resize(scene.canvas, (WIDTH_PX, HEIGHT_PX), interpolation=cv2.INTER_AREA)
    labels = [
        Label(
            (label.box / FINER).astype(np.float32),
            ((label.landmarks + 0.5) / FINER - 0.5).astype(np.float32),
            ignored=_visible(scene, number) < LEAST_VISIBLE or label.box[2] / FINER < SMALLEST_PX,
        )
        for number, label in enumerate(scene.labels)
    ]
    return gray, labels


def _visible(scene: Scene, number: int) -> float:
    """The share of a face's ellipse that is in the picture with nobody in front."""
    x, y, w, h = (float(v) for v in scene.labels[number].box)
    rows, columns = np.mgrid[math.floor(y) : math.ceil(y + h), math.floor(x) : math.ceil(x + w)]
    face = ((columns - x - w / 2) / (w / 2)) ** 2 + ((rows - y - h / 2) / (h / 2)) ** 2 <= 1
    inside = face & (rows >= 0) & (rows < scene.owner.shape[0]) & (columns >= 0) & (columns < scene.owner.shape[1])
    return float((scene.owner[rows[inside], columns[inside]] == number).sum() / max(1, face.sum()))


def _judge(label: Label, clean: np.ndarray, seen: np.ndarray) -> Label:
    """Nobody is asked for a face that the sensor lost; compared without the finest detail, which is noise."""
    x, y, w, h = (max(0, round(float(v))) for v in label.box)
    before, after = (
        cv2.GaussianBlur(gray.astype(np.float32), (0, 0), max(0.5, w / 16))[y : y + h, x : x + w].ravel()
        for gray in (clean, seen)
    )
    if label.ignored or min(before.std(), after.std()) < 0.5:
        return replace(label, ignored=True)
    return replace(label, ignored=bool(np.corrcoef(before, after)[0, 1] < LEAST_ALIKE))
