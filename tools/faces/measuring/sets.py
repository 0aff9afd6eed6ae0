"""The pictures that a face detector is measured on, each as the camera would show it: fitted into 320x240.

Faces come from the split's people, false alarms from its backgrounds or, where it has none, from the training
backgrounds that training never sees; `scenes` are composed by the code that also composes for training, `hard` by
other code (tools/faces/hard/kinds.py). All are always the same for the same data.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from tools.faces import scenes as face_scenes
from tools.faces.hard import kinds
from tools.faces.hard.seating import HEIGHT_PX, WIDTH_PX
from tools.labelled.boxes import Picture, Pool, held_back_backgrounds, read

SMALLEST_PX = 20.0
SCENES = 300


@dataclass(frozen=True, slots=True)
class Sets:
    """Pictures fitted into 320x240."""

    people: tuple[Picture, ...]
    backgrounds: tuple[Picture, ...]
    scenes: tuple[Picture, ...]
    hard: tuple[Picture, ...] = ()


def read_sets(data_dir: Path, split: str, scenes: int, hard: int = 0) -> Sets:
    """`scenes` pictures made up like those for training, `hard` of every hard kind (0 for none).

    Raises ValueError if the split has no faces.
    """
    pictures = read(data_dir, split)
    people = [p for p in pictures if p.labels]
    if not people:
        raise ValueError(f"{data_dir / split}.json has no picture with a face.")
    backgrounds = [p for p in pictures if not p.labels] or held_back_backgrounds(data_dir)
    return Sets(
        people=tuple(map(fit, people)),
        backgrounds=tuple(map(fit, backgrounds)),
        scenes=tuple(crowds(people, backgrounds, scenes)) if backgrounds else (),
        hard=tuple(kinds.pictures(people, backgrounds, hard)) if hard and backgrounds else (),
    )


def crowds(people: Sequence[Picture], backgrounds: Sequence[Picture], count: int) -> list[Picture]:
    """Made-up scenes; the seed is fixed, so everybody measures on the same ones."""
    pool = Pool(tuple(people), tuple(backgrounds))
    made = []
    for number in range(count):
        random = np.random.default_rng((2026, number))
        gray, labels = face_scenes.compose(random, pool, HEIGHT_PX, WIDTH_PX)
        labels = [replace(label, ignored=label.ignored or label.box[2] < SMALLEST_PX) for label in labels]
        made.append(Picture(f"scene {number}", "scene", gray, tuple(labels)))
    return made


def fit(picture: Picture) -> Picture:
    """Scaled, up or down, to fill 320x240 as far as its aspect allows."""
    rows, columns = picture.gray.shape
    scale = min(HEIGHT_PX / rows, WIDTH_PX / columns)
    size = (max(16, round(columns * scale)), max(16, round(rows * scale)))
    gray = cv2.resize(picture.gray, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    by = np.array([size[0] / columns, size[1] / rows], np.float32)
    labels = tuple(
        replace(label, box=label.box * np.tile(by, 2), landmarks=label.landmarks * by) for label in picture.labels
    )
    return replace(picture, gray=np.asarray(gray, np.uint8), labels=labels)
