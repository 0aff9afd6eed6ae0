"""The hard set of the emotion model: what each corruption does, that it repeats, and that the figures add up."""

import json
import math
import os
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tools.emotion import hard  # noqa: E402
from tools.emotion import measure as measure_emotion  # noqa: E402
from tools.labelled.emotions import LabelledFaces, read_split  # noqa: E402

FACES = Path(os.environ.get("AFFETTO_SHARED", ROOT.parent / "shared")) / "data" / "emotion"
needs_faces = pytest.mark.skipif(not FACES.exists(), reason=f"the labelled faces are not at {FACES}")
KINDS = list(hard.KINDS)


@pytest.fixture(scope="module")
def crops() -> np.ndarray:
    """Eight smooth pictures with edges, about as contrasty as faces."""
    random = np.random.default_rng(3)
    rows, columns = np.mgrid[:48, :48]
    waves = [np.sin(columns / random.uniform(2, 6)) * np.cos(rows / random.uniform(2, 6)) for _ in range(8)]
    return np.stack([120 + 70 * wave + 25 * (columns > 20) for wave in waves]).astype(np.uint8)


@pytest.mark.parametrize("kind", KINDS)
def test_every_severity_changes_more_than_the_one_before(crops: np.ndarray, kind: str) -> None:
    many = np.tile(crops, (6, 1, 1))  # enough for the grays that hide faces to even out
    changes = [np.abs(hard.corrupt(many, kind, severity).astype(int) - many).mean() for severity in hard.SEVERITIES]
    assert changes[0] > 0
    assert changes == sorted(changes)


@pytest.mark.parametrize("kind", KINDS)
def test_corruption_repeats_and_leaves_the_face_alone(crops: np.ndarray, kind: str) -> None:
    before = crops.copy()
    one, two = hard.corrupt(crops, kind, 5), hard.corrupt(crops, kind, 5)
    np.testing.assert_array_equal(one, two)
    np.testing.assert_array_equal(crops, before)
    assert one.dtype == np.uint8
    assert one.shape == crops.shape


def test_a_face_is_corrupted_alike_among_more_faces(crops: np.ndarray) -> None:
    np.testing.assert_array_equal(hard.corrupt(crops, "noise", 3)[:4], hard.corrupt(crops[:4], "noise", 3))


def test_severity_five_is_what_the_kind_is_named_after(crops: np.ndarray) -> None:
    dark = hard.corrupt(crops, "gamma 4", 5)
    np.testing.assert_allclose(dark, 255 * (crops / 255) ** 4, atol=0.51)
    bright = hard.corrupt(crops, "gamma 0.25", 5)
    np.testing.assert_allclose(bright, 255 * (crops / 255) ** 0.25, atol=0.51)
    noise = hard.corrupt(np.full((40, 48, 48), 128, np.uint8), "noise", 5)
    assert noise.std() == pytest.approx(50, rel=0.05)
    hidden = hard.corrupt(crops, "half hidden", 5)
    untouched = (hidden == crops).mean((1, 2))
    assert ((untouched >= 0.5) & (untouched < 0.55)).all()


@pytest.mark.parametrize(("kind", "reach_px"), [("motion blur", 11), ("defocus", 9)])
def test_blur_spreads_a_dot_without_moving_or_losing_it(kind: str, reach_px: int) -> None:
    dot = np.zeros((16, 49, 49), np.uint8)
    dot[:, 24, 24] = 255
    for blurred in hard.corrupt(dot, kind, 5).astype(float):
        rows, columns = np.nonzero(blurred)
        assert blurred.sum() == pytest.approx(255, rel=0.12)
        assert np.average(rows, weights=blurred[rows, columns]) == pytest.approx(24, abs=0.2)
        assert np.average(columns, weights=blurred[rows, columns]) == pytest.approx(24, abs=0.2)
        assert reach_px - 4 <= max(np.ptp(rows), np.ptp(columns)) + 1 <= reach_px + 2


@pytest.mark.parametrize(("kind", "severity"), [("fog", 1), ("noise", 0), ("noise", 6)])
def test_what_does_not_exist_is_refused(crops: np.ndarray, kind: str, severity: int) -> None:
    with pytest.raises(ValueError, match="no corruption"):
        hard.corrupt(crops, kind, severity)


def test_zoom_enlarges_about_the_middle(crops: np.ndarray) -> None:
    np.testing.assert_array_equal(hard.zoomed(crops, 1.0), crops)
    square = np.zeros((1, 48, 48), np.uint8)
    square[0, 14:34, 14:34] = 200
    larger = hard.zoomed(square, 1.3)[0] > 100
    assert larger.sum() == pytest.approx(26**2, rel=0.02)
    np.testing.assert_array_equal(larger, larger[::-1, ::-1])


def test_the_suite_counts_what_the_scorer_gets_right(crops: np.ndarray) -> None:
    """A scorer that tells dark from other pictures is right on half of the darkened ones, if half were called dark."""

    def score(crop: np.ndarray) -> np.ndarray:
        return np.eye(8, dtype=np.float32)[int(crop.mean() < 60)]

    truth = np.array([1, 0] * 4)
    found = hard.measure_suite(score, crops, truth)
    assert found["faces"] == 8
    assert set(found["by_kind"]) == set(KINDS)
    assert found["by_severity"]["gamma 4"][4] == 0.5
    assert found["by_severity"]["JPEG 20"] == [0.5] * 5
    assert found["mean"] == pytest.approx(np.mean(list(found["by_kind"].values())), abs=1e-3)
    assert hard.measure_suite(score, crops, truth, every=2)["by_kind"]["noise"] == 0.0


def test_reliability_holds_every_face_and_makes_the_calibration_error() -> None:
    random = np.random.default_rng(0)
    probabilities = random.dirichlet(np.full(8, 0.3), 500)
    truth = random.integers(0, 8, 500)
    bins = measure_emotion.reliability(truth, probabilities)
    assert sum(one["faces"] for one in bins) == 500
    error = sum(one["faces"] * abs(one["sure"] - one["right"]) for one in bins) / 500
    assert error == pytest.approx(measure_emotion.calibration_error(truth, probabilities), abs=1e-3)


def test_what_quantising_cost_is_read_from_the_card() -> None:
    kinds = {
        "float": {"accuracy": 0.88, "recall": {"neutral": 0.9, "fear": 0.5, "contempt": None}},
        "int8": {"accuracy": 0.879, "recall": {"neutral": 0.91, "fear": 0.48, "contempt": None}},
    }
    found = measure_emotion.quantised({"figures": kinds})["quantised"]
    assert found == {"accuracy": -0.001, "recall": {"neutral": 0.01, "fear": -0.02}}
    assert measure_emotion.quantised({"figures": {"int8": kinds["int8"]}}) == {}
    assert measure_emotion.quantised({}) == {}


def every_tenth_face(data: Path, split: str) -> LabelledFaces:
    faces = read_split(data, split)
    return faces.pick(np.arange(0, len(faces), 10))


@pytest.mark.slow
@needs_faces
def test_evaluate_measures_everything_and_draws_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from tools.evaluate import main

    pytest.importorskip("matplotlib")
    monkeypatch.setattr(measure_emotion, "read_split", every_tenth_face)
    words = ["emotion", "--data", str(FACES), "--every", "40", "--plots", str(tmp_path / "new"), "--json"]
    assert main(words) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["hard"]["faces"] == math.ceil(found["clear_faces"] / 40)
    assert found["framing"]["1"] == found["accuracy"]
    assert found["framing"]["1.3"] < found["accuracy"] + 0.01
    for name in ("confusion", "recall", "reliability", "hard"):
        assert (tmp_path / "new" / f"{name}.png").read_bytes()[:4] == b"\x89PNG"
    measure_emotion.table(found)
