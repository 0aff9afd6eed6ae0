"""ONNX's operators on maps of features, in TensorFlow's terms: convolution, batch norm, pooling, and their padding.

Each function takes a pass, a node and its attributes, and returns the node's value. It raises Mistake for a case that
it cannot convert.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tools.quantising.from_onnx.layout import TO_OURS, Run

NEVER_NEGATIVE = ("Relu", "Sigmoid", "HardSigmoid", "Softmax")


def _pads(run: Run, node: Any, given: dict[str, Any], x: Any, kernel: list[int]) -> tuple[str, list[list[int]]]:
    """TensorFlow's padding: "SAME" where that is equal, else "VALID" and the padding to do first."""
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


def conv(run: Run, node: Any, given: dict[str, Any]) -> Any:
    import tensorflow as tf

    x, weights, bias = run.get(node, 0), run.constant(node, 1), run.constant(node, 2)
    if weights is None or weights.ndim != 4:
        raise run.refuse(node, "does not convolve pictures")
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


def norm(run: Run, node: Any, given: dict[str, Any]) -> Any:
    x = run.get(node, 0)
    scale, offset, mean, variance = (run.constant(node, at) for at in (1, 2, 3, 4))
    factor = np.asarray(scale / np.sqrt(variance + given.get("epsilon", 1e-5)), np.float32)
    shift = np.asarray(offset - mean * factor, np.float32)
    return x * factor + shift  # along the channels, the last stored axis


def pool(run: Run, node: Any, given: dict[str, Any]) -> Any:
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
    mode = "CONSTANT"
    if pads and highest and run.made_by[node.input[0]] not in NEVER_NEGATIVE:
        mode = "SYMMETRIC"  # zeros would win over negative values; mirrored ones are in the same window already
        if any(2 * max(pair) > length for pair, length in zip(pads[1:3], kernel, strict=True)):
            raise run.refuse(node, "pads by more than half of its kernel")
    if pads and not highest and not given.get("count_include_pad", 0):
        raise run.refuse(node, "leaves out its padding (count_include_pad=0)")
    if padding == "SAME" and not highest and given.get("count_include_pad", 0):
        raise run.refuse(node, "counts its padding (count_include_pad=1)")
    x = tf.pad(x, pads, mode) if pads else x
    kind = tf.nn.max_pool2d if highest else tf.nn.avg_pool2d
    return kind(x, kernel, list(given.get("strides", [1, 1])), padding)


def pad(run: Run, node: Any, given: dict[str, Any]) -> Any:
    import tensorflow as tf

    x, pads = run.get(node, 0), given.get("pads")
    pads = run.constant(node, 1) if pads is None else np.asarray(pads)
    value = run.constant(node, 2)
    mode = given.get("mode", b"constant").decode()
    if len(x.shape) != 4 or mode not in ("constant", "reflect") or (value is not None and np.any(value)):
        raise run.refuse(node, f"pads in a way that the tool does not know ({mode})")
    both = [[int(a), int(b)] for a, b in zip(pads[:4], pads[4:], strict=True)]
    return tf.pad(x, [both[at] for at in TO_OURS], mode.upper())
