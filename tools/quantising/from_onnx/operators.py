"""ONNX's operators in TensorFlow's terms, for rebuild.py: one function each, and the table of them all.

A value of four axes is stored as [n, h, w, c] whatever ONNX calls its axes; NumPy arrays are constants, and keep ONNX's
own layout until they meet such a value. What an operator cannot do here is refused by name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tools.quantising.refusal import Mistake

TO_OURS = (0, 2, 3, 1)  # from [n, c, h, w] to [n, h, w, c]
TO_ONNX = (0, 3, 1, 2)
AXIS = {0: 0, 1: 3, 2: 1, 3: 2}
AT_LEAST_ZERO = ("Relu", "Sigmoid", "HardSigmoid", "Softmax")


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


def _axis(value: Any, axis: int) -> int:
    axis += len(value.shape) if axis < 0 else 0
    return AXIS[axis] if len(value.shape) == 4 else axis


def _beside(value: Any, rank: int) -> Any:
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


def _binary(name: str) -> Callable[..., Any]:
    def apply(run: Run, node: Any, _: dict[str, Any]) -> Any:
        import tensorflow as tf

        first, second = run.get(node, 0), run.get(node, 1)
        rank = max(len(first.shape), len(second.shape))
        return getattr(tf.math, name)(_beside(first, rank), _beside(second, rank))

    return apply


def _plain(name: str) -> Callable[..., Any]:
    def apply(run: Run, node: Any, _: dict[str, Any]) -> Any:
        import tensorflow as tf

        module = tf.nn if hasattr(tf.nn, name) else tf.math
        return getattr(module, name)(run.get(node, 0))

    return apply


def _same(run: Run, node: Any, _: dict[str, Any]) -> Any:
    return run.get(node, 0)


def _pads(run: Run, node: Any, given: dict[str, Any], x: Any, kernel: list[int]) -> tuple[str, list[list[int]]]:
    """TensorFlow's padding: "SAME" where that means the same, else "VALID" and what is to be padded before."""
    strides, dilations = given.get("strides", [1, 1]), given.get("dilations", [1, 1])
    auto = given.get("auto_pad", b"NOTSET").decode()
    if auto in ("SAME_UPPER", "VALID"):
        return auto[:5].rstrip("_"), []
    if auto == "SAME_LOWER":
        raise run.refuse(node, "pads before rather than after (SAME_LOWER)")
    pads = list(given.get("pads", [0, 0, 0, 0]))
    if not any(pads):
        return "VALID", []
    same = []
    for side, length, stride, dilation in zip(x.shape[1:3], kernel, strides, dilations, strict=True):
        total = max((-(-side // stride) - 1) * stride + (length - 1) * dilation + 1 - side, 0)
        same.append((total // 2, total - total // 2))
    if [same[0][0], same[1][0], same[0][1], same[1][1]] == pads:
        return "SAME", []
    return "VALID", [[0, 0], [pads[0], pads[2]], [pads[1], pads[3]], [0, 0]]


def _conv(run: Run, node: Any, given: dict[str, Any]) -> Any:
    import tensorflow as tf

    x, weights, bias = run.get(node, 0), run.constant(node, 1), run.constant(node, 2)
    if weights is None or weights.ndim != 4:
        raise run.refuse(node, "is no convolution of pictures")
    groups, inside = given.get("group", 1), int(x.shape[3])
    padding, pads = _pads(run, node, given, x, list(weights.shape[2:]))
    strides, dilations = list(given.get("strides", [1, 1])), list(given.get("dilations", [1, 1]))
    x = tf.pad(x, pads) if pads else x
    if groups == 1:
        x = tf.nn.conv2d(x, weights.transpose(2, 3, 1, 0), strides, padding, dilations=dilations)
    elif groups == inside and weights.shape[1] == 1:
        kernel = weights.reshape(inside, -1, *weights.shape[2:]).transpose(2, 3, 0, 1)
        x = tf.nn.depthwise_conv2d(x, kernel, [1, *strides, 1], padding, dilations=dilations)
    else:
        parts = zip(tf.split(x, groups, 3), np.split(weights, groups), strict=True)
        x = tf.concat(
            [tf.nn.conv2d(a, w.transpose(2, 3, 1, 0), strides, padding, dilations=dilations) for a, w in parts], 3
        )
    return x if bias is None else tf.nn.bias_add(x, bias)


def _norm(run: Run, node: Any, given: dict[str, Any]) -> Any:
    x = run.get(node, 0)
    scale, offset, mean, variance = (run.constant(node, at) for at in (1, 2, 3, 4))
    factor = np.asarray(scale / np.sqrt(variance + given.get("epsilon", 1e-5)), np.float32)
    shift = np.asarray(offset - mean * factor, np.float32)
    return x * factor + shift  # both lie along the channels, our last axis


def _pool(run: Run, node: Any, given: dict[str, Any]) -> Any:
    import tensorflow as tf

    x, kernel = run.get(node, 0), list(given["kernel_shape"])
    padding, pads = _pads(run, node, given, x, kernel)
    if given.get("ceil_mode") and any(
        (side + sum(pad) - length) % stride
        for side, pad, length, stride in zip(
            x.shape[1:3], (pads or [[0, 0]] * 4)[1:3], kernel, given.get("strides", [1, 1]), strict=True
        )
    ):
        raise run.refuse(node, "rounds up (ceil_mode)")
    highest = node.op_type == "MaxPool"
    if pads and highest and run.made_by[node.input[0]].op_type not in AT_LEAST_ZERO:
        raise run.refuse(node, "pads values that may be negative")  # zeros would win
    if pads and not highest and not given.get("count_include_pad", 0):
        raise run.refuse(node, "leaves out its padding (count_include_pad=0)")
    if padding == "SAME" and not highest and given.get("count_include_pad", 0):
        raise run.refuse(node, "counts its padding (count_include_pad=1)")
    x = tf.pad(x, pads) if pads else x
    pool = tf.nn.max_pool2d if highest else tf.nn.avg_pool2d
    return pool(x, kernel, list(given.get("strides", [1, 1])), padding)


def _reduce(name: str) -> Callable[..., Any]:
    def apply(run: Run, node: Any, given: dict[str, Any]) -> Any:
        import tensorflow as tf

        x, axes = run.get(node, 0), given.get("axes")
        if node.op_type.startswith("Global"):
            axes, keep = (2, 3), True
        else:
            axes = run.constant(node, 1) if axes is None else axes
            keep = bool(given.get("keepdims", 1))
        axes = range(1, len(x.shape)) if axes is None else [int(a) for a in axes]
        places = [_axis(x, a) for a in axes]
        if not keep and len(x.shape) == 4 and len(places) == 1 and places != [3]:
            x = _in_onnx(x)
            places = [int(a) % 4 for a in axes]
        return getattr(tf, name)(x, places, keepdims=keep)

    return apply


def _in_onnx(x: Any) -> Any:
    """A value in ONNX's order of axes; a map of one pixel needs no moving."""
    import tensorflow as tf

    if len(x.shape) != 4:
        return x
    batch, height, width, channels = x.shape
    if height == width == 1:
        return tf.reshape(x, [-1 if batch is None else batch, channels, 1, 1])
    return tf.transpose(x, TO_ONNX)


def _stored(x: Any) -> Any:
    import tensorflow as tf

    if len(x.shape) != 4:
        return x
    if x.shape[2] == x.shape[3] == 1:
        return tf.reshape(x, [-1 if x.shape[0] is None else x.shape[0], 1, 1, x.shape[1]])
    return tf.transpose(x, TO_OURS)


def _reshaped(x: Any, sides: list[int]) -> Any:
    """`x` with the sides that ONNX wants; what an exporter wrote for one picture holds for a batch."""
    import tensorflow as tf

    whole = [-1 if side is None else int(side) for side in sides_of(x)]
    sides = [whole[at] if side == 0 else side for at, side in enumerate(sides)]
    each = int(np.prod(whole[1:]))
    known = int(np.prod([side for side in sides[1:] if side > 0]))
    if -1 in sides[1:] and sides[0] in (-1, 1):
        sides = [side if side > 0 else each // known for side in sides[1:]]
        sides = [-1, *sides]
    elif known == each:
        sides = [-1, *sides[1:]]
    return _stored(tf.reshape(_in_onnx(x), sides))


def _reshape(run: Run, node: Any, given: dict[str, Any]) -> Any:
    sides = run.constant(node, 1) if len(node.input) > 1 else np.asarray(given["shape"])
    assert sides is not None
    return _reshaped(run.get(node, 0), [int(side) for side in sides])


def _flatten(run: Run, node: Any, given: dict[str, Any]) -> Any:
    if given.get("axis", 1) != 1:
        raise run.refuse(node, "flattens the batch")
    return _reshaped(run.get(node, 0), [-1, int(np.prod(sides_of(run.get(node, 0))[1:]))])


def _squeeze(run: Run, node: Any, given: dict[str, Any]) -> Any:
    x = run.get(node, 0)
    sides, axes = sides_of(x).tolist(), given.get("axes")
    axes = run.constant(node, 1) if axes is None else axes
    axes = (
        [at for at, side in enumerate(sides) if side == 1 and at]
        if axes is None
        else [int(a) % len(sides) for a in axes]
    )
    return _reshaped(x, [side for at, side in enumerate(sides) if at not in axes])


def _unsqueeze(run: Run, node: Any, given: dict[str, Any]) -> Any:
    x, axes = run.get(node, 0), given.get("axes")
    axes = run.constant(node, 1) if axes is None else axes
    sides = sides_of(x).tolist()
    rank = len(sides) + len(axes)
    for axis in sorted(int(a) % rank for a in axes):
        sides.insert(axis, 1)
    return _reshaped(x, sides)


def _transpose(run: Run, node: Any, given: dict[str, Any]) -> Any:
    import tensorflow as tf

    x = run.get(node, 0)
    order = list(given.get("perm", reversed(range(len(x.shape)))))
    if len(order) == 4:  # in our storage: back to ONNX's axes, turned, and stored again
        turned = [TO_ONNX[order[at]] for at in TO_OURS]
        return x if turned == [0, 1, 2, 3] else tf.transpose(x, turned)
    return tf.transpose(x, order)


def _gemm(run: Run, node: Any, given: dict[str, Any]) -> Any:
    import tensorflow as tf

    x, weights, bias = run.get(node, 0), run.constant(node, 1), run.constant(node, 2)
    assert weights is not None
    if given.get("transA"):
        raise run.refuse(node, "turns its input")
    weights = (weights.T if given.get("transB") else weights) * np.float32(given.get("alpha", 1.0))
    x = tf.matmul(x, np.asarray(weights, np.float32))
    if bias is None:
        return x
    return tf.nn.bias_add(x, np.broadcast_to(bias * np.float32(given.get("beta", 1.0)), (weights.shape[1],)))


def _matmul(run: Run, node: Any, _: dict[str, Any]) -> Any:
    import tensorflow as tf

    x, weights = run.get(node, 0), run.constant(node, 1)
    if len(x.shape) != 2:
        raise run.refuse(node, f"multiplies {len(x.shape)} axes")
    return tf.matmul(x, weights)


def _concat(run: Run, node: Any, given: dict[str, Any]) -> Any:
    import tensorflow as tf

    parts = [run.values[name] for name in node.input]
    rank = max(len(part.shape) for part in parts)
    parts = [_beside(part, rank) for part in parts]
    return tf.concat(parts, _axis(parts[0], given["axis"]))


def _clip(run: Run, node: Any, given: dict[str, Any]) -> Any:
    import tensorflow as tf

    low, high = (
        given.get(key) if run.constant(node, at) is None else float(np.asarray(run.constant(node, at)).reshape(()))
        for at, key in ((1, "min"), (2, "max"))
    )
    x = run.get(node, 0)
    if low == 0 and high == 6:
        return tf.nn.relu6(x)
    x = x if low is None else tf.nn.relu(x) if low == 0 else tf.maximum(x, low)
    return x if high is None else tf.minimum(x, high)


def _leaky(run: Run, node: Any, given: dict[str, Any]) -> Any:
    import tensorflow as tf

    return tf.nn.leaky_relu(run.get(node, 0), given.get("alpha", 0.01))


def _prelu(run: Run, node: Any, _: dict[str, Any]) -> Any:
    import tensorflow as tf

    x, slope = run.get(node, 0), run.constant(node, 1)
    return tf.nn.relu(x) - _beside(slope, len(x.shape)) * tf.nn.relu(-x)


def _elu(run: Run, node: Any, given: dict[str, Any]) -> Any:
    import tensorflow as tf

    if given.get("alpha", 1.0) != 1.0:
        raise run.refuse(node, "has another alpha than 1")
    return tf.nn.elu(run.get(node, 0))


def _hard_sigmoid(run: Run, node: Any, given: dict[str, Any]) -> Any:
    import tensorflow as tf

    alpha, beta = given.get("alpha", 0.2), given.get("beta", 0.5)
    return tf.minimum(tf.nn.relu(run.get(node, 0) * alpha + beta), 1.0)


def _hard_swish(run: Run, node: Any, _: dict[str, Any]) -> Any:
    import tensorflow as tf

    x = run.get(node, 0)
    return x * tf.nn.relu6(x + 3.0) * np.float32(1 / 6)


def _softmax(run: Run, node: Any, given: dict[str, Any]) -> Any:
    import tensorflow as tf

    x = run.get(node, 0)
    axis = given.get("axis", -1 if run.opset >= 13 else 1)
    kind = tf.nn.softmax if node.op_type == "Softmax" else tf.nn.log_softmax
    return kind(x, _axis(x, axis))


def _pad(run: Run, node: Any, given: dict[str, Any]) -> Any:
    import tensorflow as tf

    x, pads = run.get(node, 0), given.get("pads")
    pads = run.constant(node, 1) if pads is None else np.asarray(pads)
    value = run.constant(node, 2)
    mode = given.get("mode", b"constant").decode()
    if len(x.shape) != 4 or mode not in ("constant", "reflect") or (value is not None and np.any(value)):
        raise run.refuse(node, f"pads in a way ({mode}) that is not known here")
    both = [[int(a), int(b)] for a, b in zip(pads[:4], pads[4:], strict=True)]
    return tf.pad(x, [both[at] for at in TO_OURS], mode.upper())


def _power(run: Run, node: Any, _: dict[str, Any]) -> Any:
    x, power = run.get(node, 0), run.constant(node, 1)
    if power is None or power.size != 1 or float(power.reshape(())) != 2:
        raise run.refuse(node, "raises to another power than 2")
    return x * x


FOLDED = {"Constant", "ConstantOfShape", "Shape", "Gather", "Slice", "Range", "Equal", "Where", "Expand"}
"""Operators that may stand in the file as long as they have nothing to do with the picture's content."""

OPERATORS: dict[str, Callable[[Run, Any, dict[str, Any]], Any]] = {
    "Add": _binary("add"), "Sub": _binary("subtract"), "Mul": _binary("multiply"), "Div": _binary("divide"),
    "Max": _binary("maximum"), "Min": _binary("minimum"), "Pow": _power, "Sqrt": _plain("sqrt"), "Exp": _plain("exp"),
    "Abs": _plain("abs"), "Neg": _plain("negative"), "Relu": _plain("relu"), "Sigmoid": _plain("sigmoid"),
    "Tanh": _plain("tanh"), "LeakyRelu": _leaky, "PRelu": _prelu, "Elu": _elu, "Clip": _clip,
    "HardSigmoid": _hard_sigmoid, "HardSwish": _hard_swish, "Softmax": _softmax, "LogSoftmax": _softmax,
    "Conv": _conv, "BatchNormalization": _norm, "MaxPool": _pool, "AveragePool": _pool,
    "GlobalAveragePool": _reduce("reduce_mean"), "GlobalMaxPool": _reduce("reduce_max"),
    "ReduceMean": _reduce("reduce_mean"), "ReduceMax": _reduce("reduce_max"), "ReduceSum": _reduce("reduce_sum"),
    "Gemm": _gemm, "MatMul": _matmul, "Flatten": _flatten, "Reshape": _reshape, "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze, "Transpose": _transpose, "Concat": _concat, "Pad": _pad,
    "Identity": _same, "Dropout": _same, "Cast": _same,
}  # fmt: skip
