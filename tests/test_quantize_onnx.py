"""ONNX files for tools/quantize.py: rebuilt operators agree with ONNX's own evaluator, and odd files get a sentence.

The tests make the files, operator by operator. They need TensorFlow and onnx (tools/requirements-quantize.txt), and
skip without them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
pytest.importorskip("tensorflow", reason="TensorFlow is not installed (tools/requirements-quantize.txt)")
onnx = pytest.importorskip("onnx", reason="onnx is not installed (tools/requirements-quantize.txt)")
sys.path.insert(0, str(ROOT))

from onnx import TensorProto, helper, numpy_helper  # noqa: E402

from tools.quantising import device, graph, labels  # noqa: E402
from tools.quantising.from_onnx import rebuild  # noqa: E402
from tools.quantising.refusal import Mistake  # noqa: E402
from tools.quantising.source import open_source  # noqa: E402

Inputs = dict[str, Any]
node = helper.make_node


def weights(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.3, shape).astype(np.float32)


def model(
    nodes: list[Any],
    constants: Inputs,
    *,
    shape: Any = (1, 1, 48, 48),
    out: Any = (1, 7),
    kind: int = TensorProto.FLOAT,
    opset: int = 13,
    ir_version: int = 8,
) -> Any:
    entry, row = helper.make_tensor_value_info("x", kind, shape), helper.make_tensor_value_info("y", kind, out)
    kept = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    return helper.make_model(
        helper.make_graph(nodes, "net", [entry], [row], kept),
        opset_imports=[helper.make_opsetid("", opset)],
        ir_version=ir_version,
    )


def save(folder: Path, made: Any) -> Path:
    path = folder / "net.onnx"
    path.write_bytes(made.SerializeToString())
    return path


def ending(last: str, length: int) -> tuple[list[Any], Inputs]:
    """From the value `last`, of `length` numbers a picture, to seven classes."""
    return [node("Flatten", [last], ["flat"]), node("Gemm", ["flat", "dense"], ["y"])], {"dense": weights(length, 7)}


CONV = node("Conv", ["x", "w"], ["a"], kernel_shape=[3, 3], strides=[4, 4], pads=[1, 1, 1, 1])  # to [4, 12, 12]
KERNEL = {"w": weights(4, 1, 3, 3)}

OPERATORS: dict[str, tuple[list[Any], Inputs, int]] = {
    "padded pooling of negative values": (
        [node("MaxPool", ["a"], ["b"], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])], {}, 144),
    "padded pooling after ReLU": (
        [node("Relu", ["a"], ["r"]), node("MaxPool", ["r"], ["b"], kernel_shape=[3, 3], strides=[2, 2],
                                          pads=[1, 1, 1, 1])], {}, 144),
    "pooling of one picture": ([node("GlobalAveragePool", ["a"], ["b"])], {}, 4),
    "mean without its axes": ([node("ReduceMean", ["a"], ["b"], axes=[2, 3], keepdims=0)], {}, 4),
    "mean over one axis": ([node("ReduceMean", ["a"], ["b"], axes=[-1], keepdims=0)], {}, 48),
    "highest over the channels": ([node("ReduceMax", ["a"], ["b"], axes=[1], keepdims=0)], {}, 144),
    "squeezed twice": ([node("GlobalMaxPool", ["a"], ["g"]), node("Squeeze", ["g", "three"], ["s"]),
                        node("Squeeze", ["s", "two"], ["b"])], {"three": [3], "two": [2]}, 4),
    "unsqueezed": ([node("GlobalMaxPool", ["a"], ["g"]), node("Squeeze", ["g", "both"], ["s"]),
                    node("Unsqueeze", ["s", "both"], ["u"]), node("Mul", ["a", "u"], ["b"])], {"both": [2, 3]}, 576),
    "channel shuffle": (
        [node("Reshape", ["a", "five"], ["r"]), node("Transpose", ["r"], ["t"], perm=[0, 2, 1, 3, 4]),
         node("Reshape", ["t", "four"], ["b"])], {"five": [1, 2, 2, 12, 12], "four": [1, 4, 12, 12]}, 576),
    "transposed axes": ([node("Transpose", ["a"], ["b"], perm=[0, 2, 3, 1])], {}, 576),
    "reflecting padding": (
        [node("Pad", ["a", "pads"], ["b"], mode="reflect")], {"pads": [0, 0, 1, 2, 0, 0, 0, 1]}, 780),
    "grouped convolution": ([node("Conv", ["a", "v"], ["b"], group=2)], {"v": weights(6, 2, 1, 1)}, 864),
    "depthwise convolution": ([node("Conv", ["a", "v"], ["b"], group=4, pads=[2, 2, 2, 2], dilations=[2, 2])],
                              {"v": weights(4, 1, 3, 3)}, 576),
    "clipped": ([node("Clip", ["a", "low", "high"], ["b"])], {"low": np.float32(0), "high": np.float32(6)}, 576),
    "concatenated": ([node("Neg", ["a"], ["n"]), node("Concat", ["a", "n"], ["b"], axis=1)], {}, 1152),
    "a slope for each channel": ([node("PRelu", ["a", "slope"], ["b"])], {"slope": np.abs(weights(4, 1, 1))}, 576),
    "a constant for each channel": ([node("Div", ["a", "d"], ["b"])], {"d": np.abs(weights(4, 1, 1)) + 1}, 576),
}  # fmt: skip


@pytest.mark.parametrize("name", OPERATORS)
def test_rebuilt_operators_agree_with_onnx(name: str, tmp_path: Path) -> None:
    nodes, constants, length = OPERATORS[name]
    last, dense = ending("b", length)
    path = save(tmp_path, model([CONV, *nodes, *last], {**KERNEL, **constants, **dense}))
    x = np.random.default_rng(1).normal(0, 1, (3, 48, 48, 1)).astype(np.float32)
    source = open_source(path)
    found = graph.outputs_of(graph.core(source), x)
    np.testing.assert_allclose(found, rebuild.read(path).reference(x), rtol=1e-4, atol=1e-5)


def test_operators_of_one_input_have_an_int8_form(tmp_path: Path) -> None:
    """An operator that the tool accepts, and that the device cannot run, costs the user a wait and a riddle."""
    names = ["Abs", "Neg", "Relu", "Sigmoid", "Tanh", "Exp", "LeakyRelu", "HardSigmoid", "HardSwish", "Softmax"]
    chain = [node(name, [f"v{at}"], [f"v{at + 1}"]) for at, name in enumerate(names)]
    chain.append(node("PRelu", [f"v{len(names)}", "slope"], ["end"]))
    last, dense = ending("end", 576)
    first = node("Conv", ["x", "w"], ["v0"], kernel_shape=[3, 3], strides=[4, 4], pads=[1, 1, 1, 1])
    source = open_source(
        save(tmp_path, model([first, *chain, *last], {**KERNEL, **dense, "slope": weights(4, 1, 1)}, opset=17))
    )
    outputs = labels.assign(labels.read_order("fer2013"), {})
    whole = graph.whole(source, graph.core(source), graph.SCALES["0..1"], outputs)
    crops = np.random.default_rng(0).integers(0, 255, (4, 48, 48), np.uint8)
    assert device.structure(graph.to_int8(whole, crops, iter)) == []


def plain(**given: Any) -> Any:
    last, dense = ending("a", 576)
    return model([CONV, *last], {**KERNEL, **dense}, **given)


def dense_only(constants: Inputs, **given: Any) -> Any:
    return model([node("Flatten", ["x"], ["flat"]), node("Gemm", ["flat", "dense"], ["y"])], constants, **given)


def constant() -> Any:
    return model([node("Constant", [], ["y"], value=numpy_helper.from_array(np.zeros((1, 7), np.float32)))], {})


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda: plain(opset=99), r"has opset 99 .*knows opsets up to \d+ .*export it with opset_version=17"),
        (lambda: plain(ir_version=99), r"IR version 99.*export it with opset_version=17"),
        (lambda: plain(kind=TensorProto.UINT8), r"takes uint8 pictures; export the float model"),
        (lambda: plain(shape=(48,)), r"takes \[48\], not one picture"),
        (lambda: plain(shape=(1, 1, 1, 48, 48)), r"not one picture"),
        (lambda: plain(shape=("n", "c", "h", "w")), r"pictures of any channels"),
        (lambda: plain(shape=(1, 1, 5000, 5000)), r"each side may have 16 to 1024 pixels"),
        (lambda: plain(shape=None), r"cannot be loaded"),
        (lambda: dense_only({"dense": weights(2304, 5)}), r"answers 2 pictures with \[2, 5\], not with \[2, 7\]"),
        (lambda: dense_only({"dense": weights(100, 7)}), r"TensorFlow cannot run the model"),
        (constant, r"answers 2 pictures with \[1, 7\], not with \[2, 7\]"),
        (lambda: model([node("Erf", ["x"], ["y"])], {}, out=(1, 1, 48, 48)), r"operators Erf, which this tool"),
        (lambda: onnx.ModelProto(ir_version=8), r"cannot be loaded"),
    ],
)  # fmt: skip
def test_odd_onnx_files_get_one_sentence(made: Callable[[], Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(Mistake, match=message) as caught:
        graph.core(open_source(save(tmp_path, made())))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_noticed(value: float, tmp_path: Path) -> None:
    source = open_source(save(tmp_path, dense_only({"dense": np.full((2304, 7), value, np.float32)})))
    found = graph.outputs_of(graph.core(source), np.ones((2, 48, 48, 1), np.float32))
    with pytest.raises(Mistake, match="answers with NaN or infinite values"):
        graph.check_logits(found, source)
