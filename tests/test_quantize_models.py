"""tools/quantize.py from the command line to a model that the device's classifier runs: Keras, SavedModel and ONNX,
other sizes, scales, names and orders, fine-tuning, refusals. The networks are tiny and train in seconds.

The tests need TensorFlow (tools/requirements-quantize.txt), and skip without it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
keras = pytest.importorskip("keras", reason="Keras is not installed (tools/requirements-quantize.txt)")
pytest.importorskip("tensorflow", reason="TensorFlow is not installed (tools/requirements-quantize.txt)")
pytest.importorskip("onnx", reason="onnx is not installed (tools/requirements-quantize.txt)")
sys.path.insert(0, str(ROOT))

from device.domain import EMOTIONS  # noqa: E402
from device.perception.emotion import EmotionClassifier  # noqa: E402
from tests.quantize_pictures import draw_set, write_folders  # noqa: E402

FER = ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"]
FER_EMOTIONS = [4, 5, 6, 1, 3, 2, 0]
FOUR, FOUR_EMOTIONS = ["happy", "sad", "angry", "neutral"], [1, 3, 4, 0]


def run(*words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "tools" / "quantize.py"), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=ROOT, check=False)


def net(classes: int, *, side: int = 48, channels: int = 1, last: str | None = "softmax", width: int = 12) -> Any:
    keras.utils.set_random_seed(3)
    x = inputs = keras.Input((side, side, channels))
    for stride in (2, 2, 2):
        x = keras.layers.Conv2D(width, 3, stride, padding="same", use_bias=False)(x)
        x = keras.layers.ReLU()(keras.layers.BatchNormalization(momentum=0.8)(x))
    aside = keras.layers.DepthwiseConv2D(3, padding="same")(x)
    x = keras.layers.Flatten()(keras.layers.Add()([x, aside]))
    return keras.Model(inputs, keras.layers.Dense(classes, activation=last)(x))


def teach(model: Any, labels: list[int], scaled: Any, epochs: int = 6) -> None:
    """Fit on synthetic faces, which `scaled` takes from 0..255 to what the model wants."""
    pictures, truth = draw_set(labels, 60, seed=1)
    logits = model.layers[-1].activation is not keras.activations.softmax
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=logits)
    model.compile(keras.optimizers.Adam(0.003), loss)
    model.fit(scaled(pictures), truth, batch_size=32, epochs=epochs, verbose=0)


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_folders(tmp_path_factory.mktemp("faces"), FER, FER_EMOTIONS, 40)


@pytest.fixture(scope="module")
def seven(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """FER2013's seven classes, 0..1, with a softmax."""
    model = net(7)
    teach(model, FER_EMOTIONS, lambda p: p[..., None] / np.float32(255))
    path = tmp_path_factory.mktemp("seven") / "seven.keras"
    model.save(path)
    return path


def accuracy(out: Path, labels: list[int], classes: list[int]) -> float:
    """Of the device's classifier with the model in `out`, on new synthetic faces."""
    pictures, truth = draw_set(labels, 10, seed=99)
    with_device = EmotionClassifier.load(out)
    found = [int(with_device.scores(picture).argmax()) for picture in pictures]
    return float(np.mean(np.array(found) == np.array(classes)[truth]))


def test_a_seven_class_keras_model_runs_on_the_device(seven: Path, faces: Path, tmp_path: Path) -> None:
    done = run(seven, "--calibrate", faces, "--out", tmp_path, "--labels", "fer2013", "--max-loss", 5)
    assert done.returncode == 0, done.stderr
    assert "pixels: 0..1" in done.stderr
    assert "does not know contempt" in done.stderr
    card = json.loads((tmp_path / "emotion.json").read_text())
    assert card["labels"] == [EMOTIONS[at] for at in FER_EMOTIONS]
    assert card["figures"]["int8"]["accuracy"] > 0.9
    assert (card["input"]["scale"], card["input"]["zero_point"]) == (1, -128)  # all grays, though the set has few
    assert accuracy(tmp_path, FER_EMOTIONS, FER_EMOTIONS) > 0.9
    scores = EmotionClassifier.load(tmp_path).scores(np.full((48, 48), 90, np.uint8))
    assert scores[EMOTIONS.index("contempt")] == 0
    page = (tmp_path / "emotion.html").read_text()
    assert page.count("data:image/png;base64,") == 5
    assert "Kept." in page


def test_the_same_faces_are_chosen_again(seven: Path, faces: Path, tmp_path: Path) -> None:
    for out in (tmp_path / "a", tmp_path / "b"):
        assert run(seven, "--calibrate", faces, "--out", out, "--labels", "fer2013", "--max-loss", 5).returncode == 0
    cards = [json.loads((out / "emotion.json").read_text()) for out in (tmp_path / "a", tmp_path / "b")]
    assert cards[0]["sha256"] == cards[1]["sha256"]
    assert cards[0]["made_of"] == cards[1]["made_of"]


@pytest.mark.parametrize("suffix", [".h5", ""])
def test_other_sizes_channels_and_scales_from_h5_and_saved_model(suffix: str, tmp_path: Path) -> None:
    """64x64, three channels, -1..1, logits, outputs with names of the user's own, two of them for one emotion."""

    def scaled(pictures: np.ndarray) -> np.ndarray:
        large = np.stack([keras.ops.convert_to_numpy(keras.ops.image.resize(p[..., None], (64, 64))) for p in pictures])
        return np.repeat(large / np.float32(127.5) - 1, 3, -1)

    model = net(5, side=64, channels=3, last=None)
    teach(model, [1, 3, 4, 0, 7], scaled)
    path = tmp_path / f"mine{suffix}"
    model.save(path) if suffix else model.export(path, verbose=False)
    (tmp_path / "labels.txt").write_text("joy\nsad\nfurious\nbored\nwho knows\n")
    if not suffix:
        (tmp_path / "labels.txt").rename(path / "labels.txt")
    data = write_folders(tmp_path / "faces", FOUR, FOUR_EMOTIONS, 40)
    words = ["--calibrate", data, "--out", tmp_path / "out", "--map", "bored=neutral", "--max-loss", "5"]
    refused = run(path, *words)
    assert refused.returncode == 1
    assert "'who knows' mean none of neutral, happiness" in refused.stderr
    done = run(path, *words, "--map", "who knows=-")
    assert done.returncode == 0, done.stderr
    assert "pixels: -1..1" in done.stderr
    card = json.loads((tmp_path / "out" / "emotion.json").read_text())
    assert card["labels"] == ["happiness", "sadness", "anger", "neutral"]
    assert accuracy(tmp_path / "out", FOUR_EMOTIONS, FOUR_EMOTIONS) > 0.9


@pytest.mark.parametrize(
    ("kind", "opset", "dynamo"), [("residual", 13, False), ("plain", 17, False), ("plain", 18, True)]
)
def test_an_onnx_file_from_pytorch(kind: str, opset: int, dynamo: bool, tmp_path: Path, faces: Path) -> None:
    """Plain nets are often slower in int8 on a workstation, which is no reason to refuse them."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed (tools/requirements-train.txt)")
    if dynamo:
        pytest.importorskip("onnxscript", reason="onnxscript is not installed")
    path = tmp_path / "net.onnx"
    export_onnx(torch, path, kind, opset, dynamo)
    words = ["--calibrate", faces, "--out", tmp_path / "out", "--labels", ",".join(FER), "--max-loss", 5]
    done = run(path, *words, "--pixels", "0.5/0.25")
    assert done.returncode == 0, done.stderr
    assert accuracy(tmp_path / "out", FER_EMOTIONS, FER_EMOTIONS) > 0.9


def test_a_plain_onnx_file_that_was_refused_as_slower_than_float(shared_dir: Path, tmp_path: Path) -> None:
    path = shared_dir / "cases" / "a_legacy17_static.onnx"
    if not path.exists():
        pytest.skip(f"{path} is missing")
    data = write_folders(tmp_path / "faces", [EMOTIONS[at] for at in range(7)], list(range(7)), 40)
    done = run(path, "--calibrate", data, "--out", tmp_path / "out", "--labels", ",".join(EMOTIONS[:7]))
    assert done.returncode == 0, done.stderr
    assert accuracy(tmp_path / "out", list(range(7)), list(range(7))) > 0.9
    assert not [line for line in done.stderr.splitlines() if line != line.rstrip()]


def nets(torch: Any) -> dict[str, Any]:
    """A residual net, and a plain one of convolutions, ReLU, pooling and one dense layer; both take seconds to fit."""
    nn = torch.nn

    class Residual(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.stem = nn.Sequential(
                nn.Conv2d(1, 12, 3, 2, 1, bias=False), nn.BatchNorm2d(12), nn.ReLU(), nn.MaxPool2d(3, 2, 1)
            )
            self.one = nn.Sequential(nn.Conv2d(12, 12, 3, 1, 1, bias=False), nn.BatchNorm2d(12), nn.ReLU(),
                                     nn.Conv2d(12, 12, 3, 1, 1, groups=12, bias=False), nn.BatchNorm2d(12))  # fmt: skip
            self.pool, self.one_more = nn.AvgPool2d(2), nn.Conv2d(12, 16, 1)
            self.head = nn.Sequential(nn.Flatten(), nn.Linear(16 * 36, 24), nn.ReLU6(), nn.Linear(24, 7))

        def forward(self, x: Any) -> Any:
            x = self.stem(x)
            x = torch.relu(x + self.one(x))
            return torch.softmax(self.head(torch.relu(self.one_more(self.pool(x)))), 1)

    def plain() -> Any:
        layers = [nn.Conv2d(1, 12, 3, 1, 1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(12, 24, 3, 1, 1), nn.ReLU(),
                  nn.MaxPool2d(2), nn.Conv2d(24, 24, 3, 1, 1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
                  nn.Linear(864, 7), nn.Softmax(1)]  # fmt: skip
        return nn.Sequential(*layers)

    return {"residual": Residual, "plain": plain}


def export_onnx(torch: Any, path: Path, kind: str, opset: int, dynamo: bool) -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    model = nets(torch)[kind]()
    pictures, truth = draw_set(FER_EMOTIONS, 60, seed=1)
    x, y = torch.tensor(pictures[:, None] / 255.0 - 0.5, dtype=torch.float32) / 0.25, torch.tensor(truth)
    adam = torch.optim.Adam(model.parameters(), 0.005)
    for _ in range(8):
        for at in torch.randperm(len(x)).split(64):
            adam.zero_grad()
            torch.nn.functional.nll_loss(torch.log(model(x[at]) + 1e-6), y[at]).backward()
            adam.step()
    exported = torch.onnx.export(
        model.eval(), (x[:1],), None if dynamo else str(path), input_names=["x"], opset_version=opset, dynamo=dynamo
    )
    if dynamo:
        exported.save(str(path))


# --- refusals and fine-tuning -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def uneven(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network whose channels differ five thousandfold, which float does not mind and int8 cannot hold."""
    folder = tmp_path_factory.mktemp("uneven")
    model = net(7, last=None)
    teach(model, FER_EMOTIONS, lambda p: p[..., None] / np.float32(255))
    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    after = [layer for layer in model.layers if type(layer) is keras.layers.Conv2D][1:]
    for norm, conv in zip(norms[:2], after, strict=True):
        factor = np.random.default_rng(0).permutation(np.geomspace(1, 5000, 12))
        scale, offset, mean, variance = norm.get_weights()
        norm.set_weights([scale * factor, offset * factor, mean, variance])
        [kernel] = conv.get_weights()
        conv.set_weights([kernel / factor[:, None]])
    model.save(folder / "uneven.keras")
    write_folders(folder / "faces", FER, FER_EMOTIONS, 80)
    return folder


def test_a_model_that_loses_recall_is_refused_and_nothing_is_harmed(uneven: Path, tmp_path: Path) -> None:
    (tmp_path / "emotion.tflite").write_bytes(b"earlier")
    (tmp_path / "emotion.json").write_bytes(b"card")
    words = [uneven / "uneven.keras", "--calibrate", uneven / "faces", "--out", tmp_path, "--labels", "fer2013"]
    done = run(*words, "--pixels", "0..1")
    assert done.returncode == 4, done.stderr
    assert "Recall falls by more than 1 point" in done.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"emotion.tflite", "emotion.json", "emotion.refused.html"}
    assert (tmp_path / "emotion.tflite").read_bytes() == b"earlier"
    assert "Refused." in (tmp_path / "emotion.refused.html").read_text()


def test_fine_tuning_brings_back_what_int8_lost(uneven: Path, tmp_path: Path) -> None:
    words = [uneven / "uneven.keras", "--calibrate", uneven / "faces", "--out", tmp_path, "--labels", "fer2013"]
    done = run(*words, "--pixels", "0..1", "--qat", "--max-loss", 3)
    assert done.returncode == 0, done.stderr
    assert "plain quantising is not enough" in done.stderr
    assert "fine-tuning" in json.loads((tmp_path / "emotion.json").read_text())["made_of"]["method"]
    assert accuracy(tmp_path, FER_EMOTIONS, FER_EMOTIONS) > 0.9


def test_labels_in_the_wrong_order_are_noticed(seven: Path, faces: Path, tmp_path: Path) -> None:
    names = "neutral,happy,sad,surprise,fear,disgust,angry"
    done = run(seven, "--calibrate", faces, "--out", tmp_path, "--labels", names, "--pixels", "0..1")
    assert done.returncode == 1
    assert "The float model itself is right on" in done.stderr
    assert "try --labels fer2013" in done.stderr
    assert not list(tmp_path.iterdir())


# --- models that cannot be used ---------------------------------------------------------------------------------


def spoilt(kind: str, folder: Path, good: Path) -> Path:
    """A file or folder that `open_source` has to refuse."""
    path = folder / f"model.{kind.partition(' ')[0]}"
    if kind == "keras cut short":
        path.write_bytes(good.read_bytes()[: good.stat().st_size // 2])
    elif kind in ("h5 cut short", "onnx cut short"):
        path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    elif kind == "keras channels":
        net(4, channels=2).save(path)
    elif kind == "keras vector":
        model = keras.Sequential([keras.Input((100,)), keras.layers.Dense(4)])
        model.save(path)
    elif kind == "keras two":
        pair = [keras.Input((48, 48, 1)) for _ in range(2)]
        keras.Model(pair, keras.layers.Dense(4)(keras.layers.Flatten()(keras.layers.Add()(pair)))).save(path)
    elif kind == "keras maps":
        inputs = keras.Input((48, 48, 1))
        keras.Model(inputs, keras.layers.Conv2D(4, 3)(inputs)).save(path)
    elif kind == "keras code":
        inputs = keras.Input((48, 48, 1))
        keras.Model(inputs, keras.layers.Lambda(lambda x: x * 2)(inputs)).save(path)
    elif kind == "h5 weights":
        net(4).save_weights(folder / "model.weights.h5")
        path = folder / "model.weights.h5"
    elif kind == "folder":
        path.mkdir()
    elif kind != "nothing":
        path.write_bytes(b"something")
    return path


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("nothing", r"does not exist; give a Keras"),
        ("pt", r"ends in '.pt'; give .*torch.onnx.export"),
        ("tflite", r"ends in '.tflite'.*lacks what quantising needs"),
        ("folder", r"is not a SavedModel \(it has no saved_model.pb\)"),
        ("keras", r"cannot be loaded"),
        ("keras cut short", r"cannot be loaded .*damaged, cut short"),
        ("h5 cut short", r"cannot be loaded"),
        ("onnx cut short", r"The ONNX model .* cannot be loaded .*cut short"),
        ("h5 weights", r"cannot be loaded"),
        ("keras channels", r"takes pictures of 2 channels, \[any, 48, 48, 2\]"),
        ("keras vector", r"takes \[any, 100\], not one picture"),
        ("keras two", r"has 2 inputs and 1 output;"),
        ("keras maps", r"answers with \[any, 46, 46, 4\], not with one value for each of two or more classes"),
        ("keras code", r"contains Python code, which this tool does not run"),
    ],
)
def test_models_that_cannot_be_used_get_one_sentence(kind: str, message: str, seven: Path, tmp_path: Path) -> None:
    from tools.quantising.refusal import Mistake
    from tools.quantising.source import open_source

    with pytest.raises(Mistake, match=message) as caught:
        open_source(spoilt(kind, tmp_path, seven))
    assert "\n" not in str(caught.value)


def test_onnx_operators_that_have_no_place_are_named(tmp_path: Path) -> None:
    from onnx import TensorProto, helper, save

    from tools.quantising.refusal import Mistake
    from tools.quantising.source import open_source

    picture = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, 48, 48])
    row = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 1, 48, 48])
    graph = helper.make_graph([helper.make_node("Erf", ["x"], ["y"])], "g", [picture], [row])
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), tmp_path / "m.onnx")
    with pytest.raises(Mistake, match="uses the operators Erf, which this tool cannot turn into int8"):
        open_source(tmp_path / "m.onnx")


def test_keras_operators_without_an_int8_form_are_named(faces: Path, tmp_path: Path) -> None:
    inputs = keras.Input((48, 48, 1))
    x = keras.layers.Flatten()(keras.layers.Conv2D(4, 5, 4, activation="gelu")(inputs))
    x = keras.ops.sin(x)
    keras.Model(inputs, keras.layers.Dense(7)(x)).save(tmp_path / "m.keras")
    words = [tmp_path / "m.keras", "--calibrate", faces, "--out", tmp_path / "out", "--labels", "fer2013"]
    done = run(*words, "--pixels", "0..1")
    assert done.returncode in (1, 5), done.stderr
    assert "SIN" in done.stderr.upper()
    assert not (tmp_path / "out" / "emotion.tflite").exists()
