"""The emotion classifier on real faces where they are at hand, and on bad crops and cards always."""

import json
import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from device.domain import EMOTIONS, Face
from device.errors import ModelError
from device.model import Card, read_card
from device.perception.crop import BOX_PX, CENTRE_PX, SIZE_PX, align
from device.perception.emotion import EmotionClassifier, softmax

ROOT = Path(__file__).resolve().parent.parent
MODELS = ROOT / "models"
FACES = Path(os.environ.get("AFFETTO_SHARED", ROOT.parent / "shared")) / "data" / "emotion"
sys.path.insert(0, str(ROOT))

from tools.emotion import measure as measure_emotion  # noqa: E402
from tools.labelled.emotions import read_split  # noqa: E402
from tools.model import files  # noqa: E402

needs_faces = pytest.mark.skipif(not FACES.exists(), reason=f"the labelled faces are not at {FACES}")


@pytest.fixture(scope="module")
def classifier() -> EmotionClassifier:
    return EmotionClassifier.load(MODELS)


# --- scores -----------------------------------------------------------------------------------------------------


def test_scores_are_probabilities(classifier: EmotionClassifier) -> None:
    for seed in range(5):
        scores = classifier.scores(np.random.default_rng(seed).integers(0, 256, (48, 48), np.uint8))
        assert scores.dtype == np.float32
        assert scores.shape == (len(EMOTIONS),)
        assert (scores >= 0).all()
        assert scores.sum() == pytest.approx(1, abs=1e-5)


def test_a_mirrored_face_scores_the_same(classifier: EmotionClassifier) -> None:
    crop = np.random.default_rng(0).integers(0, 256, (48, 48), np.uint8)
    np.testing.assert_array_equal(classifier.scores(crop), classifier.scores(crop[:, ::-1]))


class LeftEye:
    """A model that tells only how bright the left edge is, in the first of its logits."""

    def __init__(self, card: Card) -> None:
        self.card = card
        self.runs = 0

    def run(self, stored: np.ndarray) -> list[np.ndarray]:
        self.runs += 1
        return [np.eye(1, len(EMOTIONS), dtype=np.float32) * stored[0, :, 0].mean()]


@pytest.mark.parametrize(("symmetrical", "first", "runs"), [(True, 127, 1), (False, (127 - 128) / 2, 2)])
def test_the_mirror_image_is_looked_at_unless_the_model_does_so_itself(
    symmetrical: bool, first: float, runs: int
) -> None:
    card = read_card(MODELS / "emotion.json", "emotion")
    model = LeftEye(replace(card, raw=card.raw | {"symmetrical": symmetrical}))
    crop = np.tile(np.linspace(255, 0, 48).astype(np.uint8), (48, 1))
    assert EmotionClassifier(model).logits(crop)[0] == pytest.approx(first)  # type: ignore[arg-type]
    assert model.runs == runs


def test_a_view_into_a_larger_picture_can_be_scored(classifier: EmotionClassifier) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (96, 96), np.uint8)
    view = picture[::2, ::2]
    np.testing.assert_array_equal(classifier.scores(view), classifier.scores(view.copy()))


@pytest.mark.parametrize(
    "crop",
    [
        np.zeros((64, 64), np.uint8),
        np.zeros((48, 48, 1), np.uint8),
        np.zeros((48, 48, 3), np.uint8),
        np.zeros(0, np.uint8),
        np.zeros((48, 48), np.int8),
        np.zeros((48, 48), np.float32),
        np.full((48, 48), np.nan),
        [[0] * 48] * 48,
        None,
    ],
)
def test_other_crops_are_refused(classifier: EmotionClassifier, crop: Any) -> None:
    with pytest.raises(ValueError, match=r"A face to score is uint8 \[48, 48\], not"):
        classifier.scores(crop)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": [*EMOTIONS[:7], "boredom"]}, "boredom; an emotion model needs two or more of"),
        ({"labels": [*EMOTIONS[:7], "fear"]}, "each once"),
        ({"labels": []}, "has the labels .none."),
        ({"labels": list(EMOTIONS[:7])}, "of 7 labels has"),
        ({"temperature": None}, "temperature"),
        ({"temperature": 0}, "temperature"),
    ],
)
def test_a_card_of_other_emotions_is_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    shutil.copy(MODELS / "emotion.tflite", tmp_path)
    card = json.loads((MODELS / "emotion.json").read_text())
    (tmp_path / "emotion.json").write_text(json.dumps(card | changes))
    with pytest.raises(ModelError, match=message):
        EmotionClassifier.load(tmp_path)


def test_outputs_are_sorted_by_the_labels_of_the_card(classifier: EmotionClassifier, tmp_path: Path) -> None:
    shutil.copy(MODELS / "emotion.tflite", tmp_path)
    card = json.loads((MODELS / "emotion.json").read_text())
    (tmp_path / "emotion.json").write_text(json.dumps(card | {"labels": list(reversed(EMOTIONS))}))
    crop = np.random.default_rng(0).integers(0, 256, (48, 48), np.uint8)
    np.testing.assert_array_equal(EmotionClassifier.load(tmp_path).scores(crop), classifier.scores(crop)[::-1])


def test_softmax_bears_large_logits() -> None:
    np.testing.assert_allclose(softmax(np.array([1000, 1000, -1000], np.float32)), [0.5, 0.5, 0])


@pytest.mark.slow
@needs_faces
def test_real_faces_as_well_as_the_card_says(classifier: EmotionClassifier) -> None:
    """The whole validation split: the figures in the card are what this program gets, give or take rounding."""
    faces = read_split(FACES, "valid")
    truth = faces.majority()
    crops, truth = faces.faces[truth >= 0], truth[truth >= 0]
    found = measure_emotion.figures(truth, measure_emotion.score_all(classifier.scores, crops))
    claimed = json.loads((MODELS / "emotion.json").read_text())["figures"]["int8"]
    assert found["accuracy"] == pytest.approx(claimed["accuracy"], abs=0.005)
    assert found["ece"] == pytest.approx(claimed["ece"], abs=0.01)
    assert found["accuracy"] > 0.80
    assert found["accuracy_7_classes"] > 0.70
    for name in ("neutral", "happiness", "surprise", "sadness", "anger"):
        assert found["recall"][name] > 0.5


# --- crop -------------------------------------------------------------------------------------------------------


def face_at(eyes: tuple[float, float], across: float, down: float, degrees: float = 0) -> Face:
    """A face with its eyes' middle at `eyes`, turned clockwise in the picture."""
    turn = np.exp(1j * np.radians(degrees))
    middle = complex(*eyes)
    spots = (-across / 2, across / 2, 0.5j * down, -across / 3 + 1j * down, across / 3 + 1j * down)
    points = tuple(((middle + spot * turn).real, (middle + spot * turn).imag) for spot in spots)
    side = 2.5 * across
    return Face(eyes[0] - side / 2, eyes[1] - side / 2.5, side, side * 1.25, 0.9, points)


def paint(face: Face, shape: tuple[int, int] = (480, 640)) -> np.ndarray:
    """A gray frame with a white blob on each eye and a black one on the middle of the mouth."""
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    frame = np.full(shape, 128.0)
    mouth = (np.array(face.landmarks[3]) + face.landmarks[4]) / 2
    radius = face.w / 15
    for (x, y), level in ((face.landmarks[0], 255), (face.landmarks[1], 255), (tuple(mouth), 0)):
        frame[(columns - x) ** 2 + (rows - y) ** 2 < radius**2] = level
    return frame.astype(np.uint8)


def centre(mask: np.ndarray) -> np.ndarray:
    rows, columns = np.nonzero(mask)
    return np.array([columns.mean(), rows.mean()])


@pytest.mark.parametrize("degrees", [0, 20, -35, 90, 180])
@pytest.mark.parametrize("across", [24.0, 60.0, 130.0])
def test_align_levels_the_eyes_and_keeps_the_framing(across: float, degrees: float) -> None:
    face = face_at((320, 230), across, across, degrees)
    crop = align(paint(face), face)
    assert crop.shape == (48, 48)
    assert crop.dtype == np.uint8
    columns = np.arange(48)
    right, left = centre((crop > 180) & (columns < 24)), centre((crop > 180) & (columns >= 24))
    mouth = centre(crop < 76)
    assert abs(right[1] - left[1]) < 0.8
    middle = ((right + left) / 2 + mouth) / 2
    np.testing.assert_allclose(middle, CENTRE_PX, atol=0.8)
    size = np.hypot(left[0] - right[0], mouth[1] - (right[1] + left[1]) / 2)
    assert size == pytest.approx(SIZE_PX, abs=1.2)


def test_align_at_the_edge_repeats_the_edge() -> None:
    frame = np.full((100, 100), 77, np.uint8)
    np.testing.assert_array_equal(align(frame, face_at((2, 2), 40, 40)), 77)
    np.testing.assert_array_equal(align(frame, face_at((-500, -500), 40, 40)), 77)


def test_align_goes_by_the_box_when_all_landmarks_are_one_spot() -> None:
    frame = np.zeros((200, 200), np.uint8)
    frame[60:140, 60:140] = 200
    face = Face(60, 60, 80, 80, 0.9, ((100.0, 100.0),) * 5)
    crop = align(frame, face)
    assert crop[24, 24] == 200
    assert crop[0, 0] == 0
    assert (crop > 100).sum() == pytest.approx(BOX_PX**2, rel=0.06)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_align_refuses_a_face_without_numbers(value: float) -> None:
    face = Face(0, 0, 10, 10, 0.9, ((value, 0.0), (1.0, 0.0), (0.0, 1.0), (0.0, 1.0), (1.0, 1.0)))
    with pytest.raises(ValueError, match="not finite"):
        align(np.zeros((100, 100), np.uint8), face)


@pytest.mark.parametrize(
    "frame", [np.zeros((9, 9, 3), np.uint8), np.zeros((9, 9), np.float32), np.zeros((0, 9), np.uint8)]
)
def test_align_refuses_other_frames(frame: np.ndarray) -> None:
    with pytest.raises(ValueError, match="A frame is uint8"):
        align(frame, face_at((4, 4), 4, 4))


# --- measuring and writing --------------------------------------------------------------------------------------


def test_figures_of_a_known_case() -> None:
    truth = np.array([0, 0, 1, 7])
    probabilities = np.zeros((4, 8), np.float32)
    probabilities[0, 0] = probabilities[2, 1] = 1
    probabilities[1, [1, 0]] = 0.6, 0.4
    probabilities[3, [7, 2]] = 0.8, 0.2
    found = measure_emotion.figures(truth, probabilities)
    assert found["accuracy"] == 0.75
    assert found["accuracy_7_classes"] == pytest.approx(2 / 3, abs=1e-4)
    assert found["recall"]["neutral"] == 0.5
    assert found["recall"]["sadness"] is None
    assert found["mean_recall_without_contempt"] == 0.75
    assert found["confusion"]["neutral"] == [1, 1, 0, 0, 0, 0, 0, 0]
    assert found["ece"] == pytest.approx((0 + 0.6 + 0 + 0.2) / 4, abs=1e-4)


def write_sheet(folder: Path, rows: list[str], faces: int = 100) -> None:
    import cv2

    columns = "index,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"
    (folder / "x_valid.csv").write_text("\n".join([columns, *rows]) + "\n")
    cv2.imwrite(str(folder / "x_valid.png"), np.zeros((48, 48 * faces), np.uint8))


def test_majority_and_distribution_follow_ferplus(tmp_path: Path) -> None:
    write_sheet(
        tmp_path,
        [
            "0,6,3,1,0,0,0,0,0,0,0",  # neutral: 6 of 9, the single vote struck out
            "1,5,5,0,0,0,0,0,0,0,0",  # no majority
            "2,0,0,0,0,0,0,0,0,8,2",  # unknown
            "3,1,1,1,1,1,1,1,1,1,1",  # nothing left
            "4,4,0,0,0,0,0,0,0,3,0",  # neutral: 4 of 7
        ],
    )
    faces = read_split(tmp_path, "valid")
    assert faces.majority().tolist() == [0, -1, -1, -1, 0]
    soft, weight = faces.distribution()
    np.testing.assert_allclose(soft.sum(1), 1)
    np.testing.assert_allclose(soft[0, :3], [6 / 9, 3 / 9, 0])
    np.testing.assert_allclose(weight, [1, 1, 0, 0, 4 / 7])


@pytest.mark.parametrize(
    ("rows", "faces", "message"),
    [
        ([], 100, "needs the columns"),
        (["0,x,0,0,0,0,0,0,0,0,0"], 100, "not a number"),
        (["0,5,0,0,0,0,0,0,0,0,0"], 99, "not a sheet"),
        (["0,5,0,0,0,0,0,0,0,0,0"] * 101, 100, "101 rows"),
    ],
)
def test_a_bad_sheet_is_named(tmp_path: Path, rows: list[str], faces: int, message: str) -> None:
    write_sheet(tmp_path, rows, faces)
    with pytest.raises(ValueError, match=message):
        read_split(tmp_path, "valid")


def test_evaluate_says_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from tools.evaluate import main

    assert main(["emotion", "--data", str(tmp_path)]) == 1
    assert "files called *_valid.png" in capsys.readouterr().err


def test_evaluate_prints_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from tools.evaluate import main

    write_sheet(tmp_path, ["0,6,3,0,0,0,0,0,0,0,0"])
    assert main(["emotion", "--data", str(tmp_path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["clear_faces"] == 1
    assert sum(found["confusion"]["neutral"]) == 1
    assert found["size_bytes"] < 500_000
    assert found["latency_p50_ms"] > 0


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "emotion.tflite"
    target.write_bytes(b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        files.write_atomically(target, b"new")
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_write_pair_refuses_a_card_of_other_bytes(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="does not describe"):
        files.write_pair(tmp_path, "emotion", b"bytes", {"sha256": "0" * 64})
    assert not list(tmp_path.iterdir())
