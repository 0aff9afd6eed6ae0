"""Wrap a float model into the one shape that the device runs: gray pixels 0..255 [1, 48, 48, 1] to one logit a label.

The graph itself absorbs what differs between models, at little cost, so that the device needs no options: another input
size (bilinear resizing); the scale of the pixels and gray in three channels (one 1x1 convolution, whose bias carries
the offset exactly); a softmax or sigmoid at the end (removed: int8 has too few steps for probabilities, and the device
has its own); and outputs that mean the same emotion or none.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from device.perception.crop import SIDE_PX
from tools.model import convert
from tools.quantising.labels import Outputs
from tools.quantising.refusal import Mistake
from tools.quantising.source import Source, quiet

ENDS = ("Softmax", "LogSoftmax", "Sigmoid")
PASSING = ("Identity", "StopGradient", "Reshape", "Squeeze")
IN, OUT = "pixels", "logits"


@dataclass(frozen=True, slots=True)
class Scale:
    """How pixels 0..255 are scaled for the model: `pixel * factor + offset`, for each channel."""

    name: str
    factor: tuple[float, ...]
    offset: tuple[float, ...]


def _scale(name: str, black: float, white: float) -> Scale:
    return Scale(name, ((white - black) / 255,), (black,))


def _normalised(name: str, mean: tuple[float, ...], deviation: tuple[float, ...]) -> Scale:
    pairs = list(zip(mean, deviation, strict=True))
    return Scale(name, tuple(1 / 255 / d for _, d in pairs), tuple(-m / d for m, d in pairs))


SCALES = {
    scale.name: scale
    for scale in (
        _scale("0..255", 0, 255),
        _scale("0..1", 0, 1),
        _scale("-1..1", -1, 1),
        _normalised("imagenet", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    )
}


def read_scale(text: str) -> Scale:
    """One of `SCALES`, or MEAN/STD in units of 0..1 such as `0.5/0.25`; raises Mistake."""
    if text in SCALES:
        return SCALES[text]
    try:
        mean, deviation = (tuple(float(part) for part in side.split(",")) for side in text.split("/"))
        if len(mean) not in (1, 3) or not all(map(math.isfinite, mean)) or not all(0 < d < math.inf for d in deviation):
            raise ValueError("no means and deviations of 1 or 3 channels")
        return _normalised(text, mean, deviation)
    except ValueError as error:
        raise Mistake(
            f"--pixels {text} is none of auto, {', '.join(SCALES)}, or MEAN/STD in units of 0..1, such as 0.5/0.25."
        ) from error


def fitting(source: Source) -> list[Scale]:
    """The scales that this model can take."""
    return [scale for scale in SCALES.values() if len(scale.factor) in (1, source.channels)]


@dataclass(frozen=True, slots=True)
class Graph:
    """A frozen graph from `input` to `output`; `batch` is None if it takes any number of faces at once."""

    definition: Any
    input: str
    output: str
    batch: int | None

    def call(self, x: Any) -> Any:
        import tensorflow as tf

        [found] = tf.graph_util.import_graph_def(self.definition, {self.input: x}, [self.output], name="")
        return found


def freeze(function: Callable[[Any], Any], shape: tuple[int | None, ...]) -> Graph:
    """Trace and freeze: every variable becomes a constant. The batch is open if the model allows it, else one face."""
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    def trace(batch: int | None) -> Graph:
        spec = tf.TensorSpec((batch, *shape), tf.float32, name=IN)
        traced = tf.function(function, autograph=False).get_concrete_function(spec)
        frozen = convert_variables_to_constants_v2(traced)
        return Graph(frozen.graph.as_graph_def(), frozen.inputs[0].name, frozen.outputs[0].name, batch)

    with quiet():
        try:
            return trace(None)
        except Mistake:
            raise
        except Exception:  # shapes fixed to one picture
            return trace(1)


def core(source: Source) -> Graph:
    """The frozen model, without a softmax or sigmoid at its end; raises Mistake if TensorFlow cannot trace it."""
    try:
        graph = freeze(source.call, (*source.side, source.channels))
    except Mistake:
        raise
    except Exception as error:
        said = str(error).strip().splitlines()
        raise Mistake(
            f"TensorFlow cannot trace the model {source.path} ({said[0][:160] if said else type(error).__name__}); "
            "check that it runs on one picture, and export it again."
        ) from error
    nodes = {node.name: node for node in graph.definition.node}
    at = graph.output.split(":")[0]
    while nodes[at].op in PASSING:
        at = _input(nodes[at])
    if nodes[at].op not in ENDS:
        return graph
    return Graph(graph.definition, graph.input, f"{_input(nodes[at])}:0", graph.batch)


def _input(node: Any) -> str:
    return str(node.input[0]).split(":")[0]


def whole(source: Source, inside: Graph, scale: Scale, outputs: Outputs) -> Graph:
    """Pixels to logits in the order of `outputs.labels`."""
    import tensorflow as tf

    def function(pixels: Any) -> Any:
        found = tf.reshape(inside.call(_enter(pixels, source, scale)), (-1, source.classes))
        if outputs.untouched:
            return found
        return tf.concat([_highest(found, group) for group in outputs.groups], 1)

    return freeze(function, (SIDE_PX, SIDE_PX, 1))


def _enter(pixels: Any, source: Source, scale: Scale) -> Any:
    import tensorflow as tf

    x = pixels
    if source.side != (SIDE_PX, SIDE_PX):
        x = tf.image.resize(x, source.side)
    factor = np.broadcast_to(np.float32(scale.factor), (source.channels,))
    offset = np.broadcast_to(np.float32(scale.offset), (source.channels,))
    if source.channels == 1 and factor[0] == 1 and offset[0] == 0:
        return x
    return tf.nn.bias_add(tf.nn.conv2d(x, factor.reshape(1, 1, 1, -1), 1, "VALID"), offset)


def _highest(found: Any, group: tuple[int, ...]) -> Any:
    import tensorflow as tf

    columns = [found[:, at : at + 1] for at in group]
    while len(columns) > 1:
        columns[:2] = [tf.maximum(columns[0], columns[1])]
    return columns[0]


def fixed(graph: Graph) -> Any:
    """The graph as a concrete function of one face, for the converter."""
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    spec = tf.TensorSpec((1, SIDE_PX, SIDE_PX, 1), tf.float32, name=IN)
    with quiet():
        return convert_variables_to_constants_v2(tf.function(graph.call, autograph=False).get_concrete_function(spec))


def outputs_of(graph: Graph, x: np.ndarray) -> np.ndarray:
    """The outputs of a graph for a float32 batch."""
    import tensorflow as tf

    run = tf.function(graph.call, autograph=False)
    size = graph.batch or 64
    with quiet():
        rows = [run(tf.constant(x[at : at + size], tf.float32)).numpy() for at in range(0, len(x), size)]
    return np.concatenate([row.reshape(min(size, len(row)), -1) for row in rows])


def check_logits(found: np.ndarray, source: Source) -> None:
    """Raise Mistake for probabilities whose softmax is still inside, and for outputs that are not finite."""
    if not np.isfinite(found).all():
        raise Mistake(
            f"The model {source.path} answers with NaN or infinite values; check its weights on your own pictures."
        )
    if (found >= 0).all() and np.allclose(found.sum(1), 1, atol=1e-3):
        raise Mistake(
            f"The model {source.path} answers with probabilities, for which eight bits are too few, and its softmax is "
            "not the last operation; end the model in logits, or in a softmax."
        )


def to_float(graph: Graph) -> bytes:
    """The float32 .tflite to compare with."""
    import tensorflow as tf

    return _converted(lambda: tf.lite.TFLiteConverter.from_concrete_functions([fixed(graph)]).convert())


def to_int8(graph: Graph, crops: np.ndarray, watch: Callable[[Iterable[np.ndarray]], Iterator[np.ndarray]]) -> bytes:
    """The full-int8 .tflite, with ranges from `crops` uint8 [n, 48, 48] and their mirror images.

    Two corners of the first crop become black and white, so that the input keeps all 256 grays even for a dim set.
    """
    pairs = np.stack([crops, crops[:, :, ::-1]], 1).reshape(-1, 1, SIDE_PX, SIDE_PX, 1).astype(np.float32)
    pairs[0, 0, 0, 0], pairs[0, 0, -1, -1] = 0, 255
    return _converted(lambda: convert.quantise(fixed(graph), watch(pairs)))


def _converted(work: Callable[[], Any]) -> bytes:
    try:
        with quiet():
            return bytes(work())
    except Exception as error:
        raise Mistake(_unsupported(str(error))) from error


def _unsupported(said: str) -> str:
    names = sorted(set(re.findall(r"(?:tf\.|Flex)([A-Z]\w+)", said)) - {"Lite"})
    if names:
        return (
            f"TFLite has no full-int8 form of the model's operators {', '.join(names)}; replace them with convolution, "
            "pooling, addition, ReLU and the like, and train again."
        )
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    reason = lines[0][:200] if lines else "no reason given"
    return f"TensorFlow cannot convert the model ({reason}); build it from plainer layers."
