"""Does the float model fit what was said of it: the scale of its pixels, the order of its labels, its rebuilt graph?

Asked before anything is quantised, because a model that is fed the wrong way looks as if int8 had ruined it. Labelled
faces answer; where there are none, the user has to know.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from tools.labelled.emotions import EMOTIONS
from tools.quantising import graph as quantize_graph
from tools.quantising import labels
from tools.quantising.faces import Faces
from tools.quantising.graph import Graph, Scale
from tools.quantising.labels import Outputs
from tools.quantising.refusal import Mistake
from tools.quantising.samples import choose
from tools.quantising.source import Source

TRIED_FACES, FEWEST_FACES = 400, 50
GUESSING = 1.3  # a float model has to be so many times better than guessing, or something does not fit
LIKELY = 0.4  # accuracy at which another order of labels is worth a hint


def spread(faces: Faces, count: int) -> Faces:
    """At most `count` of the faces, chosen as those that set the ranges are."""
    return faces.pick(np.sort(choose(faces.crops, faces.truth, count).places)) if len(faces) > count else faces


def scale(
    source: Source,
    inside: Graph,
    outputs: Outputs,
    faces: Faces,
    watch: Callable[[Iterable[Any]], Iterable[Any]],
) -> tuple[Scale, str]:
    """The scale of the pixels with which the float model is right most often, and what to tell of it."""
    some = spread(faces.told(outputs.labels), TRIED_FACES)
    if not len(some):
        raise Mistake(
            "Faces without labels cannot tell how the model wants its pixels; say it, with --pixels 0..1 for example."
        )
    rights = {
        one.name: accuracy(quantize_graph.whole(source, inside, one, outputs), some, outputs)
        for one in watch(quantize_graph.fitting(source))
    }
    best = max(rights, key=rights.__getitem__)
    listed = ", ".join(f"{name} {right:.0%}" for name, right in rights.items())
    return quantize_graph.SCALES[best], f"pixels: {best} (float accuracy on {len(some)} faces: {listed})"


def check(source: Source, graph: Graph, scale: Scale, outputs: Outputs, faces: Faces) -> None:
    """Raise Mistake if the model gives no logits, was not rebuilt exactly, or is hardly better than guessing."""
    x = spread(faces, 8).crops[..., None].astype(np.float32)
    quantize_graph.check_logits(quantize_graph.outputs_of(graph, x), source)
    if source.form == "ONNX":
        _check_onnx(source)
    tried = spread(faces.told(outputs.labels), TRIED_FACES)
    right, chance = (accuracy(graph, tried, outputs) if len(tried) else 1.0), 1 / len(outputs.labels)
    if len(tried) >= FEWEST_FACES and right < GUESSING * chance:
        raise Mistake(
            f"The float model itself is right on {right:.0%} of {len(tried)} faces, where guessing is on {chance:.0%}: "
            f"its labels ({', '.join(outputs.names)}), the pixels ({scale.name}) or the pictures do not fit it."
            + _hint(graph, tried, outputs)
        )


def accuracy(graph: Graph, faces: Faces, outputs: Outputs) -> float:
    """How often the float model is right on labelled faces, in [0, 1]."""
    meant = np.array([EMOTIONS.index(label) for label in outputs.labels])
    best = quantize_graph.outputs_of(graph, faces.crops[..., None].astype(np.float32)).argmax(1)
    return float((meant[best] == faces.truth).mean())


def _hint(graph: Graph, tried: Faces, outputs: Outputs) -> str:
    """Whether another known order of labels would fit."""
    for name, order in labels.ORDERS.items():
        if outputs.untouched and len(order) == len(outputs.names):
            right = accuracy(graph, tried, Outputs(outputs.names, order))
            if right > LIKELY:
                return f" In the order of {name} it would be right on {right:.0%}: try --labels {name}."
    return ""


def _check_onnx(source: Source) -> None:
    """The rebuilt graph against ONNX's own evaluator, on noise."""
    from tools.quantising.from_onnx import rebuild

    x = np.random.default_rng(0).random((4, *source.side, source.channels), np.float32)
    truth = rebuild.read(source.path).reference(x)
    found = quantize_graph.outputs_of(quantize_graph.freeze(source.call, x.shape[1:]), x)
    if not np.allclose(found, truth, atol=1e-3 * (1 + float(np.abs(truth).max()))):
        raise Mistake(
            f"The ONNX model {source.path} could not be rebuilt exactly (off by {np.abs(found - truth).max():.2g}); "
            "please report it, and give the Keras or SavedModel form meanwhile."
        )
