"""Reads the face detector's cells: from stored int8 values of the few that are sure enough to boxes and landmarks.

Everything that depends on the model alone is worked out once, one row a cell of all strides, so that a frame costs
three comparisons and, where somebody is seen, some twenty short numpy calls. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from device.model import Float32Array, Int8Array, Tensor

UNIT_STRIDES = 4.0
"""Box sides and landmark offsets are coded in units of so many strides: about the size of a level's faces."""

Cells = npt.NDArray[np.intp]


class Grid:
    """The cells of all strides of one model.

    `outputs` are the card's; `order` names, for each stride, where its score, box and landmarks stand among them.
    """

    def __init__(self, outputs: Sequence[Tensor], order: Mapping[int, Sequence[int]], threshold: float) -> None:
        logit = float(np.log(threshold / (1 - threshold)))
        self._places = [tuple(places) for places in order.values()]
        self._least = [outputs[places[0]].least(logit) for places in order.values()]
        shapes = [outputs[places[0]].shape[1:3] for places in order.values()]
        self._starts = np.cumsum([0, *(rows * columns for rows, columns in shapes)]).tolist()
        parts = [_codes(outputs, places, stride) for stride, places in order.items()]
        counts = [rows * columns for rows, columns in shapes]
        zeros = np.repeat([zeros for zeros, _ in parts], counts, axis=0)
        scales = np.repeat([scales for _, scales in parts], counts, axis=0)
        halves = np.repeat(np.array([UNIT_STRIDES * stride / 2 for stride in order], np.float32), counts)[:, None]
        centres = np.concatenate(
            [
                cell_centres(shape[0], shape[1], stride).reshape(-1, 2)
                for shape, stride in zip(shapes, order, strict=True)
            ]
        )
        self._table = np.concatenate([zeros, scales, np.tile(centres, 6), halves], axis=1)

    def decode(self, outputs: Sequence[Int8Array]) -> Float32Array:
        """Cells above the threshold as rows of 15: score, left, top, right, bottom, five landmarks x, y; in pixels."""
        found, parts = [], []
        for (score, box, landmarks), least, start in zip(self._places, self._least, self._starts, strict=False):
            scores = outputs[score].reshape(-1)
            if len(cells := np.flatnonzero(scores >= least)):
                part = np.empty((len(cells), 15), np.float32)
                part[:, 0] = scores[cells]
                part[:, 1:5] = outputs[box].reshape(-1, 4)[cells]
                part[:, 5:] = outputs[landmarks].reshape(-1, 10)[cells]
                found.append(cells + start)
                parts.append(part)
        if not found:
            return np.empty((0, 15), np.float32)
        return self._real(np.concatenate(found), np.concatenate(parts))

    def _real(self, cells: Cells, rows: Float32Array) -> Float32Array:
        """What the stored values of these cells stand for, in place."""
        table = self._table[cells]
        rows -= table[:, :15]
        rows *= table[:, 15:30]
        middle = rows[:, 1:3] + table[:, 30:32]
        half = np.exp(rows[:, 3:5]) * table[:, 42:]
        rows[:, 0] = 1 / (1 + np.exp(-rows[:, 0]))
        rows[:, 1:3], rows[:, 3:5] = middle - half, middle + half
        rows[:, 5:] += table[:, 32:42]
        return rows


def cell_centres(rows: int, columns: int, stride: int) -> Float32Array:
    """float32[rows, columns, 2]: the x and y of each cell's centre in pixels of the network's input."""
    x, y = np.meshgrid(np.arange(columns), np.arange(rows))
    return np.asarray((np.stack([x, y], -1) + 0.5) * stride, np.float32)


def _codes(outputs: Sequence[Tensor], places: Sequence[int], stride: int) -> tuple[Float32Array, Float32Array]:
    """Zero points and scales of a stride's 15 values, from stored values to a logit, pixels, and logarithms."""
    score, box, landmarks = (outputs[place] for place in places)
    zeros = [score.zero_point] + [box.zero_point] * 4 + [landmarks.zero_point] * 10
    pixels = landmarks.scale * UNIT_STRIDES * stride
    scales = [score.scale] + [box.scale * stride] * 2 + [box.scale] * 2 + [pixels] * 10
    return np.array(zeros, np.float32), np.array(scales, np.float32)
