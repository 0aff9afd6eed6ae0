"""ONNX's operators in TensorFlow's terms, for rebuild.py: one function each, and the table of them all.

This module has the arithmetic. maps.py has the operators on maps of features, shapes.py those that only move values.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tools.quantising.from_onnx import maps, shapes
from tools.quantising.from_onnx.layout import Run, axis_of, beside


def _binary(name: str) -> Callable[..., Any]:
    def apply(run: Run, node: Any, _: dict[str, Any]) -> Any:
        import tensorflow as tf

        first, second = run.get(node, 0), run.get(node, 1)
        rank = max(len(first.shape), len(second.shape))
        return getattr(tf.math, name)(beside(first, rank), beside(second, rank))

    return apply


def _plain(name: str) -> Callable[..., Any]:
    def apply(run: Run, node: Any, _: dict[str, Any]) -> Any:
        import tensorflow as tf

        module = tf.nn if hasattr(tf.nn, name) else tf.math
        return getattr(module, name)(run.get(node, 0))

    return apply


def _same(run: Run, node: Any, _: dict[str, Any]) -> Any:
    return run.get(node, 0)


def _reduce(name: str) -> Callable[..., Any]:
    def apply(run: Run, node: Any, given: dict[str, Any]) -> Any:
        import tensorflow as tf

        x, keep = run.get(node, 0), bool(given.get("keepdims", 1))
        axes = [2, 3] if node.op_type.startswith("Global") else run.axes(node, given)
        axes = list(range(1, len(x.shape))) if axes is None else axes
        found = getattr(tf, name)(x, [axis_of(x, axis) for axis in axes], keepdims=True)
        return found if keep else shapes.without(found, axes)

    return apply


def _gemm(run: Run, node: Any, given: dict[str, Any]) -> Any:
    import tensorflow as tf

    x, weights, bias = run.get(node, 0), run.constant(node, 1), run.constant(node, 2)
    assert weights is not None
    if given.get("transA"):
        raise run.refuse(node, "transposes its input")
    weights = (weights.T if given.get("transB") else weights) * np.float32(given.get("alpha", 1.0))
    x = tf.matmul(x, np.asarray(weights, np.float32))
    if bias is None:
        return x
    return tf.nn.bias_add(x, np.broadcast_to(bias * np.float32(given.get("beta", 1.0)), (weights.shape[1],)))


def _matmul(run: Run, node: Any, _: dict[str, Any]) -> Any:
    import tensorflow as tf

    x, weights = run.get(node, 0), run.constant(node, 1)
    if len(x.shape) != 2:
        raise run.refuse(node, f"multiplies values of {len(x.shape)} axes, where 2 are possible")
    return tf.matmul(x, weights)


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
    return tf.nn.relu(x) - beside(slope, len(x.shape)) * tf.nn.relu(-x)


def _elu(run: Run, node: Any, given: dict[str, Any]) -> Any:
    import tensorflow as tf

    if given.get("alpha", 1.0) != 1.0:
        raise run.refuse(node, "has an alpha other than 1")
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
    return kind(x, axis_of(x, axis))


def _power(run: Run, node: Any, _: dict[str, Any]) -> Any:
    x, power = run.get(node, 0), run.constant(node, 1)
    if power is None or power.size != 1 or float(power.reshape(())) != 2:
        raise run.refuse(node, "raises to a power other than 2")
    return x * x


FOLDED = {"Constant", "ConstantOfShape", "Shape", "Gather", "Slice", "Range", "Equal", "Where", "Expand"}
"""Operators that the tool accepts as long as they do not depend on the pixels."""

OPERATORS: dict[str, Callable[[Run, Any, dict[str, Any]], Any]] = {
    "Add": _binary("add"), "Sub": _binary("subtract"), "Mul": _binary("multiply"), "Div": _binary("divide"),
    "Max": _binary("maximum"), "Min": _binary("minimum"), "Pow": _power, "Sqrt": _plain("sqrt"), "Exp": _plain("exp"),
    "Abs": _plain("abs"), "Neg": _plain("negative"), "Relu": _plain("relu"), "Sigmoid": _plain("sigmoid"),
    "Tanh": _plain("tanh"), "LeakyRelu": _leaky, "PRelu": _prelu, "Elu": _elu, "Clip": _clip,
    "HardSigmoid": _hard_sigmoid, "HardSwish": _hard_swish, "Softmax": _softmax, "LogSoftmax": _softmax,
    "Conv": maps.conv, "BatchNormalization": maps.norm, "MaxPool": maps.pool, "AveragePool": maps.pool,
    "GlobalAveragePool": _reduce("reduce_mean"), "GlobalMaxPool": _reduce("reduce_max"),
    "ReduceMean": _reduce("reduce_mean"), "ReduceMax": _reduce("reduce_max"), "ReduceSum": _reduce("reduce_sum"),
    "Gemm": _gemm, "MatMul": _matmul, "Flatten": shapes.flatten, "Reshape": shapes.reshape, "Squeeze": shapes.squeeze,
    "Unsqueeze": shapes.unsqueeze, "Transpose": shapes.transpose, "Concat": shapes.concat, "Pad": maps.pad,
    "Identity": _same, "Dropout": _same, "Cast": _same,
}  # fmt: skip
