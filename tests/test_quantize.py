"""The decisions of tools/quantize.py, without TensorFlow: labels, samples, pictures, the verdict, and the sentences
for bad input. test_quantize_models.py has the conversions, test_quantize_install.py the installing."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import pytest
from rich.console import Console

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from device.perception.emotion import EmotionClassifier  # noqa: E402
from tests.quantize_pictures import draw_set, write_folders  # noqa: E402
from tools.labelled.emotions import EMOTIONS, VOTES  # noqa: E402
from tools.quantising import device as quantize_device  # noqa: E402
from tools.quantising import labels  # noqa: E402
from tools.quantising.compare import Compared, compared, slower, temperature, verdict  # noqa: E402
from tools.quantising.faces import Reader  # noqa: E402
from tools.quantising.progress import Display  # noqa: E402
from tools.quantising.refusal import Code, Mistake  # noqa: E402
from tools.quantising.samples import choose  # noqa: E402

MODELS = ROOT / "models"


# --- labels -----------------------------------------------------------------------------------------------------


def test_anybodys_names_in_any_order_become_emotions() -> None:
    outputs = labels.assign(["0_Angry", "Happy", "scared", "SAD", "Neutral", "unknown"], {})
    assert outputs.labels == ("anger", "happiness", "fear", "sadness", "neutral")
    assert outputs.groups == ((0,), (1,), (2,), (3,), (4,))
    assert not outputs.untouched
    assert outputs.missing() == ("surprise", "disgust", "contempt")


def test_two_names_for_one_emotion_share_an_output() -> None:
    outputs = labels.assign(["calm", "neutral", "joy"], labels.read_map(["calm=neutral"]))
    assert outputs.labels == ("neutral", "happiness")
    assert outputs.groups == ((0, 1), (2,))


def test_known_orders_need_no_change() -> None:
    for name in labels.ORDERS:
        assert labels.assign(labels.read_order(name), {}).untouched


@pytest.mark.parametrize(
    ("names", "pairs", "message"),
    [
        (["happy", "bored"], [], r"'bored' mean none of neutral, .*--map bored=.*--map bored=-"),
        (["happy", "suprised"], [], r"--map suprised=surprise"),
        (["happy", "joy"], [], r"mean 1 emotion; the device needs two"),
        (["happy", "sad"], ["bored"], r"--map bored is not NAME=EMOTION"),
        (["happy", "sad"], ["bored=tired"], r"--map bored=tired is not NAME=EMOTION"),
    ],
)
def test_names_that_mean_nothing_are_named(names: list[str], pairs: list[str], message: str) -> None:
    with pytest.raises(Mistake, match=message):
        labels.assign(names, labels.read_map(pairs))


def test_a_wrong_number_of_labels_names_the_orders_that_would_do() -> None:
    with pytest.raises(Mistake, match=r"has 7 outputs, but nobody names 0 \(nothing\).*--labels fer2013"):
        labels.check_count((), 7, "nobody")


# --- samples ----------------------------------------------------------------------------------------------------


def lit(levels: Iterable[int], seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    pictures = [level + random.normal(0, 4 + 20 * random.random(), (48, 48)) for level in levels]
    return np.clip(pictures, 0, 255).astype(np.uint8)


def test_samples_are_balanced_over_classes_and_light() -> None:
    """900 dim faces of one class and 100 of another, of every light: each gives half, and the few bright ones count."""
    crops = np.concatenate([lit([60] * 850 + [200] * 50, 1), lit(range(30, 230, 2), 2)])
    truth = np.array([0] * 900 + [1] * 100)
    choice = choose(crops, truth, 60)
    assert choice.per_class == {0: 30, 1: 30}
    assert len(set(choice.indices.tolist())) == 60
    bright = crops[choice.indices].mean((1, 2))
    assert (bright[truth[choice.indices] == 0] > 150).any()
    assert np.ptp(bright[truth[choice.indices] == 1]) > 120


def test_samples_are_the_same_every_time_and_no_more_than_there_are() -> None:
    crops, truth = draw_set([0, 1, 2], 7, seed=3)
    first = choose(crops, truth, 12)
    assert first.indices.tolist() == choose(crops, truth, 12).indices.tolist()
    assert len(choose(crops, truth, 500).indices) == 21


def test_faces_without_labels_are_sampled_too() -> None:
    crops, _ = draw_set([0, 1], 20, seed=3)
    assert choose(crops, np.full(40, -1), 10).per_class == {-1: 10}


# --- pictures ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Screen:
    """A display into a pipe; `warnings` are the sentences so far."""

    written: io.StringIO = field(default_factory=io.StringIO)

    @property
    def display(self) -> Display:
        return Display(Console(file=self.written, soft_wrap=True))

    @property
    def warnings(self) -> list[str]:
        return [line for line in self.written.getvalue().splitlines() if "warning: " in line]


@pytest.fixture
def screen() -> Screen:
    return Screen()


@pytest.fixture
def reader(screen: Screen) -> Reader:
    return Reader({}, False, screen.display)


def test_class_folders_are_divided_and_copies_of_a_picture_stay_together(reader: Reader, tmp_path: Path) -> None:
    write_folders(tmp_path, ["happy", "02 sad"], [1, 3], 20)
    for path in list((tmp_path / "happy").iterdir())[:10]:
        shutil.copy(path, path.with_name(f"copy-{path.name}"))
    first, second = reader.halves(tmp_path)
    assert {EMOTIONS[at] for at in first.truth} == {"happiness", "sadness"}
    assert len(first) + len(second) == 50
    assert not {crop.tobytes() for crop in first.crops} & {crop.tobytes() for crop in second.crops}
    assert (second.truth == 3).sum() == 10


def test_folders_that_come_divided_stay_so(reader: Reader, tmp_path: Path) -> None:
    write_folders(tmp_path / "train", ["happy", "sad"], [1, 3], 6, seed=1)
    write_folders(tmp_path / "test", ["happy", "sad"], [1, 3], 9, seed=2)
    first, second = reader.halves(tmp_path)
    assert (len(first), len(second)) == (12, 18)
    assert len(reader.all(tmp_path)) == 18


def test_unreadable_pictures_are_left_out_and_named(reader: Reader, screen: Screen, tmp_path: Path) -> None:
    write_folders(tmp_path, ["happy", "sad"], [1, 3], 10)
    (tmp_path / "happy" / "broken.jpg").write_bytes(b"\xff\xd8 not a picture")
    first, second = reader.halves(tmp_path)
    assert len(first) + len(second) == 20
    [warning] = screen.warnings
    assert "Of 21 pictures" in warning
    assert ", 1 cannot be read" in warning
    assert "happy/broken.jpg" in warning


def test_large_pictures_without_a_face_are_left_out_unless_they_are_cropped(
    reader: Reader, screen: Screen, tmp_path: Path
) -> None:
    write_folders(tmp_path, ["happy", "sad"], [1, 3], 10)
    cv2.imwrite(str(tmp_path / "sad" / "wall.png"), np.full((300, 300), 120, np.uint8))
    assert sum(map(len, reader.halves(tmp_path))) == 20
    assert "1 show no face that the device can find" in screen.warnings[0]
    cropped = Reader({}, True, screen.display)
    assert sum(map(len, cropped.halves(tmp_path))) == 21


def test_a_folder_with_sheets(reader: Reader, tmp_path: Path) -> None:
    write_sheet(tmp_path, "train", 30)
    first, second = reader.halves(tmp_path)
    assert len(first) + len(second) == 30
    write_sheet(tmp_path, "valid", 20)
    first, second = reader.halves(tmp_path)
    assert (len(first), len(second)) == (30, 20)
    assert set(first.truth.tolist()) == {0, 1}


def write_sheet(folder: Path, split: str, count: int) -> None:
    pictures, _ = draw_set([0, 1], count // 2, seed=count)
    sheet = np.zeros((48, 4800), np.uint8)
    for at, picture in enumerate(pictures):
        sheet[:, at * 48 : (at + 1) * 48] = picture
    cv2.imwrite(str(folder / f"my_{split}.png"), sheet)
    rows = [",".join(VOTES)] + [",".join("10" if at == n % 2 else "0" for at in range(10)) for n in range(count)]
    (folder / f"my_{split}.csv").write_text("\n".join(rows))


def spoil_nothing(folder: Path) -> Path:
    return folder / "not there"


def spoil_empty(folder: Path) -> Path:
    return folder


def spoil_classes(folder: Path) -> Path:
    (folder / "happy").mkdir()
    return folder


def spoil_name(folder: Path) -> Path:
    return write_folders(folder, ["happy", "cats"], [1, 3], 6)


def spoil_all(folder: Path) -> Path:
    (folder / "happy").mkdir()
    for number in range(12):
        (folder / "happy" / f"{number}.jpg").write_bytes(b"text")
    return folder


def spoil_file(folder: Path) -> Path:
    (folder / "faces.zip").write_bytes(b"PK")
    return folder / "faces.zip"


def spoil_video(folder: Path) -> Path:
    (folder / "film.mp4").write_bytes(b"no film")
    return folder / "film.mp4"


def spoil_sheet(folder: Path) -> Path:
    write_sheet(folder, "train", 30)
    (folder / "my_train.csv").write_text("index,emotion\n0,3\n")
    return folder


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (spoil_nothing, r"not there do not exist; give a folder"),
        (spoil_empty, r"holds no folders; put the pictures of each emotion into a folder of its own"),
        (spoil_classes, r"hold no pictures; put JPEG or PNG"),
        (spoil_name, r"cats means none of neutral.*--map cats="),
        (spoil_all, r"Of 12 pictures .* 12 cannot be read"),
        (spoil_file, r"faces.zip are neither a folder nor a video"),
        (spoil_video, r"film.mp4 cannot be opened"),
        (spoil_sheet, r"my_train.csv needs the columns neutral"),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_data_that_cannot_be_used_get_one_sentence(spoil: object, message: str, reader: Reader, tmp_path: Path) -> None:
    assert callable(spoil)
    with pytest.raises(Mistake, match=message) as caught:
        reader.halves(spoil(tmp_path))
    assert "\n" not in str(caught.value)


# --- the verdict ------------------------------------------------------------------------------------------------


def answers(wrong: dict[int, int]) -> Compared:
    """200 faces of each of two classes; float is right on all, int8 wrong on so many of a class."""
    truth = np.repeat([1, 3], 200)
    before = np.eye(8, dtype=np.float32)[truth]
    after = before.copy()
    for label, count in wrong.items():
        after[np.flatnonzero(truth == label)[:count]] = np.eye(8)[0]
    return Compared(truth, before, after, ("happiness", "sadness"))


@pytest.mark.parametrize(
    ("wrong", "unfit", "code"),
    [
        ({}, (), Code.DONE),
        ({1: 2}, (), Code.DONE),  # exactly one point
        ({1: 3}, (), Code.WORSE),
        ({3: 40}, (), Code.WORSE),
        ({}, ("it is too large",), Code.UNFIT),
        ({3: 40}, ("it is too large",), Code.UNFIT),
    ],
)
def test_the_verdict(wrong: dict[int, int], unfit: tuple[str, ...], code: Code) -> None:
    found, reasons = verdict(answers(wrong), unfit, 1.0)
    assert found == code
    assert bool(reasons) == (code != Code.DONE)
    assert all(reason.endswith(".") for reason in reasons)


@pytest.mark.parametrize(
    ("speeds_ms", "warned"),
    [((1.0, 0.5), False), ((1.0, 1.2), True), ((0.010, 0.012), False)],  # 2 microseconds are no difference
)
def test_the_speed_of_a_workstation_is_a_hint(speeds_ms: tuple[float, float], warned: bool) -> None:
    warning = slower(speeds_ms)
    assert (warning is not None) == warned
    if warning:
        assert "On this workstation int8 takes 1.200 ms a face and float 1.000 ms. That is only a hint" in warning
        assert "--install measures on the device" in warning


def test_a_lost_recall_names_class_points_and_faces() -> None:
    _, [reason] = verdict(answers({3: 40}), (), 1.0)
    assert "falls by more than 1 point: sadness 20.0 points (40 of 200 faces). Fine-tune" in reason
    assert "--qat" in reason


def test_without_labels_the_models_have_to_agree() -> None:
    known = answers({1: 40})
    unknown = Compared(np.full(400, -1), known.before, known.after, known.labels)
    assert unknown.figures() == {}
    assert verdict(unknown, (), 1.0)[0] == Code.WORSE
    assert verdict(Compared(unknown.truth, known.before, known.before, known.labels), (), 1.0)[0] == Code.DONE


def test_the_temperature_undoes_overconfidence() -> None:
    random = np.random.default_rng(0)
    truth = random.integers(0, 8, 4000)
    logits = random.normal(0, 1, (4000, 8)) + 2 * np.eye(8)[truth]
    honest = temperature(logits.astype(np.float32), truth)
    assert temperature((logits * 3).astype(np.float32), truth) == pytest.approx(3 * honest, rel=0.02)
    shown = compared(truth, logits, logits * 3, EMOTIONS).figures()
    assert shown["int8"]["ece"] < 0.03
    assert temperature(logits[:9], truth[:9]) == 1


# --- the device's side ------------------------------------------------------------------------------------------


def test_the_shipped_model_has_no_faults() -> None:
    pytest.importorskip("ai_edge_litert", reason="this runtime cannot take models apart")
    card = json.loads((MODELS / "emotion.json").read_text())
    assert quantize_device.faults((MODELS / "emotion.tflite").read_bytes(), card) == ()


def test_operators_that_are_too_new_for_the_device_are_named() -> None:
    schema = pytest.importorskip("ai_edge_litert.schema_py_generated", reason="this runtime cannot take models apart")
    import flatbuffers

    model = schema.ModelT.InitFromPackedBuf((MODELS / "emotion.tflite").read_bytes(), 0)
    model.operatorCodes[0].version = 99
    builder = flatbuffers.Builder(0)
    builder.Finish(model.Pack(builder), b"TFL3")
    [fault] = quantize_device.faults(bytes(builder.Output()), {})
    assert "its TFLite runtime 2.14 lacks the operator " in fault
    assert "(version 99)" in fault


def test_scores_of_a_model_of_four_emotions_are_still_eight(tmp_path: Path) -> None:
    """The card decides: outputs that are left out do not exist for the device."""
    shutil.copy(MODELS / "emotion.tflite", tmp_path)
    card = json.loads((MODELS / "emotion.json").read_text())
    swapped = ["happiness", "neutral", *EMOTIONS[2:]]
    (tmp_path / "emotion.json").write_text(json.dumps(card | {"labels": swapped}))
    crop = np.full((48, 48), 100, np.uint8)
    scores, shipped = EmotionClassifier.load(tmp_path).scores(crop), EmotionClassifier.load(MODELS).scores(crop)
    np.testing.assert_array_equal(scores[:2], shipped[:2][::-1])


# --- the command line -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words", [["x.keras"], ["x.keras", "--calibrate", "y", "--samples", "0"], ["--calibrate", "y"]]
)
def test_wrong_arguments_are_exit_code_2(words: list[str]) -> None:
    command = [sys.executable, str(ROOT / "tools" / "quantize.py"), *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "usage:" in done.stderr


def test_a_pair_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk fills up while the card is written: the earlier pair stays, and nothing lies about."""
    from tools.model import files

    for suffix in ("tflite", "json"):
        (tmp_path / f"emotion.{suffix}").write_bytes(b"earlier")
    tflite, card = (MODELS / "emotion.tflite").read_bytes(), json.loads((MODELS / "emotion.json").read_text())
    stage = files._stage

    def full(path: Path, content: bytes) -> Path:
        if path.suffix == ".json":
            raise OSError(28, "No space left on device")
        return stage(path, content)

    monkeypatch.setattr(files, "_stage", full)
    with pytest.raises(OSError, match="No space"):
        files.write_pair(tmp_path, "emotion", tflite, card)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        "emotion.tflite": b"earlier",
        "emotion.json": b"earlier",
    }
    monkeypatch.undo()
    files.write_pair(tmp_path, "emotion", tflite, card)
    EmotionClassifier.load(tmp_path)
    assert len(list(tmp_path.iterdir())) == 2
