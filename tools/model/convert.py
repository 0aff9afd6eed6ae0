"""From a float Keras model to the full-int8 `.tflite` and its card; all training tools share this module.

It runs on a workstation (see tools/requirements-train.txt), never on the device. It works for every kind of model:
`to_int8` quantises after training, and `describe` reads the facts for the card from the finished bytes.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np


def to_int8(model: Any, samples: Iterable[np.ndarray]) -> bytes:
    """Quantise a one-input Keras model to full int8 (int8 in, int8 out) after training.

    `samples` are float32 batches of one in the shape of the model's input. They set the range of every activation, so
    they must look like what the device sees. The batch size of the result is one, because with a fixed shape XNNPACK
    plans its memory once.

    Dense layers get one scale each: TFLite 2.14, the last one for Python 3.11, cannot load one scale a channel. If
    that costs accuracy, build the layer as a 1x1 convolution.
    """
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    spec = tf.TensorSpec((1, *model.inputs[0].shape[1:]), tf.float32, name="input")
    function = tf.function(lambda x: model(x, training=False)).get_concrete_function(spec)
    return quantise(convert_variables_to_constants_v2(function), samples)  # the calibrator reads no Keras 3 variables


def quantise(frozen: Any, samples: Iterable[np.ndarray]) -> bytes:
    """The same for a concrete function without variables; raises what TensorFlow's converter raises."""
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_concrete_functions([frozen])
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([np.asarray(s, np.float32)] for s in samples)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.int8
    converter.inference_output_type = tf.int8
    converter._experimental_disable_per_channel_quantization_for_dense_layers = True
    return bytes(converter.convert())


def describe(tflite: bytes, *, output_names: Sequence[str]) -> dict[str, Any]:
    """The card's `sha256`, `size_bytes`, `input` and `outputs`, read from the finished model.

    `output_names` name the outputs in the order of the Keras model. The converter may reorder them; the card, and
    `device.model.Model.run`, follow the order of the file.
    Raises ValueError if the model is not int8 at both ends or has another number of outputs.
    """
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=tflite)
    details = interpreter.get_output_details()
    if len(details) != len(output_names):
        raise ValueError(f"the model has {len(details)} outputs, {len(output_names)} names were given")
    names = _names_in_file_order(interpreter, output_names)
    return {
        "sha256": hashlib.sha256(tflite).hexdigest(),
        "size_bytes": len(tflite),
        "input": _facts(interpreter.get_input_details()[0]),
        "outputs": [{"name": names[d["index"]], **_facts(d)} for d in details],
    }


def _facts(detail: Mapping[str, Any]) -> dict[str, Any]:
    if np.dtype(detail["dtype"]) != np.int8:
        raise ValueError(f"tensor {detail['name']} is {np.dtype(detail['dtype'])}, not int8")
    scale, zero_point = detail["quantization"]
    return {
        "shape": [int(side) for side in detail["shape"]],
        "dtype": "int8",
        "scale": float(scale),
        "zero_point": int(zero_point),
    }


def _names_in_file_order(interpreter: Any, output_names: Sequence[str]) -> dict[int, str]:
    """The name of the Keras output for each tensor index.

    The converter calls them `Identity`, `Identity_1`, ... in the order of the concrete function's outputs. The list in
    the file may have another order.
    """
    ordered = sorted(interpreter.get_output_details(), key=lambda detail: _number(detail["name"]))
    return {detail["index"]: name for detail, name in zip(ordered, output_names, strict=True)}


def _number(name: str) -> int:
    digits = "".join(c for c in name.split(":")[0].rsplit("_", 1)[-1] if c.isdigit())
    return int(digits) if digits else 0
