"""The faces of the detector's training as faces to read: cut out as the device cuts them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from device.domain import Face
from device.perception import crop
from tools.labelled import boxes
from tools.labelled.boxes import Label


def read(folder: Path) -> npt.NDArray[np.uint8]:
    """uint8 [n, 48, 48]: the faces of the pictures that show only one.

    Raises ValueError if `folder` is not one that tools/train_faces.py could use.
    """
    pictures = boxes.read(folder, "train", lambda entry: len(entry["faces"]) == 1)
    return np.stack([_cut(picture.gray, label) for picture in pictures for label in picture.labels])


def _cut(gray: npt.NDArray[np.uint8], label: Label) -> npt.NDArray[np.uint8]:
    points = tuple((float(x), float(y)) for x, y in label.landmarks)
    return crop.align(gray, Face(*(float(side) for side in label.box), 1.0, points))
