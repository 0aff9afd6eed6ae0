"""What each cell of the face detector is taught: the training side of the code that device/perception/faces.py reads.

Pure numpy. The grid of a stride covers the picture with cells; a face is taught to the cells around its centre, on
the stride that suits its size (FCOS, Tian et al. 2019, arXiv:1904.01355). Neighbouring strides share the sizes in
between, so that no face falls into a gap.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from device.perception.faces import STRIDES, UNIT_STRIDES, cell_centres
from tools.labelled.boxes import Label

Floats = npt.NDArray[np.float32]

SIZES_PX = {8: (0.0, 50.0), 16: (40.0, 104.0), 32: (84.0, 1e9)}
"""The square root of a face's area, lowest and highest, that each stride answers for."""

SMALLEST_PX = 13.0
"""Narrower faces are neither taught nor held against the net."""

SCORE, WEIGHT, BOX, LANDMARKS = slice(0, 1), slice(1, 2), slice(2, 6), slice(6, 16)
CHANNELS = 16


def grids(height: int, width: int) -> list[tuple[int, int, int]]:
    """(stride, rows, columns) of each level; a side that is no multiple of the stride gets one more cell."""
    return [(stride, -(-height // stride), -(-width // stride)) for stride in STRIDES]


def encode(labels: Sequence[Label], height: int, width: int) -> list[Floats]:
    """One float32[rows, columns, 16] a level: score 0/1, weight 0/1, box code [4], landmark code [10].

    Where two faces claim a cell, the smaller one gets it: it has fewer cells to choose from.
    """
    maps = []
    by_size = sorted(labels, key=lambda label: -float(label.box[2] * label.box[3]))
    for stride, rows, columns in grids(height, width):
        level = np.zeros((rows, columns, CHANNELS), np.float32)
        level[..., WEIGHT] = 1.0
        for label in by_size:
            _teach(level, label, stride)
        maps.append(level)
    return maps


def _teach(level: Floats, label: Label, stride: int) -> None:
    left, top, w, h = (float(v) for v in label.box)
    centres = cell_centres(*level.shape[:2], stride)
    offset = np.array([left + w / 2, top + h / 2], np.float32) - centres
    if label.ignored or w < SMALLEST_PX:
        inside = (np.abs(offset) <= np.maximum([w / 2, h / 2], 0.51 * stride)).all(-1)
        level[inside & (level[..., 0] == 0), 1] = 0.0
        return
    low, high = SIZES_PX[stride]
    if not low <= (w * h) ** 0.5 < high:
        return
    reach = np.clip(0.28 * np.array([w, h]), 0.51 * stride, 1.5 * stride)
    cells = (np.abs(offset) <= reach).all(-1)
    level[cells, 0:2] = 1.0
    level[cells, 2:4] = offset[cells] / stride
    level[cells, 4:6] = np.log(np.array([w, h], np.float32) / (UNIT_STRIDES * stride))
    points = label.landmarks[None] - centres[cells][:, None]
    level[cells, LANDMARKS] = points.reshape(-1, 10) / (UNIT_STRIDES * stride)
