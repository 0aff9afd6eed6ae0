"""Open a float model of any supported form as one function from a scaled picture to its outputs.

The forms are Keras `.keras` and `.h5`, TensorFlow SavedModel folders, and ONNX (through from_onnx/rebuild.py). The tool
trusts no file: it does not run the Python code in Keras models (Lambda layers). Every fault of a file is a Mistake.
"""

import contextlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.quantising.refusal import Mistake

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["KERAS_BACKEND"] = "tensorflow"

FORMS = "a Keras .keras or .h5, a SavedModel folder, or an .onnx"
SIDES_PX = (16, 1024)
OWN_SIDE_PX = 48  # for models that take pictures of any size
LARGEST_BYTES = 2**30  # a model that fits the device has a few MB


@dataclass(frozen=True, slots=True)
class Source:
    """`call` takes float32 [n, height, width, channels] in the scale of the model's training."""

    path: Path
    form: str
    call: Callable[[Any], Any]
    side: tuple[int, int]
    channels: int
    classes: int
    labels: tuple[str, ...] = ()


def open_source(path: Path) -> Source:
    """The model at `path`; raises Mistake with the fault and the cure."""
    try:
        _check_file(path)
    except OSError as error:  # no permission, a name that is too long
        raise Mistake(f"The model {path} cannot be read ({error.strerror}); check its permissions.") from error
    if path.is_dir():
        return _saved_model(path)
    openers = {".keras": _keras, ".h5": _keras, ".hdf5": _keras, ".onnx": _onnx}
    suffix = path.suffix.lower()
    if suffix not in openers:
        raise Mistake(f"The model {path} ends in {suffix or 'nothing'!r}; give {FORMS}.{_advice(suffix)}")
    return openers[suffix](path)


def _check_file(path: Path) -> None:
    """Raise Mistake unless there is a folder, or a file of a sensible size that opens."""
    if not path.exists():
        raise Mistake(f"The model {path} does not exist; give {FORMS}.")
    if path.is_dir():
        return
    if not path.is_file():
        raise Mistake(f"The model {path} is not a file; give {FORMS}.")
    size = path.stat().st_size
    if not size:
        raise Mistake(f"The model {path} is empty; save it again.")
    if size > LARGEST_BYTES:
        raise Mistake(f"The model {path} has {size / 2**30:.1f} GB; the device needs a model of a few MB.")
    path.open("rb").close()


def _advice(suffix: str) -> str:
    if suffix in (".pt", ".pth"):
        return " From PyTorch, save an ONNX file with torch.onnx.export(model, picture, 'model.onnx')."
    if suffix == ".tflite":
        return " A .tflite file lacks what quantising needs; give the model that it was converted from."
    return ""


def _keras(path: Path) -> Source:
    import keras

    try:
        with quiet():
            model = keras.models.load_model(path, compile=False)
    except Exception as error:  # Keras raises whatever zipfile, h5py, json and its layers raise
        raise Mistake(f"The Keras model {path} cannot be loaded ({_first_line(error)}); {_cure(str(error))}") from error
    if not getattr(model, "inputs", None):
        raise Mistake(f"The Keras model {path} was saved before it was built; call it on a picture, and save it again.")
    _check_one(path, len(model.inputs), len(model.outputs))
    with quiet():
        _check_type(path, model.inputs[0].dtype)
        side, channels = _picture(path, tuple(model.inputs[0].shape), last=True)
        classes = _classes(path, tuple(model.outputs[0].shape))
    return Source(path, "Keras", lambda x: model(x, training=False), side, channels, classes, _labels(path))


def _cure(said: str) -> str:
    if "Lambda" in said or ("deserialize" in said.lower() and "safe_mode" in said):
        return "it contains Python code, which this tool does not run: replace its Lambda layers with Keras layers."
    if "custom" in said.lower() or "Could not locate class" in said or "Unknown layer" in said:
        return "it has layers that only its own program knows: build it from Keras layers, or export a SavedModel."
    if "No model config" in said:
        return "it holds weights only: save the whole model with model.save('model.keras')."
    return "the file is damaged, cut short, or something else: save it again with model.save('model.keras')."


def _saved_model(path: Path) -> Source:
    import tensorflow as tf

    if not (path / "saved_model.pb").exists():
        raise Mistake(f"The folder {path} is not a SavedModel (it has no saved_model.pb); give {FORMS}.")
    try:
        with quiet():
            loaded = tf.saved_model.load(str(path))
    except Exception as error:  # a damaged protobuf, missing variables, ops of other libraries
        raise Mistake(
            f"The SavedModel {path} cannot be loaded ({_first_line(error)}); export it again with model.export(FOLDER)."
        ) from error
    function = loaded.signatures.get("serving_default") or next(iter(loaded.signatures.values()), None)
    if function is None:
        raise Mistake(f"The SavedModel {path} has no signature; export it again with model.export(FOLDER).")
    entries = function.structured_input_signature[1]
    _check_one(path, len(entries), len(function.structured_outputs))
    [(entry, spec)], [out] = entries.items(), function.structured_outputs
    _check_type(path, spec.dtype.name)
    side, channels = _picture(path, tuple(spec.shape), last=True)
    classes = _classes(path, tuple(function.structured_outputs[out].shape))

    def call(x: Any) -> Any:
        return function(**{entry: x})[out]

    call.keep = loaded  # type: ignore[attr-defined]  # keeps its variables alive
    return Source(path, "SavedModel", call, side, channels, classes, _labels(path))


def _onnx(path: Path) -> Source:
    from tools.quantising.from_onnx import rebuild

    net = rebuild.read(path)
    _check_one(path, net.inputs, net.outputs)
    _check_type(path, net.dtype)
    side, channels = _picture(path, net.shape, last=net.channels_last)
    classes = _classes(path, net.out_shape)
    return Source(path, "ONNX", net.on_pictures, side, channels, classes, net.labels or _labels(path))


def _check_one(path: Path, inputs: int, outputs: int) -> None:
    if inputs != 1 or outputs != 1:
        raise Mistake(
            f"The model {path} has {_count(inputs, 'input')} and {_count(outputs, 'output')}; the device gives one "
            "picture and takes one row of classes: save the part of the model that does this."
        )


def _check_type(path: Path, dtype: str) -> None:
    if dtype != "float32":
        raise Mistake(f"The model {path} takes {dtype} pictures; export the float model, with a float32 input.")


def _picture(path: Path, shape: tuple[Any, ...], *, last: bool) -> tuple[tuple[int, int], int]:
    """Height, width and channels of a model's input; open sides become 48 pixels."""
    if len(shape) != 4:
        raise Mistake(f"The model {path} takes {_words(shape)}, not one picture [1, height, width, channels].")
    height, width, channels = shape[1:] if last else (*shape[2:], shape[1])
    if last and shape[1] in (1, 3) and channels not in (1, 3):
        raise Mistake(f"The model {path} takes channels first, {_words(shape)}; save it with channels last.")
    if channels not in (1, 3):
        raise Mistake(
            f"The model {path} takes pictures of {_word(channels)} channels, {_words(shape)}; the device's gray "
            "pictures fill 1 or 3 channels."
        )
    side = (height or OWN_SIDE_PX, width or OWN_SIDE_PX)
    if not all(SIDES_PX[0] <= length <= SIDES_PX[1] for length in side):
        raise Mistake(f"The model {path} takes pictures of {side[0]}x{side[1]}; each side may have 16 to 1024 pixels.")
    return side, channels


def _classes(path: Path, shape: tuple[Any, ...]) -> int:
    sides = [side for side in shape[1:] if side != 1]
    if len(sides) != 1 or not isinstance(sides[0], int):
        raise Mistake(
            f"The model {path} answers with {_words(shape)}, not with one value for each of two or more classes, "
            "[1, classes]; save it with its classifier."
        )
    return sides[0]


def _labels(path: Path) -> tuple[str, ...]:
    """The names in `labels.txt` or `labels.json`: in a SavedModel, beside a file, or as `<model>.labels.*`."""
    beside = [path] if path.is_dir() else [path.parent / f"{path.stem}.labels", path.parent / "labels"]
    for stem in [path / "labels", *beside] if path.is_dir() else beside:
        for file in (Path(f"{stem}.txt"), Path(f"{stem}.json")):
            if file.is_file():
                return _read_labels(file)
    return ()


def _read_labels(file: Path) -> tuple[str, ...]:
    try:
        text = file.read_text(encoding="utf-8")
        if file.suffix == ".txt":
            return tuple(line.strip() for line in text.splitlines() if line.strip())
        found = json.loads(text)
        rows = [found[key] for key in sorted(found, key=int)] if isinstance(found, dict) else list(found)
        return tuple(map(str, rows))
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise Mistake(f"The labels in {file} cannot be read ({error}); write a .txt, one name a line.") from error


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' if count != 1 else ''}"


def _words(shape: tuple[Any, ...]) -> str:
    return "[" + ", ".join(_word(side) for side in shape) + "]"


def _word(side: Any) -> str:
    return str(side) if isinstance(side, int) else "any"


def _first_line(error: Exception) -> str:
    line = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return line.rstrip(".:")[:160]


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Silence stdout and stderr: TensorFlow's C++ writes there, into our progress bars."""
    with tempfile.TemporaryFile() as nowhere, contextlib.ExitStack() as after:
        for number in (1, 2):
            kept = os.dup(number)
            after.callback(os.close, kept)
            after.callback(os.dup2, kept, number)
            os.dup2(nowhere.fileno(), number)
        yield
