"""Which faces set the int8 ranges: a choice balanced over classes, brightness and contrast. Pure.

Ranges from one kind of light clip everything brighter. So each class is laid out in a grid of brightness (mean gray)
by spread (standard deviation) with evenly spaced lines. The choice takes one face from each cell in turn, so that the
few bright faces of a dim set count as much as the many dim ones. Nothing is random.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

BRIGHT_CELLS, SPREAD_CELLS = 5, 3


@dataclass(frozen=True, slots=True)
class Choice:
    """`indices` of the chosen faces, and how these look."""

    indices: npt.NDArray[np.int64]
    brightness: tuple[float, float]
    spread: tuple[float, float]
    per_class: dict[int, int]


def choose(crops: npt.NDArray[np.uint8], truth: npt.NDArray[np.int64], count: int) -> Choice:
    """At most `count` of the faces uint8 [n, 48, 48]. Faces of class -1 count only if there is no other class."""
    pixels = crops.reshape(len(crops), -1)
    bright, spread = pixels.mean(1), pixels.std(1)
    classes = sorted(set(truth.tolist()) - {-1}) or [-1]
    queues = [_visit(np.flatnonzero(truth == label), bright, spread) for label in classes]
    indices = np.array(_round_robin(queues, count), np.int64)
    return Choice(
        indices,
        (float(bright[indices].min()), float(bright[indices].max())),
        (float(spread[indices].min()), float(spread[indices].max())),
        {label: int((truth[indices] == label).sum()) for label in classes},
    )


def _visit(indices: npt.NDArray[np.int64], bright: np.ndarray, spread: np.ndarray) -> list[int]:
    """The faces of one class in the order of the choice: one of each cell, then the next of each."""
    rows = _cells(bright[indices], BRIGHT_CELLS)
    cells: dict[tuple[int, int], list[int]] = {}
    for row in range(BRIGHT_CELLS):
        inside = indices[rows == row]
        columns = _cells(spread[inside], SPREAD_CELLS)
        for index, column in zip(inside.tolist(), columns.tolist(), strict=True):
            cells.setdefault((row, column), []).append(index)
    return _round_robin([cells[key] for key in sorted(cells)], len(indices))


def _cells(values: np.ndarray, count: int) -> np.ndarray:
    """The cell of each value, of `count` equally wide cells; the outermost 2% join the cells at the ends."""
    if not len(values):
        return np.zeros(0, np.int64)
    low, high = np.percentile(values, [2, 98])
    return np.clip((values - low) / max(high - low, 1e-6) * count, 0, count - 1).astype(np.int64)


def _round_robin(queues: list[list[int]], count: int) -> list[int]:
    taken: list[int] = []
    turn = 0
    while len(taken) < count and any(len(queue) > turn for queue in queues):
        taken += [queue[turn] for queue in queues if len(queue) > turn][: count - len(taken)]
        turn += 1
    return taken
