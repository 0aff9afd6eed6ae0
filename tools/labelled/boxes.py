"""The pictures that the face detector is trained and measured on, read from a folder shaped like data/faces.

`<split>.json` is a list of {file, width, height, source, faces: [{box, landmarks}]}; `scenes.json` has real scenes of
all splits, with `split` and `tags` beside each picture, and `ignore`, `mask` and `lm` beside a face.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
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

    An `ignored` one is there but unfit to learn from (cut off, covered, too small). `placed` landmarks are this
    face's own, others a mean shape put into the box. `masked` ones wear a mask over nose or mouth.
    """

    box: npt.NDArray[np.float32]
    landmarks: npt.NDArray[np.float32]
    ignored: bool = False
    placed: bool = True
    masked: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A gray picture uint8[H, W] with the faces in it."""

    file: str
    source: str
    gray: np.ndarray
    labels: tuple[Label, ...]
    tags: tuple[str, ...] = ()


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
    with ThreadPoolExecutor() as threads:  # OpenCV decodes without Python's lock
        return list(threads.map(lambda entry: _read_one(data_dir, entry), filter(wanted, entries)))


def is_held_back(file: str) -> bool:
    """Whether a background is kept out of training. Depends on its name only, so it stays so when the set grows."""
    return _number(file) % HELD_BACK == 0


def _number(file: str) -> int:
    return zlib.crc32(Path(file).name.encode())


def held_back_backgrounds(data_dir: Path) -> list[Picture]:
    """The backgrounds of the training split on which false alarms are counted."""
    return read(data_dir, "train", lambda e: e["source"] == "background" and is_held_back(e["file"]))


def read_scenes(data_dir: Path, split: str) -> list[Picture]:
    """The real scenes of a split: train, valid or unseen (a source that training never sees)."""
    return read(data_dir, "scenes", lambda entry: entry["split"] == split)


def training_pictures(data_dir: Path, part: int = 1) -> list[Picture]:
    """Everything that may be learnt from, or one picture in `part`; without the backgrounds held back."""

    def wanted(entry: dict[str, Any]) -> bool:
        held_back = entry["source"] == "background" and is_held_back(entry["file"])
        return not held_back and entry.get("split", "train") == "train" and _number(entry["file"]) % part == 0

    return [picture for index in ("train", "scenes") for picture in read(data_dir, index, wanted)]


def _read_one(data_dir: Path, entry: dict[str, Any]) -> Picture:
    gray = cv2.imread(str(data_dir / entry["file"]), cv2.IMREAD_GRAYSCALE)
    if gray is None:
        raise ValueError(f"{data_dir / entry['file']} cannot be read as a picture.")
    labels = tuple(map(_label, entry["faces"]))
    return Picture(entry["file"], entry["source"], np.asarray(gray, np.uint8), labels, tuple(entry.get("tags", ())))


def _label(face: dict[str, Any]) -> Label:
    points = face.get("landmarks")
    return Label(
        box=np.asarray(face["box"], np.float32),
        landmarks=np.asarray(points if points else np.zeros((5, 2)), np.float32),
        ignored=bool(face.get("ignore", False)),
        placed=bool(points) and face.get("lm") != "template",
        masked=face.get("mask") is True,
    )
