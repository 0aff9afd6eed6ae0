"""The pictures that a face detector is measured on, each as the camera would show it: fitted into 320x240.

`scenes` and `unseen` are splits of the real scenes: the part that choices are made on, and a source that no training
and no choice sees. Other splits have their own index; false alarms come from their backgrounds or, where they have
none, from the training backgrounds that training never sees. `hard` pictures are composed by tools/faces/hard/.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from tools.faces.hard import kinds
from tools.faces.hard.seating import HEIGHT_PX, WIDTH_PX
from tools.labelled.boxes import Picture, held_back_backgrounds, read, read_scenes

SMALLEST_PX = 20.0  # narrower faces count neither way
REAL = {"scenes": "valid", "unseen": "unseen"}


@dataclass(frozen=True, slots=True)
class Sets:
    """Pictures fitted into 320x240."""

    people: tuple[Picture, ...]
    backgrounds: tuple[Picture, ...]
    hard: tuple[Picture, ...] = ()


def read_sets(data_dir: Path, split: str, hard: int = 0) -> Sets:
    """`hard` pictures of every hard kind (0 for none); real scenes have none.

    Raises ValueError if the split has no faces.
    """
    pictures = read_scenes(data_dir, REAL[split]) if split in REAL else read(data_dir, split)
    people = [p for p in pictures if p.labels]
    if not people:
        raise ValueError(f"{data_dir / split}.json has no picture with a face.")
    empty = [p for p in pictures if not p.labels]
    if split in REAL:
        return Sets(tuple(_counting(fit(p)) for p in people), tuple(map(fit, empty)))
    backgrounds = empty or held_back_backgrounds(data_dir)
    return Sets(
        people=tuple(map(fit, people)),
        backgrounds=tuple(map(fit, backgrounds)),
        hard=tuple(kinds.pictures(people, backgrounds, hard)) if hard and backgrounds else (),
    )


def _counting(picture: Picture) -> Picture:
    """The same, with faces that are too small ignored."""
    labels = (replace(label, ignored=label.ignored or label.box[2] < SMALLEST_PX) for label in picture.labels)
    return replace(picture, labels=tuple(labels))


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
