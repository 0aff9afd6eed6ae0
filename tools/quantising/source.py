"""Open somebody's float model, whatever it was saved as, as one function from a scaled picture to its outputs.

Keras `.keras` and `.h5`, TensorFlow SavedModel folders, and ONNX (through from_onnx/rebuild.py). Nothing is trusted:
Keras models that carry Python code (Lambda layers) are not run. Everything that is wrong with a file is a Mistake.
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
OWN_SIDE_PX = 48  # of models that take pictures of any size


@dataclass(frozen=True, slots=True)
class Source:
    """`call` takes float32 [n, height, width, channels] in the scale that the model was trained with."""

    path: Path
    form: str
    call: Callable[[Any], Any]
    side: tuple[int, int]
    channels: int
    classes: int
    labels: tuple[str, ...] = ()


def open_source(path: Path) -> Source:
    """The model at `path`; raises Mistake with what is wrong with it."""
    if not path.exists():
        raise Mistake(f"The model {path} is not there; give {FORMS}.")
    if path.is_dir():
        return _saved_model(path)
    openers = {".keras": _keras, ".h5": _keras, ".hdf5": _keras, ".onnx": _onnx}
    suffix = path.suffix.lower()
    if suffix not in openers:
        raise Mistake(f"The model {path} ends in {suffix or 'nothing'!r}; give {FORMS}.{_advice(suffix)}")
    return openers[suffix](path)


def _advice(suffix: str) -> str:
    if suffix in (".pt", ".pth"):
        return " From PyTorch, save an ONNX file with torch.onnx.export(model, picture, 'model.onnx')."
    if suffix == ".tflite":
        return " A .tflite file has lost what quantising needs; give the model that it was converted from."
    return ""


def _keras(path: Path) -> Source:
    import keras

    try:
        with quiet():
            model = keras.models.load_model(path, compile=False)
    except Exception as error:  # Keras raises whatever zipfile, h5py, json and its layers raise
        raise Mistake(f"The Keras model {path} cannot be loaded ({_first_line(error)}); {_cure(str(error))}") from error
    if not getattr(model, "inputs", None):
        raise Mistake(f"The Keras model {path} was saved before it was built; call it once on a picture, and save it.")
    _check_one(path, len(model.inputs), len(model.outputs))
    with quiet():
        side, channels = _picture(path, tuple(model.inputs[0].shape), last=True)
        classes = _classes(path, tuple(model.outputs[0].shape))
    return Source(path, "Keras", lambda x: model(x, training=False), side, channels, classes, _labels(path))


def _cure(said: str) -> str:
    if "Lambda" in said or ("deserialize" in said.lower() and "safe_mode" in said):
        return "it carries Python code, which is not run here: replace the Lambda layers by Keras layers."
    if "custom" in said.lower() or "Could not locate class" in said or "Unknown layer" in said:
        return "it uses layers that only its own program knows: build it from Keras layers, or export it as SavedModel."
    if "No model config" in said:
        return "it holds weights only: save the whole model with model.save('model.keras')."
    return "the file is damaged, cut short, or of another kind: save it again with model.save('model.keras')."


def _saved_model(path: Path) -> Source:
    import tensorflow as tf

    if not (path / "saved_model.pb").exists():
        raise Mistake(f"The folder {path} is no SavedModel (it has no saved_model.pb); give {FORMS}.")
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
    side, channels = _picture(path, tuple(spec.shape), last=True)
    classes = _classes(path, tuple(function.structured_outputs[out].shape))

    def call(x: Any) -> Any:
        return function(**{entry: x})[out]

    call.keep = loaded  # type: ignore[attr-defined]  # its variables live as long as it does
    return Source(path, "SavedModel", call, side, channels, classes, _labels(path))


def _onnx(path: Path) -> Source:
    from tools.quantising.from_onnx import rebuild

    net = rebuild.read(path)
    shape = net.shape
    last = len(shape) == 4 and shape[1] not in (1, 3) and shape[3] in (1, 3)
    side, channels = _picture(path, shape, last=last)
    call = net.on_channels_last if last else net.on_pictures
    return Source(path, "ONNX", call, side, channels, _classes(path, net.out_shape), net.labels or _labels(path))


def _check_one(path: Path, inputs: int, outputs: int) -> None:
    if inputs != 1 or outputs != 1:
        raise Mistake(
            f"The model {path} has {inputs} inputs and {outputs} outputs; the device gives one picture and takes one "
            "row of classes: save the part of the model that does this."
        )


def _picture(path: Path, shape: tuple[Any, ...], *, last: bool) -> tuple[tuple[int, int], int]:
    """Height and width, and channels, of a model's input; those that it leaves open are filled in."""
    if len(shape) != 4:
        raise Mistake(f"The model {path} takes {_words(shape)}, which is no picture [1, height, width, channels].")
    height, width, channels = shape[1:] if last else (*shape[2:], shape[1])
    if last and shape[1] in (1, 3) and channels not in (1, 3):
        raise Mistake(f"The model {path} takes its channels first, {_words(shape)}; save it with its channels last.")
    if channels not in (1, 3):
        raise Mistake(
            f"The model {path} takes pictures of {_word(channels)} channels, {_words(shape)}; the device has gray "
            f"ones, "
            "which fill 1 or 3 channels."
        )
    side = (height or OWN_SIDE_PX, width or OWN_SIDE_PX)
    if not all(SIDES_PX[0] <= length <= SIDES_PX[1] for length in side):
        raise Mistake(f"The model {path} takes pictures of {side[0]}x{side[1]}; from 16 to 1024 pixels can be served.")
    return side, channels


def _classes(path: Path, shape: tuple[Any, ...]) -> int:
    sides = [side for side in shape[1:] if side != 1]
    if len(sides) != 1 or not isinstance(sides[0], int):
        raise Mistake(
            f"The model {path} answers with {_words(shape)}, where one value for each class belongs, [1, classes], "
            f"of two "
            "classes or more; save it with its classifying end."
        )
    return sides[0]


def _labels(path: Path) -> tuple[str, ...]:
    """What stands in `labels.txt` or `labels.json`: in a SavedModel, beside a file, or as `<model>.labels.*`."""
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
    except (OSError, ValueError, TypeError) as error:
        raise Mistake(f"The labels in {file} cannot be read ({error}); write one name a line into a .txt.") from error


def _words(shape: tuple[Any, ...]) -> str:
    return "[" + ", ".join(_word(side) for side in shape) + "]"


def _word(side: Any) -> str:
    return str(side) if isinstance(side, int) else "any"


def _first_line(error: Exception) -> str:
    line = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return line.rstrip(".:")[:160]


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Nothing on stdout and stderr meanwhile: TensorFlow's C++ writes there, into our progress bars."""
    with tempfile.TemporaryFile() as nowhere, contextlib.ExitStack() as after:
        for number in (1, 2):
            kept = os.dup(number)
            after.callback(os.close, kept)
            after.callback(os.dup2, kept, number)
            os.dup2(nowhere.fileno(), number)
        yield
