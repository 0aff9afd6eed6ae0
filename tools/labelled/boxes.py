"""The pictures that the face detector is trained and measured on, read from a folder shaped like data/faces.

`<split>.json` is a list of {file, width, height, source, faces: [{box, landmarks}]}. Only the file reading is here;
tools/faces/scenes.py makes training scenes of it.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

HELD_BACK = 4  # one background in so many is never trained on; false alarms are counted there


@dataclass(frozen=True, slots=True, eq=False)
class Label:
    """A face in a scene: box (left, top, width, height) and landmarks [5, 2], in pixels.

    An `ignored` one is there but unfit to learn from (cut off, covered, too small).
    """

    box: npt.NDArray[np.float32]
    landmarks: npt.NDArray[np.float32]
    ignored: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A gray picture uint8[H, W] with the faces in it."""

    file: str
    source: str
    gray: np.ndarray
    labels: tuple[Label, ...]


@dataclass(frozen=True, slots=True)
class Pool:
    """What training scenes are composed of; `heads` are tight pictures of one face each (see tools/faces/heads.py)."""

    people: tuple[Picture, ...]
    backgrounds: tuple[Picture, ...]
    heads: tuple[Picture, ...] = ()


def read(
    data_dir: Path,
    split: str,
    wanted: Callable[[dict[str, Any]], bool] = lambda entry: True,
) -> list[Picture]:
    """The pictures of a split for which `wanted` holds; raises ValueError with a sentence if one cannot be read."""
    index = data_dir / f"{split}.json"
    try:
        entries = json.loads(index.read_text())
    except (OSError, ValueError) as error:
        raise ValueError(f"{index} cannot be read ({error}); --data has to name a folder with {split}.json.") from error
    return [_read_one(data_dir, entry) for entry in entries if wanted(entry)]


def is_held_back(file: str) -> bool:
    """Whether a background is kept out of training. Depends on its name only, so it stays so when the set grows."""
    return zlib.crc32(Path(file).name.encode()) % HELD_BACK == 0


def held_back_backgrounds(data_dir: Path) -> list[Picture]:
    """The backgrounds of the training split on which false alarms are counted."""
    return read(data_dir, "train", lambda e: e["source"] == "background" and is_held_back(e["file"]))


def training_pool(data_dir: Path) -> Pool:
    """Everything of the training split but the backgrounds held back."""
    pictures = read(data_dir, "train", lambda e: not (e["source"] == "background" and is_held_back(e["file"])))
    return Pool(
        people=tuple(p for p in pictures if p.labels),
        backgrounds=tuple(p for p in pictures if not p.labels),
    )


def _read_one(data_dir: Path, entry: dict[str, Any]) -> Picture:
    gray = cv2.imread(str(data_dir / entry["file"]), cv2.IMREAD_GRAYSCALE)
    if gray is None:
        raise ValueError(f"{data_dir / entry['file']} cannot be read as a picture.")
    labels = tuple(
        Label(np.asarray(face["box"], np.float32), np.asarray(face["landmarks"], np.float32)) for face in entry["faces"]
    )
    return Picture(entry["file"], entry["source"], gray, labels)
