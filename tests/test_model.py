"""The TFLite adapter: what it runs, and what it refuses before the C++ interpreter sees a byte."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from device.errors import ModelError
from device.model import Model

MODELS = Path(__file__).resolve().parent.parent / "models"


@pytest.fixture
def models(tmp_path: Path) -> Path:
    for name in ("emotion.tflite", "emotion.json"):
        shutil.copy(MODELS / name, tmp_path)
    return tmp_path


def rewrite(models: Path, **changes: Any) -> None:
    path = models / "emotion.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def replace_bytes(models: Path, content: bytes) -> None:
    """Damaged bytes with a card that vouches for them, so that the checks behind the checksum are reached."""
    (models / "emotion.tflite").write_bytes(content)
    rewrite(models, sha256=hashlib.sha256(content).hexdigest(), size_bytes=len(content))


def test_run_gives_what_the_card_promises(models: Path) -> None:
    with Model.load(models, "emotion") as model:
        black = np.full((1, 48, 48, 1), -128, np.int8)
        [first] = model.run(black)
        [again] = model.run(black)
        [other] = model.run(np.random.default_rng(0).integers(-128, 127, (1, 48, 48, 1), np.int8))
    assert first.dtype == np.float32
    assert first.shape == model.card.outputs[0].shape == (1, 8)
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > model.card.outputs[0].scale
    steps = first / model.card.outputs[0].scale
    np.testing.assert_allclose(steps, np.round(steps), atol=1e-3)


def test_an_earlier_result_is_not_overwritten_by_the_next(models: Path) -> None:
    with Model.load(models, "emotion") as model:
        [first] = model.run(np.full((1, 48, 48, 1), -128, np.int8))
        kept = first.copy()
        model.run(np.random.default_rng(0).integers(-128, 127, (1, 48, 48, 1), np.int8))
    np.testing.assert_array_equal(first, kept)


def test_two_threads_give_the_same_as_one(models: Path) -> None:
    face = np.random.default_rng(1).integers(-128, 127, (1, 48, 48, 1), np.int8)
    with Model.load(models, "emotion") as one, Model.load(models, "emotion", threads=2) as two:
        np.testing.assert_array_equal(one.run(face)[0], two.run(face)[0])


@pytest.mark.parametrize(
    "given",
    [
        (),
        (np.zeros((1, 48, 48, 1), np.int8), np.zeros((1, 48, 48, 1), np.int8)),
        (np.zeros((1, 48, 48, 1), np.float32),),
        (np.zeros((1, 48, 48, 1), np.uint8),),
        (np.zeros((48, 48), np.int8),),
        (np.zeros((2, 48, 48, 1), np.int8),),
    ],
)
def test_run_refuses_other_inputs(models: Path, given: tuple[np.ndarray, ...]) -> None:
    with Model.load(models, "emotion") as model, pytest.raises(ValueError, match="takes"):
        model.run(*given)


def test_close_twice_and_no_run_after(models: Path) -> None:
    model = Model.load(models, "emotion")
    model.close()
    model.close()
    with pytest.raises(ValueError, match="closed"):
        model.run(np.zeros((1, 48, 48, 1), np.int8))


@pytest.mark.parametrize("name", ["emotion.tflite", "emotion.json"])
def test_a_missing_file_is_named(models: Path, name: str) -> None:
    (models / name).unlink()
    with pytest.raises(ModelError, match=rf"{name} is missing"):
        Model.load(models, "emotion")


def test_a_folder_in_place_of_the_model(models: Path) -> None:
    (models / "emotion.tflite").unlink()
    (models / "emotion.tflite").mkdir()
    with pytest.raises(ModelError, match=r"emotion.tflite cannot be read"):
        Model.load(models, "emotion")


@pytest.mark.parametrize("kept", [0, 1, 100, 50_000])
def test_a_truncated_model(models: Path, kept: int) -> None:
    path = models / "emotion.tflite"
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ModelError, match="cut short"):
        Model.load(models, "emotion")


def test_one_flipped_bit_is_found(models: Path) -> None:
    path = models / "emotion.tflite"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ModelError, match="not the one that its card describes"):
        Model.load(models, "emotion")


@pytest.mark.parametrize("content", [b"", b"TFL3", bytes(100), np.random.default_rng(0).bytes(4096)])
def test_bytes_that_are_no_model_even_if_a_card_vouches_for_them(models: Path, content: bytes) -> None:
    replace_bytes(models, content)
    with pytest.raises(ModelError, match=r"not a TFLite model"):
        Model.load(models, "emotion")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"input": {"shape": [1, 64, 64, 1], "scale": 1.0, "zero_point": -128}}, "input .* has shape"),
        ({"input": {"shape": [1, 48, 48, 1], "scale": 0.5, "zero_point": -128}}, "quantised as"),
        ({"input": {"shape": [1, 48, 48, 1], "scale": 1.0, "zero_point": 0}}, "quantised as"),
        ({"input": {"shape": [1, 48, 48, 1], "dtype": "float32", "scale": 1, "zero_point": 0}}, "full int8"),
        ({"outputs": []}, "1 outputs, its card says 0"),
        ({"outputs": [{"shape": [1, 7], "scale": 1.0, "zero_point": 0}]}, "output .* has shape"),
        ({"outputs": 3}, "malformed"),
        ({"outputs": [3]}, "malformed"),
        ({"outputs": [{"shape": [1, 8], "scale": 0, "zero_point": 0}]}, "scale 0"),
        ({"outputs": [{"shape": [1, 8], "zero_point": 0}]}, "lacks 'scale'"),
        ({"input": None}, "malformed"),
        ({"labels": "happy"}, "labels"),
        ({"name": "face_detector"}, "belongs to model 'face_detector'"),
    ],
)
def test_a_card_that_says_something_else(models: Path, changes: dict[str, Any], message: str) -> None:
    rewrite(models, **changes)
    with pytest.raises(ModelError, match=message):
        Model.load(models, "emotion")


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"{}"])
def test_a_card_that_is_no_card(models: Path, text: bytes) -> None:
    (models / "emotion.json").write_bytes(text)
    with pytest.raises(ModelError, match=r"emotion.json"):
        Model.load(models, "emotion")


@pytest.mark.parametrize("value", [None, "1", True, 0, -1, 100, float("nan")])
def test_a_number_of_the_card_has_to_lie_in_its_range(models: Path, value: object) -> None:
    rewrite(models, temperature=value)
    with Model.load(models, "emotion") as model, pytest.raises(ModelError, match="temperature"):
        model.card.number("temperature", 0.05, 20)


def test_a_float_model_is_refused(models: Path) -> None:
    """The int8 model with its input declared float32 is what a forgotten quantisation looks like to the check."""
    from device.model import Tensor, _check_tensors

    detail = {"shape": [1, 48, 48, 1], "dtype": np.float32, "quantization": (0.0, 0)}
    with pytest.raises(ModelError, match="not int8"):
        _check_tensors((Tensor("input", (1, 48, 48, 1), 1.0, -128),), [detail], models / "emotion.tflite", "input")
