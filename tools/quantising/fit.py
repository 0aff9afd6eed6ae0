"""Does the float model fit the arguments: the scale of its pixels, the order of its labels, its converted graph?

These checks run before quantising, because with wrong input a model looks as if int8 had ruined it. They use labelled
faces. Without these, the user has to know.
"""

from __future__ import annotations

import numpy as np

from tools.labelled.emotions import EMOTIONS
from tools.quantising import graph as quantize_graph
from tools.quantising import labels
from tools.quantising.faces import Faces
from tools.quantising.graph import Graph, Scale
from tools.quantising.labels import Outputs
from tools.quantising.progress import Display
from tools.quantising.refusal import Mistake
from tools.quantising.samples import choose
from tools.quantising.source import Source

TRIED_FACES, FEWEST_FACES = 400, 50
GUESSING = 1.3  # a float model that is less than this many times better than guessing does not fit
LIKELY = 0.4  # from this accuracy on, another order of labels is worth a hint


def spread(faces: Faces, count: int) -> Faces:
    """At most `count` of the faces, chosen like those that set the ranges."""
    return faces.pick(np.sort(choose(faces.crops, faces.truth, count).indices)) if len(faces) > count else faces


def scale(
    source: Source,
    inside: Graph,
    outputs: Outputs,
    faces: Faces,
    display: Display,
) -> tuple[Scale, str]:
    """The scale of the pixels with the best float accuracy, and a sentence about it."""
    some = spread(faces.showing(outputs.labels), TRIED_FACES)
    if not len(some):
        raise Mistake(
            "Faces without labels cannot show which pixel values the model expects; name them, such as --pixels 0..1."
        )
    rights = {
        one.name: accuracy(quantize_graph.whole(source, inside, one, outputs), some, outputs)
        for one in display.track("trying scales of pixels", quantize_graph.fitting(source))
    }
    best = max(rights, key=rights.__getitem__)
    listed = ", ".join(f"{name} {right:.0%}" for name, right in rights.items())
    return quantize_graph.SCALES[best], f"pixels: {best} (float accuracy on {len(some)} faces: {listed})"


def check(source: Source, graph: Graph, scale: Scale, outputs: Outputs, faces: Faces) -> None:
    """Raise Mistake if the model gives no logits, was not converted exactly, or is hardly better than guessing."""
    x = spread(faces, 8).crops[..., None].astype(np.float32)
    quantize_graph.check_logits(quantize_graph.outputs_of(graph, x), source)
    if source.form == "ONNX":
        _check_onnx(source)
    tried = spread(faces.showing(outputs.labels), TRIED_FACES)
    right, chance = (accuracy(graph, tried, outputs) if len(tried) else 1.0), 1 / len(outputs.labels)
    if len(tried) >= FEWEST_FACES and right < GUESSING * chance:
        raise Mistake(
            f"The float model itself is right on {right:.0%} of {len(tried)} faces; guessing is right on {chance:.0%}. "
            f"Its labels ({', '.join(outputs.names)}), the pixels ({scale.name}) or the pictures do not fit it."
            + _hint(graph, tried, outputs)
        )


def accuracy(graph: Graph, faces: Faces, outputs: Outputs) -> float:
    """The share of labelled faces on which the float model is right, in [0, 1]."""
    meant = np.array([EMOTIONS.index(label) for label in outputs.labels])
    best = quantize_graph.outputs_of(graph, faces.crops[..., None].astype(np.float32)).argmax(1)
    return float((meant[best] == faces.truth).mean())


def _hint(graph: Graph, tried: Faces, outputs: Outputs) -> str:
    """A sentence that names another known order of labels, if one fits."""
    for name, order in labels.ORDERS.items():
        if outputs.untouched and len(order) == len(outputs.names):
            right = accuracy(graph, tried, Outputs(outputs.names, order))
            if right > LIKELY:
                return f" In the order of {name} it is right on {right:.0%}: try --labels {name}."
    return ""


def _check_onnx(source: Source) -> None:
    """Compare the rebuilt graph with ONNX's own evaluator, on noise."""
    from tools.quantising.from_onnx import rebuild

    x = np.random.default_rng(0).random((4, *source.side, source.channels), np.float32)
    truth = rebuild.read(source.path).reference(x)
    found = quantize_graph.outputs_of(quantize_graph.freeze(source.call, x.shape[1:]), x)
    if not np.allclose(found, truth, atol=1e-3 * (1 + float(np.abs(truth).max()))):
        raise Mistake(
            f"The tool does not rebuild the ONNX model {source.path} exactly (off by "
            f"{np.abs(found - truth).max():.2g}); please report it, and use the Keras or SavedModel form meanwhile."
        )
