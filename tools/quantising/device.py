"""Can the device run this file? Decided on a workstation, whose runtime is newer than the device's.

The oldest runtime that Affetto meets is tflite-runtime 2.14 (Debian 12 on ARM). `KNOWN` lists the operators that an
int8 classifier may have, each with the highest version that this runtime loads, found by trying every version. After
this check the device's own classifier loads the pair and scores a face.
"""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from device.errors import ModelError
from device.perception.crop import SIDE_PX
from device.perception.emotion import NAME, EmotionClassifier
from tools.model import files

KNOWN = {
    "ABS": 5, "ADD": 5, "AVERAGE_POOL_2D": 3, "BATCH_MATMUL": 4, "BATCH_TO_SPACE_ND": 4, "CONCATENATION": 4,
    "CONV_2D": 7, "DEPTHWISE_CONV_2D": 7, "DEPTH_TO_SPACE": 2, "DIV": 2, "EXP": 2, "EXPAND_DIMS": 1,
    "FULLY_CONNECTED": 10, "GATHER": 6, "GELU": 2, "HARD_SWISH": 1, "L2_NORMALIZATION": 2, "LEAKY_RELU": 2,
    "LOGISTIC": 3, "LOG_SOFTMAX": 2, "MAXIMUM": 4, "MAX_POOL_2D": 3, "MEAN": 3, "MINIMUM": 4, "MIRROR_PAD": 3, "MUL": 7,
    "PACK": 4, "PAD": 4, "PADV2": 4, "PRELU": 1, "QUANTIZE": 3, "REDUCE_MAX": 3, "REDUCE_MIN": 3, "RELU": 3, "RELU6": 3,
    "RELU_0_TO_1": 1, "RELU_N1_TO_1": 1, "RESHAPE": 1, "RESIZE_BILINEAR": 4, "RESIZE_NEAREST_NEIGHBOR": 4,
    "REVERSE_V2": 3, "RSQRT": 2, "SHAPE": 1, "SLICE": 6, "SOFTMAX": 3, "SPACE_TO_BATCH_ND": 4, "SPACE_TO_DEPTH": 2,
    "SPLIT": 4, "SPLIT_V": 2, "SQUARED_DIFFERENCE": 2, "SQUEEZE": 2, "STRIDED_SLICE": 8, "SUB": 5, "SUM": 2, "TANH": 3,
    "TILE": 3, "TRANSPOSE": 6, "TRANSPOSE_CONV": 4, "UNPACK": 4,
}  # fmt: skip
WHOLE_NUMBERS = ("INT8", "INT16", "INT32", "INT64", "BOOL")
LARGEST_BYTES = 64 * 2**20  # of 512 MB, the eye's share


def faults(tflite: bytes, card: Mapping[str, Any]) -> tuple[str, ...]:
    """Why the device cannot run the model; empty if it can."""
    found = [*_structure(tflite)]
    if len(tflite) > LARGEST_BYTES:
        found.append(f"it has {len(tflite) / 2**20:.0f} MB, and the device has room for {LARGEST_BYTES // 2**20} MB")
    return tuple(found) or _trial(tflite, card)


def _structure(tflite: bytes) -> list[str]:
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(tflite, 0)
    operators = {number: name for name, number in vars(schema.BuiltinOperator).items() if isinstance(number, int)}
    types = {number: name for name, number in vars(schema.TensorType).items() if isinstance(number, int)}
    found = []
    for one in model.operatorCodes:
        name = operators.get(max(one.builtinCode, one.deprecatedBuiltinCode), "?")
        if name == "CUSTOM":
            found.append(f"no TFLite runtime has the operator {one.customCode.decode()}")
        elif one.version > KNOWN.get(name, 0):
            found.append(f"its TFLite runtime 2.14 lacks the operator {name} (version {one.version})")
    floats = {types[t.type] for graph in model.subgraphs for t in graph.tensors} - set(WHOLE_NUMBERS)
    if floats:
        found.append(f"part of it still computes in {', '.join(sorted(floats)).lower()} instead of int8")
    return found


def _trial(tflite: bytes, card: Mapping[str, Any]) -> tuple[str, ...]:
    with staged(tflite, card) as folder:
        try:
            scores = EmotionClassifier.load(Path(folder)).scores(np.full((SIDE_PX, SIDE_PX), 128, np.uint8))
        except ModelError as error:
            return (str(error),)
    if not (np.isfinite(scores).all() and abs(float(scores.sum()) - 1) < 1e-3):
        return (f"its scores for a gray square, {scores.round(3).tolist()}, are not probabilities",)
    return ()


def staged(tflite: bytes, card: Mapping[str, Any]) -> tempfile.TemporaryDirectory[str]:
    """A temporary folder that holds the pair."""
    folder = tempfile.TemporaryDirectory()
    files.write_pair(Path(folder.name), NAME, tflite, card)
    return folder
