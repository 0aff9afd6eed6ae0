"""Which layers lose most: the int8 file against the float file, tensor by tensor, on a few faces.

Plain kernels that keep every tensor run both files. The converter gives a result the same name in both files; these
names pair the layers. The noise of a layer is the root mean square of the difference over that of the signal. What the
layer adds is its noise minus the noise of its inputs.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

FACES = 24


@dataclass(frozen=True, slots=True)
class Layer:
    """One operator: its place and kind, the noise in its result as a share of the signal, and the part that it adds."""

    name: str
    noise: float
    added: float


def layers(float_file: bytes, int8_file: bytes, crops: np.ndarray) -> list[Layer]:
    """Every operator of the int8 model with a partner in the float model, in the order in which they run."""
    before, after = _opened(float_file), _opened(int8_file)
    known = {detail["name"]: detail["index"] for detail in before.get_tensor_details()}
    details = {detail["index"]: detail for detail in after.get_tensor_details()}
    operators = [op for op in after._get_ops_details() if len(op["outputs"]) == 1]
    pairs = {
        op["outputs"][0]: known[details[op["outputs"][0]]["name"]]
        for op in operators
        if details[op["outputs"][0]]["name"] in known and details[op["outputs"][0]]["quantization"][0]
    }
    noise, signal = dict.fromkeys(pairs, 0.0), dict.fromkeys(pairs, 0.0)
    for crop in crops[:FACES]:
        _run(before, crop.astype(np.float32))
        _run(after, (crop.astype(np.int16) - 128).astype(np.int8))
        for mine, theirs in pairs.items():
            real = before.get_tensor(theirs)
            scale, zero = details[mine]["quantization"]
            found = (after.get_tensor(mine).astype(np.float32) - zero) * scale
            noise[mine] += float(((found - real) ** 2).sum())
            signal[mine] += float((real**2).sum())
    share = {mine: float(np.sqrt(noise[mine] / max(signal[mine], 1e-12))) for mine in pairs}
    return [_layer(place, op, share) for place, op in enumerate(operators) if op["outputs"][0] in share]


def _layer(place: int, op: dict[str, Any], share: dict[int, float]) -> Layer:
    came = max((share[at] for at in op["inputs"] if at in share), default=0.0)
    noise = share[op["outputs"][0]]
    return Layer(f"{place + 1} {op['op_name'].lower().replace('_', ' ')}", noise, max(0.0, noise - came))


def _opened(tflite: bytes) -> Any:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    interpreter = Interpreter(
        model_content=tflite,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        experimental_preserve_all_tensors=True,
    )
    interpreter.allocate_tensors()
    return interpreter


def _run(interpreter: Any, crop: np.ndarray) -> None:
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], crop.reshape(1, *crop.shape, 1))
    interpreter.invoke()
