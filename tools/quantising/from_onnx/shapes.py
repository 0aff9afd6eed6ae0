"""ONNX's operators that move values without changing them, in TensorFlow's terms: reshape, transpose, concat.

Each function takes a pass, a node and its attributes, and returns the node's value. It raises Mistake for a case that
it cannot convert.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tools.quantising.from_onnx.layout import TO_ONNX, TO_OURS, Run, axis_of, beside, in_onnx, sides_of, stored


def _reshaped(x: Any, sides: list[int]) -> Any:
    """`x` with ONNX's new sides. An exporter often writes them for one picture; here the batch stays open."""
    import tensorflow as tf

    whole = [-1 if side is None else int(side) for side in sides_of(x)]
    sides = [whole[at] if side == 0 else side for at, side in enumerate(sides)]
    each = int(np.prod(whole[1:]))
    known = int(np.prod([side for side in sides[1:] if side > 0]))
    if -1 in sides[1:] and sides[0] in (-1, 1):
        sides = [-1, *(side if side > 0 else each // known for side in sides[1:])]
    elif known == each:
        sides = [-1, *sides[1:]]
    return stored(tf.reshape(in_onnx(x), sides))


def reshape(run: Run, node: Any, given: dict[str, Any]) -> Any:
    sides = run.constant(node, 1) if len(node.input) > 1 else np.asarray(given["shape"])
    assert sides is not None
    return _reshaped(run.get(node, 0), [int(side) for side in sides])


def flatten(run: Run, node: Any, given: dict[str, Any]) -> Any:
    if given.get("axis", 1) != 1:
        raise run.refuse(node, "flattens the batch")
    return _reshaped(run.get(node, 0), [-1, int(np.prod(sides_of(run.get(node, 0))[1:]))])


def squeeze(run: Run, node: Any, given: dict[str, Any]) -> Any:
    return without(run.get(node, 0), run.axes(node, given))


def without(x: Any, axes: list[int] | None) -> Any:
    """`x` without these axes of length 1; None for all but the batch."""
    sides = sides_of(x).tolist()
    gone = {at for at, side in enumerate(sides) if side == 1 and at} if axes is None else {a % len(sides) for a in axes}
    return _reshaped(x, [side for at, side in enumerate(sides) if at not in gone])


def unsqueeze(run: Run, node: Any, given: dict[str, Any]) -> Any:
    x, axes = run.get(node, 0), run.axes(node, given) or []
    sides = sides_of(x).tolist()
    for axis in sorted(a % (len(sides) + len(axes)) for a in axes):
        sides.insert(axis, 1)
    return _reshaped(x, sides)


def transpose(run: Run, node: Any, given: dict[str, Any]) -> Any:
    import tensorflow as tf

    x = run.get(node, 0)
    order = list(given.get("perm", reversed(range(len(x.shape)))))
    if len(order) == 4:  # to ONNX's axes, transposed, and back to stored axes
        turned = [TO_ONNX[order[at]] for at in TO_OURS]
        return x if turned == [0, 1, 2, 3] else tf.transpose(x, turned)
    return tf.transpose(x, order)


def concat(run: Run, node: Any, given: dict[str, Any]) -> Any:
    import tensorflow as tf

    parts = [run.values[name] for name in node.input]
    rank = max(len(part.shape) for part in parts)
    parts = [beside(part, rank) for part in parts]
    return tf.concat(parts, axis_of(parts[0], given["axis"]))
