"""Where ONNX's axes lie in a stored value, and one pass through a graph (`Run`).

A value of four axes is stored as [n, h, w, c], whatever ONNX calls its axes. NumPy arrays are constants; they keep
ONNX's layout until they meet such a value.
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
    """One pass through the graph: the value of each name, and the operator that made it. Constants are NumPy arrays."""

    path: Path
    values: dict[str, Any]
    made_by: dict[str, str]
    opset: int

    def refuse(self, node: Any, fault: str) -> Mistake:
        where = f"{node.op_type} {node.name!r}" if node.name else node.op_type
        return Mistake(f"The operator {where} in {self.path} {fault}; replace it, and export the model again.")

    def get(self, node: Any, at: int) -> Any:
        return self.values[node.input[at]] if at < len(node.input) and node.input[at] else None

    def constant(self, node: Any, at: int) -> np.ndarray | None:
        """An input that must not depend on the picture."""
        value = self.get(node, at)
        if value is not None and not isinstance(value, np.ndarray):
            raise self.refuse(node, f"computes its input {at} from the picture; that input must be a constant")
        return value

    def axes(self, node: Any, given: dict[str, Any]) -> list[int] | None:
        """The axes of an operator: an attribute in old opsets, the second input in new ones."""
        axes = self.constant(node, 1) if given.get("axes") is None else given["axes"]
        return None if axes is None else [int(axis) for axis in np.asarray(axes).reshape(-1)]


def sides_of(value: Any) -> np.ndarray:
    """The shape in ONNX's order of axes; an open batch is -1, which every reshape takes."""
    sides = [-1 if side is None else int(side) for side in value.shape]
    return np.array([sides[at] for at in TO_ONNX] if len(sides) == 4 else sides, np.int64)


def axis_of(value: Any, axis: int) -> int:
    """The stored axis for ONNX's axis of that number."""
    axis += len(value.shape) if axis < 0 else 0
    return AXIS[axis] if len(value.shape) == 4 else axis


def beside(value: Any, rank: int) -> Any:
    """The value, ready for an operation with one of `rank` axes. ONNX broadcasts from the last axis on."""
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
    """A stored value in ONNX's order of axes."""
    return _moved(x, TO_ONNX)


def stored(x: Any) -> Any:
    """A value in ONNX's order of axes, as it is stored here."""
    return _moved(x, TO_OURS)


def _moved(x: Any, order: tuple[int, ...]) -> Any:
    import tensorflow as tf

    if len(x.shape) != 4:
        return x
    sides = [x.shape[at] for at in order]
    if sum(side != 1 for side in sides[1:]) <= 1:  # a map of one pixel: no move, which costs time on the device
        return tf.reshape(x, [-1 if side is None else side for side in sides])
    return tf.transpose(x, order)
