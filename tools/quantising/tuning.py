"""Quantisation-aware fine-tuning for `--qat`: train the network with int8's rounding, so that its weights adapt to it.

It works on the frozen graph, so for Keras, SavedModel and ONNX alike. Weights become variables, rounded as the
converter rounds them: symmetric, one scale for each output channel, or one scale for a dense layer. TensorFlow's
fake-quant operator rounds the results of layers, with their ranges on the calibration faces. Gradients pass through the
rounding (Jacob et al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference",
CVPR 2018). The network learns from the float model on the same faces: this distillation needs no labels and cannot leak
the validation set. The epoch with the lowest divergence on held-out faces wins. If none beats the start, the weights
stay the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tools.quantising.graph import Graph
from tools.quantising.source import quiet

WEIGHED = {"Conv2D": (0, 1, 2), "DepthwiseConv2dNative": (0, 1), "MatMul": (0, 1)}
"""Operators with weights, and the axes of these that share a scale."""

FUSED = ("BiasAdd", "FusedBatchNormV3", "Relu", "Relu6")
LINEAR = ("Mul", "AddV2", "Add", "Sub")
MOVING = (
    "Identity",
    "Reshape",
    "Squeeze",
    "Transpose",
    "MaxPool",
    "Pad",
    "PadV2",
    "MirrorPad",
    "ExpandDims",
    "StridedSlice",
    "Shape",
)
"""Operators that only move values, so that results keep the scale of their input."""

BATCH = 64
FEWEST_STEPS = 60  # in an epoch
RATE = 4e-3  # of the size of each weight
HELD_OUT = 8  # one face of this many


@dataclass(frozen=True, slots=True)
class Tuned:
    """The graph with its new weights, and the divergence from the float model before and after, in nats a face."""

    graph: Graph
    before: float
    after: float
    epochs: int


def tune(graph: Graph, crops: np.ndarray, epochs: int, count: Callable[[int], None], seed: int = 1) -> Tuned:
    """Fine-tune on uint8 [n, 48, 48]; calls `count` with the number of steps done."""
    import tensorflow as tf

    random = np.random.default_rng(seed)
    faces = crops[random.permutation(len(crops))][..., None].astype(np.float32)
    held_out = max(1, len(faces) // HELD_OUT)
    judged, learnt = faces[:held_out], faces[held_out:]
    with quiet():
        student = Student.of(graph, judged if len(judged) >= BATCH else faces[:BATCH])
    rounds = -(-FEWEST_STEPS * BATCH // len(learnt))  # an epoch repeats a small set several times
    step, divergence = student.steps(max(1, epochs * -(-len(learnt) * rounds // BATCH)))
    before = best = _mean(divergence, judged, graph.batch)
    kept = [variable.numpy() for variable in student.variables]
    done = 0
    for _ in range(epochs):
        order = np.concatenate([random.permutation(len(learnt)) for _ in range(rounds)])
        for at in range(0, len(order), BATCH):
            done += 1
            count(done)
            batch = learnt[order[at : at + BATCH]]
            batch = np.where(random.random((len(batch), 1, 1, 1)) < 0.5, batch[:, :, ::-1], batch)
            for part in _parts(batch, graph.batch):
                step(tf.constant(part))
        now = _mean(divergence, judged, graph.batch)
        if now < best:
            best, kept = now, [variable.numpy() for variable in student.variables]
    for variable, value in zip(student.variables, kept, strict=True):
        variable.assign(value)
    return Tuned(student.graph_with_weights(), before, best, epochs)


def _parts(batch: np.ndarray, size: int | None) -> list[np.ndarray]:
    return [batch] if size is None else [batch[at : at + size] for at in range(0, len(batch), size)]


def _mean(divergence: Any, faces: np.ndarray, size: int | None) -> float:
    parts = [part for at in range(0, len(faces), BATCH) for part in _parts(faces[at : at + BATCH], size)]
    return float(np.average([float(divergence(part)) for part in parts], weights=[len(part) for part in parts]))


@dataclass(slots=True)
class Student:
    """The graph with fake quantisation inside, and variables in place of its weights."""

    graph: Graph
    rounded: Graph
    constants: dict[str, np.ndarray]
    shared: dict[str, tuple[int, ...]]
    variables: list[Any]

    @classmethod
    def of(cls, graph: Graph, faces: np.ndarray) -> Student:
        import tensorflow as tf

        nodes = {node.name: node for node in graph.definition.node}
        constants, shared = {}, {}
        for node in nodes.values():
            if node.op in (*WEIGHED, "BiasAdd"):
                name = _constant(nodes, node.input[1])
                if name:
                    constants[name] = tf.make_ndarray(nodes[name].attr["value"].tensor)
                    shared[name] = WEIGHED.get(node.op, ())
        rounded = _with_rounding(graph, nodes, faces)
        variables = [tf.Variable(np.zeros_like(value)) for value in constants.values()]
        return cls(graph, rounded, constants, shared, variables)

    def weights(self) -> dict[str, Any]:
        """The present value of each weight; its variable holds the change, in units of the size of its first value."""
        return {
            name: value + variable * _unit(value)
            for (name, value), variable in zip(self.constants.items(), self.variables, strict=True)
        }

    def logits(self, x: Any) -> Any:
        import tensorflow as tf

        given = {f"{name}:0": _round(value, self.shared[name]) for name, value in self.weights().items()}
        given[self.rounded.input] = x
        [found] = tf.graph_util.import_graph_def(self.rounded.definition, given, [self.rounded.output], name="")
        return found

    def steps(self, total: int) -> tuple[Any, Any]:
        """A training step, and the divergence of a batch; Adam (Kingma & Ba 2015) with a rate that falls to zero."""
        import tensorflow as tf

        first, second = ([tf.Variable(tf.zeros_like(v)) for v in self.variables] for _ in range(2))
        count = tf.Variable(0.0)

        @tf.function(autograph=False)
        def divergence(x: Any) -> Any:
            teacher, own = tf.nn.log_softmax(self.graph.call(x)), tf.nn.log_softmax(self.logits(x))
            return tf.reduce_mean(tf.reduce_sum(tf.exp(teacher) * (teacher - own), -1))

        @tf.function(autograph=False)
        def step(x: Any) -> None:
            with tf.GradientTape() as tape:
                loss = divergence(x)
            count.assign_add(1.0)
            rate = RATE * 0.5 * (1 + tf.cos(np.pi * tf.minimum(count / total, 1.0)))
            gradients = tape.gradient(loss, self.variables)
            for variable, gradient, mean, square in zip(self.variables, gradients, first, second, strict=True):
                if gradient is not None:
                    mean.assign(0.9 * mean + 0.1 * gradient)
                    square.assign(0.999 * square + 0.001 * gradient**2)
                    steady = tf.sqrt(square / (1 - 0.999**count)) + 1e-8
                    variable.assign_sub(rate * mean / (1 - 0.9**count) / steady)

        return step, divergence

    def graph_with_weights(self) -> Graph:
        import tensorflow as tf

        definition = type(self.graph.definition)()
        definition.CopyFrom(self.graph.definition)
        new = {name: np.asarray(value, np.float32) for name, value in self.weights().items()}
        for node in definition.node:
            if node.name in new:
                node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(new[node.name]))
        return replace(self.graph, definition=definition)


def _unit(value: np.ndarray) -> np.ndarray:
    """The size of a weight among its neighbours: the root mean square of each small kernel, or of each dense column.
    Channels may differ a thousandfold, and one common step would wipe out the small ones."""
    whole = np.sqrt(np.mean(value**2)) + 1e-9
    axes = {4: (0, 1), 2: (0,)}.get(value.ndim, tuple(range(value.ndim)))
    return np.asarray(np.maximum(np.sqrt(np.mean(value**2, axes, keepdims=True)), 1e-4 * whole), np.float32)


def _round(value: Any, axes: tuple[int, ...]) -> Any:
    """Round to 255 steps, with the gradient of the identity. Biases have 32 bits and stay the same."""
    import tensorflow as tf

    if not axes:
        return value
    size = tf.stop_gradient(tf.maximum(tf.reduce_max(tf.abs(value), axes, keepdims=True), 1e-9) / 127)
    return value + tf.stop_gradient(tf.round(value / size) * size - value)


def _constant(nodes: dict[str, Any], name: str) -> str | None:
    node = nodes[_plain(name)]
    while node.op == "Identity":
        node = nodes[_plain(node.input[0])]
    return str(node.name) if node.op == "Const" else None


def _plain(name: str) -> str:
    return name.lstrip("^").split(":")[0]


def _with_rounding(graph: Graph, nodes: dict[str, Any], faces: np.ndarray) -> Graph:
    """A copy with a fake-quant operator behind every result that int8 rounds."""
    ranges = _ranges(graph, _rounded_names(graph, nodes), faces)
    definition = type(graph.definition)()
    for node in graph.definition.node:
        copy = definition.node.add()
        copy.CopyFrom(node)
        for at, name in enumerate(node.input):
            if _plain(name) in ranges and not name.startswith("^"):
                copy.input[at] = f"{_plain(name)}/rounded"
    for name, (low, high) in ranges.items():
        extra = definition.node.add(name=f"{name}/rounded", op="FakeQuantWithMinMaxArgs", input=[name])
        extra.attr["min"].f, extra.attr["max"].f = low, high
        extra.attr["num_bits"].i = 8
    definition.versions.CopyFrom(graph.definition.versions)
    definition.library.CopyFrom(graph.definition.library)
    out = _plain(graph.output)
    return replace(graph, definition=definition, output=f"{out}/rounded:0" if out in ranges else graph.output)


def _rounded_names(graph: Graph, nodes: dict[str, Any]) -> list[str]:
    moving = {_plain(graph.input)}
    consumers: dict[str, list[Any]] = {}
    for node in graph.definition.node:  # frozen graphs are not always sorted
        for name in node.input:
            consumers.setdefault(_plain(name), []).append(node)
    waiting = list(moving)
    while waiting:
        for node in consumers.get(waiting.pop(), []):
            if node.name not in moving and node.op != "Shape":
                moving.add(node.name)
                waiting.append(node.name)

    def fused(node: Any) -> bool:
        users = consumers.get(node.name, [])
        if len(users) != 1 or node.op not in (*WEIGHED, *FUSED[:2], *LINEAR):
            return False
        [user] = users
        alone = sum(_plain(name) in moving for name in user.input) == 1
        return user.op in FUSED or (user.op in LINEAR and alone)

    return [
        name
        for name in sorted(moving)
        if nodes[name].op not in (*MOVING, "Placeholder", "Pack", "NoOp") and not fused(nodes[name])
    ]


def _ranges(graph: Graph, names: list[str], faces: np.ndarray) -> dict[str, tuple[float, float]]:
    import tensorflow as tf

    @tf.function(autograph=False)
    def ends(x: Any) -> Any:
        found = tf.graph_util.import_graph_def(
            graph.definition, {graph.input: x}, [f"{name}:0" for name in names], name=""
        )
        return [(tf.reduce_min(one), tf.reduce_max(one)) for one in found if one.dtype == tf.float32]

    rows = [[(float(a), float(b)) for a, b in ends(part)] for part in _parts(faces, graph.batch)]
    lows, highs = np.min(rows, 0)[:, 0], np.max(rows, 0)[:, 1]
    return {
        name: (min(float(low), 0.0), max(float(high), 0.0, float(low) + 1e-6))
        for name, low, high in zip(names, lows, highs, strict=True)
    }
