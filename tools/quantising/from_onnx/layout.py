"""Where ONNX's axes lie in what is stored, and one pass through a graph (`Run`). For all of operators.py.

A value of four axes is stored as [n, h, w, c] whatever ONNX calls its axes; NumPy arrays are constants, and keep ONNX's
own layout until they meet such a value.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tools.quantising.refusal import Mistake

TO_OURS = (0, 2, 3, 1)  # from [n, c, h, w] to [n, h, w, c]
TO_ONNX = (0, 3, 1, 2)
AXIS = {0: 0, 1: 3, 2: 1, 3: 2}


@dataclass(slots=True)
class Run:
    """One pass through the graph: what each name stands for, NumPy arrays for constants in ONNX's own layout."""

    path: Path
    values: dict[str, Any]
    made_by: dict[str, Any]
    opset: int

    def refuse(self, node: Any, what: str) -> Mistake:
        where = f"{node.op_type} {node.name!r}" if node.name else node.op_type
        return Mistake(f"The operator {where} in {self.path} {what}; replace it, and export the model again.")

    def get(self, node: Any, at: int) -> Any:
        return self.values[node.input[at]] if at < len(node.input) and node.input[at] else None

    def constant(self, node: Any, at: int) -> np.ndarray | None:
        """An input that has to be known beforehand."""
        value = self.get(node, at)
        if value is not None and not isinstance(value, np.ndarray):
            raise self.refuse(node, f"takes its input {at} from the picture, where a constant belongs")
        return value


def sides_of(value: Any) -> np.ndarray:
    """The shape as ONNX sees it; an open batch is -1, which every reshape takes."""
    sides = [-1 if side is None else int(side) for side in value.shape]
    return np.array([sides[at] for at in TO_ONNX] if len(sides) == 4 else sides, np.int64)


def axis_of(value: Any, axis: int) -> int:
    """Where the axis that ONNX numbers so lies in the stored value."""
    axis += len(value.shape) if axis < 0 else 0
    return AXIS[axis] if len(value.shape) == 4 else axis


def beside(value: Any, rank: int) -> Any:
    """The value ready to be combined with one of `rank` axes, as ONNX broadcasts: from the last axis on."""
    import tensorflow as tf

    if isinstance(value, np.ndarray):
        value = np.asarray(value, np.float32)
        if value.ndim and rank == 4:
            value = value.reshape((1,) * (4 - value.ndim) + value.shape).transpose(TO_OURS)
        return value
    if rank == 4 and len(value.shape) < 4:
        sides = [-1 if side is None else side for side in value.shape]
        return tf.transpose(tf.reshape(value, [1] * (4 - len(sides)) + sides), TO_OURS)
    return value


def in_onnx(x: Any) -> Any:
    """A value in ONNX's order of axes; a map of one pixel needs no moving."""
    import tensorflow as tf

    if len(x.shape) != 4:
        return x
    batch, height, width, channels = x.shape
    if height == width == 1:
        return tf.reshape(x, [-1 if batch is None else batch, channels, 1, 1])
    return tf.transpose(x, TO_ONNX)


def stored(x: Any) -> Any:
    """A value in ONNX's order of axes as it is stored here; the other way round than `in_onnx`."""
    import tensorflow as tf

    if len(x.shape) != 4:
        return x
    if x.shape[2] == x.shape[3] == 1:
        return tf.reshape(x, [-1 if x.shape[0] is None else x.shape[0], 1, 1, x.shape[1]])
    return tf.transpose(x, TO_OURS)
