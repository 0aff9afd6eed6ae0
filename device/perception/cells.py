"""Reads the face detector's cells: from stored int8 values of the few that are sure enough to boxes and landmarks.

Everything that depends on the model alone is worked out once, one row a cell of all strides, so that a frame costs
one comparison and, where somebody is seen, some twenty short numpy calls. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from device.model import Float32Array, Int8Array, Tensor

UNIT_STRIDES = 4.0
"""Box sides and landmark offsets are coded in units of this many strides: about the size of a level's faces."""


class Grid:
    """The cells of all strides of one model.

    `outputs` are the card's; `order` names, for each stride, where its score, box and landmarks stand among them.
    """

    def __init__(self, outputs: Sequence[Tensor], order: Mapping[int, Sequence[int]], threshold: float) -> None:
        logit = float(np.log(threshold / (1 - threshold)))
        places = [tuple(places) for places in order.values()]
        self._scores, self._boxes, self._landmarks = zip(*places, strict=True)
        sides = [outputs[score].shape[1:3] for score in self._scores]
        counts = [rows * columns for rows, columns in sides]
        below = [max(-128, outputs[score].least(logit) - 1) for score in self._scores]
        self._below = np.repeat(np.array(below, np.int8), counts)  # int8, so that numpy need not convert the scores
        codes = [_codes(outputs, place, stride) for place, stride in zip(places, order, strict=True)]
        self._scales = np.repeat([scales for scales, _ in codes], counts, axis=0)
        self._offsets = np.repeat([offsets for _, offsets in codes], counts, axis=0)
        grids = zip(sides, order, strict=True)
        centres = np.concatenate([cell_centres(rows, columns, s).reshape(-1, 2) for (rows, columns), s in grids])
        self._offsets[:, 1:3] += centres
        self._offsets[:, 5:] += np.tile(centres, 5)

    def decode(self, outputs: Sequence[Int8Array]) -> Float32Array:
        """Cells above the threshold as rows of 15: score, left, top, right, bottom, five landmarks x, y; in pixels."""
        scores = np.concatenate([outputs[place] for place in self._scores], axis=None)
        cells = (scores > self._below).nonzero()[0]
        rows = np.empty((len(cells), 15), np.float32)
        if len(cells):
            rows[:, 0] = scores[cells]
            rows[:, 1:5] = _joined(outputs, self._boxes, 4)[cells]
            rows[:, 5:] = _joined(outputs, self._landmarks, 10)[cells]
            rows *= self._scales[cells]
            rows += self._offsets[cells]
            middle, half = rows[:, 1:3].copy(), np.exp(rows[:, 3:5])
            rows[:, 0] = 1 / (1 + np.exp(-rows[:, 0]))
            np.subtract(middle, half, out=rows[:, 1:3])
            np.add(middle, half, out=rows[:, 3:5])
        return rows


def _joined(outputs: Sequence[Int8Array], places: Sequence[int], size: int) -> Int8Array:
    """These outputs, a row of `size` values a cell."""
    return np.concatenate([outputs[place].reshape(-1, size) for place in places])


def cell_centres(rows: int, columns: int, stride: int) -> Float32Array:
    """float32[rows, columns, 2]: the x and y of each cell's centre in pixels of the network's input."""
    x, y = np.meshgrid(np.arange(columns), np.arange(rows))
    return np.asarray((np.stack([x, y], -1) + 0.5) * stride, np.float32)


def _codes(outputs: Sequence[Tensor], places: Sequence[int], stride: int) -> tuple[Float32Array, Float32Array]:
    """By what a stride's 15 stored values are multiplied, and what is then added: to get a logit, the box's centre from
    the cell's in pixels, logarithms of half its sides in pixels, and landmarks from the cell's centre in pixels."""
    score, box, landmarks = (outputs[place] for place in places)
    unit = UNIT_STRIDES * stride
    scales = np.array(
        [score.scale, *[box.scale * stride] * 2, *[box.scale] * 2, *[landmarks.scale * unit] * 10], np.float32
    )
    zeros = [score.zero_point, *[box.zero_point] * 4, *[landmarks.zero_point] * 10]
    offsets = np.asarray(-scales * zeros, np.float32)
    offsets[3:5] += np.float32(np.log(unit / 2))
    return scales, offsets
