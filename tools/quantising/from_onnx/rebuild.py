"""Rebuild an ONNX classifier in TensorFlow, operator by operator (operators.py), for the converter.

ONNX keeps pictures as [n, channels, height, width], TensorFlow runs them as [n, height, width, channels]. Here a value
of four axes is always stored the second way, and every operator translates its axes. ONNX's reference evaluator
computes operators on constants, and checks the whole result (`Net.reference`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tools.quantising.from_onnx.layout import TO_ONNX, TO_OURS, Run, sides_of
from tools.quantising.from_onnx.operators import FOLDED, OPERATORS
from tools.quantising.refusal import Mistake


@dataclass(frozen=True, slots=True)
class Net:
    """A valid ONNX model. The shapes of the first input and output have None for an open side."""

    path: Path
    model: Any
    inputs: int
    outputs: int
    dtype: str
    shape: tuple[int | None, ...]
    out_shape: tuple[int | None, ...]
    labels: tuple[str, ...]

    @property
    def channels_last(self) -> bool:
        """Whether the model takes [n, h, w, c], as tf2onnx leaves it."""
        return len(self.shape) == 4 and self.shape[1] not in (1, 3) and self.shape[3] in (1, 3)

    def on_pictures(self, x: Any) -> Any:
        """The outputs for TensorFlow's [n, h, w, c]."""
        import tensorflow as tf

        return _run(self.path, self.model, tf.transpose(x, TO_OURS) if self.channels_last else x)

    def reference(self, x: np.ndarray) -> np.ndarray:
        """The outputs for [n, h, w, c] from ONNX's own, slow evaluator."""
        from onnx.reference import ReferenceEvaluator

        given = x if self.channels_last else np.ascontiguousarray(x.transpose(TO_ONNX))
        rows = [given] if self.shape[0] is None else [given[at : at + 1] for at in range(len(given))]
        run, name = ReferenceEvaluator(self.model), _entries(self.model)[0].name
        return np.concatenate([np.asarray(run.run(None, {name: row})[0]).reshape(len(row), -1) for row in rows])


def read(path: Path) -> Net:
    """Read and check an ONNX file; raises Mistake."""
    import onnx

    try:
        model = onnx.load(str(path))
        _check_age(path, model)
        onnx.checker.check_model(model)
        model = onnx.shape_inference.infer_shapes(model)
        entries, outs = _entries(model), model.graph.output
        dtype = np.dtype(onnx.helper.tensor_dtype_to_np_dtype(entries[0].type.tensor_type.elem_type)).name
        shapes = (_shape(entries[0]), _shape(outs[0]))
    except Mistake:
        raise
    except Exception as error:  # protobuf's, the checker's, those of missing weight files or of an empty graph
        said = str(error).splitlines()[0][:160] if str(error) else type(error).__name__
        raise Mistake(
            f"The ONNX model {path} cannot be loaded ({said}); the file is damaged, cut short, or something else: "
            "export it again, with its weights inside."
        ) from error
    strange = sorted({node.op_type for node in model.graph.node} - set(OPERATORS) - FOLDED)
    if strange:
        raise Mistake(
            f"The ONNX model {path} uses the operators {', '.join(strange)}, which this tool cannot turn into int8; "
            f"replace them with these: {', '.join(sorted(OPERATORS))}."
        )
    return Net(path, model, len(entries), len(outs), dtype, *shapes, _named(model))


def _check_age(path: Path, model: Any) -> None:
    """Raise Mistake for a file that is newer than the installed onnx."""
    import onnx

    newest = onnx.defs.onnx_opset_version()
    if model.ir_version > onnx.IR_VERSION or _opset(model) > newest:
        raise Mistake(
            f"The ONNX model {path} has opset {_opset(model)} (IR version {model.ir_version}); the installed onnx "
            f"knows opsets up to {newest} (IR version {onnx.IR_VERSION}): export it with opset_version=17."
        )


def _opset(model: Any) -> int:
    return next((int(one.version) for one in model.opset_import if one.domain in ("", "ai.onnx")), 13)


def _entries(model: Any) -> list[Any]:
    weights = {one.name for one in model.graph.initializer}
    return [entry for entry in model.graph.input if entry.name not in weights]


def _shape(value: Any) -> tuple[int | None, ...]:
    sides = value.type.tensor_type.shape.dim
    return tuple(side.dim_value if side.HasField("dim_value") and side.dim_value > 0 else None for side in sides)


def _named(model: Any) -> tuple[str, ...]:
    """Labels from the file's metadata: a JSON list or object, or names with commas between."""
    for entry in model.metadata_props:
        if entry.key.lower() in ("labels", "classes", "names", "class_names"):
            try:
                found = json.loads(entry.value)
                rows = [found[key] for key in sorted(found, key=int)] if isinstance(found, dict) else list(found)
            except (ValueError, TypeError, RecursionError):
                rows = entry.value.split(",")
            return tuple(str(name).strip() for name in rows)
    return ()


def _run(path: Path, model: Any, x: Any) -> Any:
    import onnx
    import tensorflow as tf

    graph = model.graph
    constants = {one.name: onnx.numpy_helper.to_array(one) for one in graph.initializer}
    run = Run(path, {**constants, _entries(model)[0].name: x}, {}, _opset(model))
    run.made_by[_entries(model)[0].name] = "the picture"
    for node in graph.node:
        inputs = [run.values[name] for name in node.input if name]
        run.made_by.update(dict.fromkeys(node.output, node.op_type))
        if node.op_type == "Shape" and not isinstance(inputs[0], np.ndarray):
            result = sides_of(inputs[0])
        elif all(isinstance(value, np.ndarray) for value in inputs):
            result = _fold(node, inputs, model)
        elif node.op_type not in OPERATORS:
            raise run.refuse(node, "depends on the pixels, which this tool cannot turn into int8")
        else:
            attributes = {one.name: onnx.helper.get_attribute_value(one) for one in node.attribute}
            result = OPERATORS[node.op_type](run, node, attributes)
        run.values[node.output[0]] = result
    out = run.values[graph.output[0].name]
    classes = [side for side in sides_of(out)[1:] if side > 1]
    return tf.reshape(out, (-1, int(classes[0]) if classes else 1))


def _fold(node: Any, inputs: list[np.ndarray], model: Any) -> np.ndarray:
    """The value of an operator whose inputs are all constants."""
    from onnx import helper
    from onnx.reference import ReferenceEvaluator

    named = dict(zip([name for name in node.input if name], inputs, strict=True))
    ends = ([helper.make_empty_tensor_value_info(name) for name in names] for names in (named, node.output[:1]))
    small = helper.make_model(helper.make_graph([node], "constant", *ends), opset_imports=list(model.opset_import))
    small.ir_version = model.ir_version
    return np.asarray(ReferenceEvaluator(small).run(None, named)[0])
