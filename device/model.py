"""Loads a model: a file and its card. Only this module uses the TFLite runtime.

`Model.load` reads `<name>.tflite` and `<name>.json`, and checks that they belong together before it passes the bytes to
the C++ interpreter: a damaged flatbuffer can crash that interpreter, and no Python code can catch it. The runtime has
two names with the same Interpreter API: `ai-edge-litert`, and `tflite-runtime` up to Python 3.11; this module uses
whichever is installed. A `Model` belongs to one thread, and only reads files.
"""

import hashlib
import importlib
import json
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from device.errors import ModelError

RUNTIMES = ("ai_edge_litert.interpreter", "tflite_runtime.interpreter")
SCALE_TOLERANCE = 1e-5  # relative; JSON keeps a float32 scale to more digits than this

Int8Array = npt.NDArray[np.int8]
Float32Array = npt.NDArray[np.float32]

SHIPPED_MODELS = Path(__file__).resolve().parent.parent / "models"
"""The models that came with the program."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """One int8 input or output: `value = scale * (stored - zero_point)`."""

    name: str
    shape: tuple[int, ...]
    scale: float
    zero_point: int

    def real(self, stored: Int8Array) -> Float32Array:
        """The real values of some or all stored values."""
        return (stored.astype(np.float32) - np.float32(self.zero_point)) * np.float32(self.scale)

    def least(self, real: float) -> int:
        """The smallest stored value for `real` or more; 128 if there is none."""
        return min(128, max(-128, math.ceil(real / self.scale + self.zero_point)))


@dataclass(frozen=True, slots=True)
class Card:
    """The content of `<name>.json`; `raw` is all of it."""

    name: str
    version: str
    sha256: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    labels: tuple[str, ...]
    raw: Mapping[str, Any]

    def number(self, key: str, lowest: float, highest: float) -> float:
        """The number under `key`. Raises ModelError if it is not in [lowest, highest]."""
        value = self.raw.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float) or not lowest <= value <= highest:
            raise ModelError(
                f"The card of model {self.name} has {key} = {value!r}, not a number from {lowest:g} to {highest:g}; "
                "install the models again."
            )
        return float(value)


class Model:
    """A verified full-int8 TFLite model, ready to run. Not thread-safe: one thread owns it."""

    def __init__(self, card: Card, interpreter: Any) -> None:
        self.card = card
        self._interpreter = interpreter
        self._inputs = interpreter.get_input_details()
        self._outputs = interpreter.get_output_details()

    @classmethod
    def load(cls, models_dir: Path, name: str, *, threads: int = 1) -> Self:
        """Load `<name>.tflite` with its card. Raises ModelError."""
        card = read_card(models_dir / f"{name}.json", name)
        path = models_dir / f"{name}.tflite"
        content = _read(path, "model")
        _check_bytes(content, card, path)
        interpreter = _open(content, threads, path)
        _check_tensors(card.inputs, interpreter.get_input_details(), path, "input")
        _check_tensors(card.outputs, interpreter.get_output_details(), path, "output")
        return cls(card, interpreter)

    def run(self, *inputs: Int8Array) -> list[Float32Array]:
        """Run once. Inputs are int8 in the card's shapes; outputs are dequantised, in the card's order.

        Raises ValueError for another shape or dtype, because that is the caller's mistake.
        """
        outputs = self.run_stored(*inputs)
        return [tensor.real(stored) for tensor, stored in zip(self.card.outputs, outputs, strict=True)]

    def run_stored(self, *inputs: Int8Array) -> list[Int8Array]:
        """Run once without dequantising: for large outputs of which few values matter; see `Tensor.real`."""
        if self._interpreter is None:
            raise ValueError(f"Model {self.card.name} is closed.")
        if len(inputs) != len(self.card.inputs):
            raise ValueError(f"Model {self.card.name} takes {len(self.card.inputs)} inputs, not {len(inputs)}.")
        for expected, detail, given in zip(self.card.inputs, self._inputs, inputs, strict=True):
            if given.dtype != np.int8 or given.shape != expected.shape:
                raise ValueError(
                    f"Input {expected.name} of model {self.card.name} takes int8 {list(expected.shape)}, "
                    f"not {given.dtype} {list(given.shape)}."
                )
            self._interpreter.set_tensor(detail["index"], given)
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(detail["index"]) for detail in self._outputs]

    def close(self) -> None:
        """Free the interpreter. Idempotent."""
        self._interpreter = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def read_card(path: Path, name: str) -> Card:
    """Read and check a model card. Raises ModelError with the file and the wrong key."""
    try:
        raw = json.loads(_read(path, "card").decode("utf-8"))
    except ValueError as error:
        raise ModelError(f"The model card {path} is not JSON ({error}); install the models again.") from error
    try:
        card = _parse(raw)
    except (KeyError, TypeError, ValueError) as error:
        what = f"lacks {error}" if isinstance(error, KeyError) else f"is malformed ({error})"
        raise ModelError(f"The model card {path} {what}; install the models again.") from error
    if card.name != name:
        raise ModelError(f"The model card {path} belongs to model {card.name!r}; put the right card in its place.")
    return card


def _parse(raw: Any) -> Card:
    if not isinstance(raw, dict):
        raise TypeError("the top level must be an object")
    inputs = raw["input"]
    labels = raw.get("labels", [])
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise TypeError("labels must be a list of names")
    return Card(
        name=str(raw["name"]),
        version=str(raw["version"]),
        sha256=str(raw["sha256"]).lower(),
        inputs=tuple(_parse_tensor(t, "input") for t in (inputs if isinstance(inputs, list) else [inputs])),
        outputs=tuple(_parse_tensor(t, f"output {i}") for i, t in enumerate(raw["outputs"])),
        labels=tuple(labels),
        raw=raw,
    )


def _parse_tensor(raw: Any, name: str) -> Tensor:
    if not isinstance(raw, dict):
        raise TypeError(f"{name} must be an object")
    if raw.get("dtype", "int8") != "int8":
        raise ValueError(f"{name} has dtype {raw['dtype']}; the device runs full int8 models only")
    scale = float(raw["scale"])
    if not (math.isfinite(scale) and scale > 0):
        raise ValueError(f"{name} has scale {scale}; it must be above 0")
    shape = tuple(int(side) for side in raw["shape"])
    return Tensor(str(raw.get("name", name)), shape, scale, int(raw["zero_point"]))


def _read(path: Path, what: str) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise ModelError(f"The {what} {path} is missing; install the models again.") from error
    except OSError as error:
        raise ModelError(f"The {what} {path} cannot be read ({error.strerror}); check its permissions.") from error


def _check_bytes(content: bytes, card: Card, path: Path) -> None:
    size = card.raw.get("size_bytes")
    if isinstance(size, int) and len(content) < size:
        raise ModelError(f"The model {path} is cut short ({len(content)} of {size} bytes); install the models again.")
    found = hashlib.sha256(content).hexdigest()
    if found != card.sha256:
        raise ModelError(
            f"The model {path} is not the one that its card describes (sha256 {found[:12]}..., the card says "
            f"{card.sha256[:12]}...); install the models again."
        )


def _open(content: bytes, threads: int, path: Path) -> Any:
    if content[4:8] != b"TFL3":
        raise ModelError(f"The file {path} is not a TFLite model; install the models again.")
    try:
        with hushed():
            interpreter = interpreter_class()(model_content=content, num_threads=threads)
            interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise ModelError(
            f"This TFLite runtime cannot run the model {path} ({error}); convert it again with tools/quantize.py."
        ) from error
    return interpreter


@contextmanager
def hushed() -> Iterator[None]:
    """Keep the runtime's C++ messages off stderr while it loads a model. It also reports failures as exceptions."""
    before = os.dup(2)
    try:
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(before, 2)
        os.close(before)


def interpreter_class() -> Any:
    """The Interpreter of the installed runtime. Raises ModelError if none is installed."""
    for runtime in RUNTIMES:
        try:
            return importlib.import_module(runtime).Interpreter
        except ImportError:
            continue
    raise ModelError("No TFLite runtime is installed; install ai-edge-litert, or tflite-runtime on Python 3.11.")


def _check_tensors(expected: tuple[Tensor, ...], details: list[dict[str, Any]], path: Path, what: str) -> None:
    if len(expected) != len(details):
        raise ModelError(f"The model {path} has {len(details)} {what}s, its card says {len(expected)}.")
    for tensor, detail in zip(expected, details, strict=True):
        shape = tuple(int(side) for side in detail["shape"])
        scale, zero_point = detail["quantization"]
        if np.dtype(detail["dtype"]) != np.int8:
            raise ModelError(
                f"The {what} {tensor.name} of model {path} is {np.dtype(detail['dtype'])}, not int8; "
                "quantise the model before you install it."
            )
        if shape != tensor.shape:
            raise ModelError(
                f"The {what} {tensor.name} of model {path} has shape {list(shape)}, its card says "
                f"{list(tensor.shape)}; model and card do not belong together."
            )
        if not math.isclose(scale, tensor.scale, rel_tol=SCALE_TOLERANCE) or zero_point != tensor.zero_point:
            raise ModelError(
                f"The {what} {tensor.name} of model {path} is quantised as ({scale:g}, {zero_point}), its card says "
                f"({tensor.scale:g}, {tensor.zero_point}); model and card do not belong together."
            )
