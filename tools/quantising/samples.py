"""Which faces set the int8 ranges: balanced over classes, and over how bright and how contrasty faces are. Pure.

Ranges that come from one light alone clip everything brighter. So each class is laid out in a grid of brightness
(mean gray) by spread (standard deviation) with lines at even distances, and the grid is visited cell by cell, so that
the few bright faces of a dim set count as much as the many dim ones. Nothing is drawn by chance.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

BRIGHT_CELLS, SPREAD_CELLS = 5, 3
DEFAULT = 300


@dataclass(frozen=True, slots=True)
class Choice:
    """`places` among the faces that were offered, and what they look like."""

    places: npt.NDArray[np.int64]
    brightness: tuple[float, float]
    spread: tuple[float, float]
    per_class: dict[int, int]


def choose(crops: npt.NDArray[np.uint8], truth: npt.NDArray[np.int64], count: int = DEFAULT) -> Choice:
    """At most `count` of the faces uint8 [n, 48, 48]; faces of class -1 count only where no other class is there."""
    pixels = crops.reshape(len(crops), -1)
    bright, spread = pixels.mean(1), pixels.std(1)
    classes = sorted(set(truth.tolist()) - {-1}) or [-1]
    queues = [_visit(np.flatnonzero(truth == label), bright, spread) for label in classes]
    places = np.array(_round_robin(queues, count), np.int64)
    return Choice(
        places,
        (float(bright[places].min()), float(bright[places].max())),
        (float(spread[places].min()), float(spread[places].max())),
        {label: int((truth[places] == label).sum()) for label in classes},
    )


def _visit(places: npt.NDArray[np.int64], bright: np.ndarray, spread: np.ndarray) -> list[int]:
    """The faces of one class in the order in which they are taken: one of each cell, then the next of each."""
    rows = _cells(bright[places], BRIGHT_CELLS)
    cells: dict[tuple[int, int], list[int]] = {}
    for row in range(BRIGHT_CELLS):
        inside = places[rows == row]
        columns = _cells(spread[inside], SPREAD_CELLS)
        for place, column in zip(inside.tolist(), columns.tolist(), strict=True):
            cells.setdefault((row, column), []).append(place)
    return _round_robin([cells[key] for key in sorted(cells)], len(places))


def _cells(values: np.ndarray, count: int) -> np.ndarray:
    """Which of `count` equally wide cells each value lies in; the outermost 2% join their neighbours."""
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
