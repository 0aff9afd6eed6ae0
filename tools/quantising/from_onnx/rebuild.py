"""Rebuild an ONNX classifier in TensorFlow, operator by operator (operators.py), for the converter.

The library for this (onnx2tf) pins NumPy 1.26, TensorFlow 2.19 and fifteen packages more to one version each, and so
cannot live beside the rest; what classifiers are made of is less than fifty operators. ONNX keeps pictures as
[n, channels, height, width], TensorFlow runs them as [n, height, width, channels]: here a value of four axes is always
stored the second way, and every operator translates its axes. Operators whose inputs are all constants are computed
by ONNX's own reference, which also proves the whole rebuild (`Net.reference`).
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
    """A checked ONNX model. `shape` and `out_shape` have None where a side is open."""

    path: Path
    model: Any
    shape: tuple[int | None, ...]
    out_shape: tuple[int | None, ...]
    labels: tuple[str, ...]

    def on_pictures(self, x: Any) -> Any:
        """The outputs for TensorFlow's [n, h, w, c], of a model that takes [n, c, h, w]."""
        return _run(self.path, self.model, x)

    def on_channels_last(self, x: Any) -> Any:
        """The same for a model that takes [n, h, w, c], as tf2onnx leaves them."""
        import tensorflow as tf

        return _run(self.path, self.model, tf.transpose(x, TO_OURS))

    def reference(self, x: np.ndarray) -> np.ndarray:
        """What ONNX's own, slow evaluator computes for [n, h, w, c]; for comparing."""
        from onnx.reference import ReferenceEvaluator

        first = len(self.shape) == 4 and self.shape[1] in (1, 3)
        given = np.ascontiguousarray(x.transpose(TO_ONNX) if first else x)
        rows = [given] if self.shape[0] is None else [given[at : at + 1] for at in range(len(given))]
        run = ReferenceEvaluator(self.model)
        name = _entries(self.model)[0].name
        return np.concatenate([np.asarray(run.run(None, {name: row})[0]).reshape(len(row), -1) for row in rows])


def read(path: Path) -> Net:
    """Read and check an ONNX file; raises Mistake."""
    import onnx

    try:
        model = onnx.load(str(path))
        onnx.checker.check_model(model)
        model = onnx.shape_inference.infer_shapes(model)
    except Exception as error:  # protobuf's, the checker's, and those of missing files with weights
        said = str(error).splitlines()[0][:160] if str(error) else type(error).__name__
        raise Mistake(
            f"The ONNX model {path} cannot be loaded ({said}); the file is damaged, cut short, or of another kind: "
            "export it again, with its weights inside."
        ) from error
    entries, outs = _entries(model), model.graph.output
    if len(entries) != 1 or len(outs) != 1:
        raise Mistake(
            f"The ONNX model {path} has {len(entries)} inputs and {len(outs)} outputs; the device gives one picture "
            f"and "
            "takes one row of classes: export the part of the model that does this."
        )
    strange = sorted({node.op_type for node in model.graph.node} - set(OPERATORS) - FOLDED)
    if strange:
        raise Mistake(
            f"The ONNX model {path} uses the operators {', '.join(strange)}, which have no place in an int8 model "
            f"on the "
            f"device; replace them by what there is: {', '.join(sorted(OPERATORS))}."
        )
    return Net(path, model, _shape(entries[0]), _shape(outs[0]), _named(model))


def _entries(model: Any) -> list[Any]:
    weights = {one.name for one in model.graph.initializer}
    return [entry for entry in model.graph.input if entry.name not in weights]


def _shape(value: Any) -> tuple[int | None, ...]:
    sides = value.type.tensor_type.shape.dim
    return tuple(side.dim_value if side.HasField("dim_value") and side.dim_value > 0 else None for side in sides)


def _named(model: Any) -> tuple[str, ...]:
    """Labels in the file's metadata, where somebody put them: a JSON list, or names with commas between."""
    for entry in model.metadata_props:
        if entry.key.lower() in ("labels", "classes", "names", "class_names"):
            try:
                found = json.loads(entry.value)
            except ValueError:
                found = entry.value.split(",")
            rows = [found[key] for key in sorted(found, key=int)] if isinstance(found, dict) else list(found)
            return tuple(str(name).strip() for name in rows)
    return ()


def _run(path: Path, model: Any, x: Any) -> Any:
    import onnx
    import tensorflow as tf

    graph = model.graph
    opset = next((one.version for one in model.opset_import if one.domain in ("", "ai.onnx")), 13)
    run = Run(path, {one.name: onnx.numpy_helper.to_array(one) for one in graph.initializer}, {}, opset)
    run.values[_entries(model)[0].name] = x
    for node in graph.node:
        inputs = [run.values[name] for name in node.input if name]
        run.made_by.update(dict.fromkeys(node.output, node))
        if node.op_type == "Shape" and not isinstance(inputs[0], np.ndarray):
            result = sides_of(inputs[0])
        elif all(isinstance(value, np.ndarray) for value in inputs):
            result = _fold(node, inputs, model)
        elif node.op_type not in OPERATORS:
            raise run.refuse(node, "depends on the picture, and has no place in an int8 model on the device")
        else:
            attributes = {one.name: onnx.helper.get_attribute_value(one) for one in node.attribute}
            result = OPERATORS[node.op_type](run, node, attributes)
        run.values[node.output[0]] = result
    out = run.values[graph.output[0].name]
    classes = [side for side in sides_of(out)[1:] if side > 1]
    return tf.reshape(out, (-1, int(classes[0]) if classes else 1))


def _fold(node: Any, inputs: list[np.ndarray], model: Any) -> np.ndarray:
    from onnx.reference import ReferenceEvaluator

    named = dict(zip([name for name in node.input if name], inputs, strict=True))
    import onnx

    values = [
        onnx.helper.make_tensor_value_info(k, onnx.helper.np_dtype_to_tensor_dtype(v.dtype), v.shape)
        for k, v in named.items()
    ]
    outs = [onnx.helper.make_empty_tensor_value_info(name) for name in node.output[:1]]
    small = onnx.helper.make_graph([node], "constant", values, outs)
    whole = onnx.helper.make_model(small, opset_imports=list(model.opset_import))
    whole.ir_version = model.ir_version
    return np.asarray(ReferenceEvaluator(whole).run(None, named)[0])
