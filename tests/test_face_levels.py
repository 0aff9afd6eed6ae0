"""Levelling a face: ordinary light passes untouched, darkness is lifted, and nothing jumps in between."""

import itertools
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from device.perception import emotion
from device.perception.emotion import EmotionClassifier
from device.perception.face_levels import BRIGHTEST, DARKEST, level, levels

ROOT = Path(__file__).resolve().parent.parent
FACES = Path(os.environ.get("AFFETTO_SHARED", ROOT.parent / "shared")) / "data" / "emotion"
sys.path.insert(0, str(ROOT))

from tools.labelled.emotions import read_split  # noqa: E402

needs_faces = pytest.mark.skipif(not FACES.exists(), reason=f"the labelled faces are not at {FACES}")
RAMP = np.linspace(20, 200, 48 * 48).reshape(48, 48)


def lit(share: float) -> np.ndarray:
    return np.clip(np.round(RAMP * share), 0, 255).astype(np.uint8)


def test_a_face_in_ordinary_light_is_left_as_it_is() -> None:
    for share in (0.8, 1.0, 1.4):
        assert DARKEST < lit(share).mean() < BRIGHTEST
        np.testing.assert_array_equal(level(lit(share)), lit(share))


@pytest.mark.parametrize("share", [0.08, 0.2, 0.5])
def test_a_dark_face_is_lifted_towards_the_darkest_ordinary_one(share: float) -> None:
    before, after = lit(share), level(lit(share))
    assert before.mean() < DARKEST
    assert 0.6 * DARKEST < after.mean() < 1.05 * DARKEST
    assert after.std() > 1.1 * before.std()


def test_a_bright_face_is_dimmed() -> None:
    bright = (255 - lit(0.3)).astype(np.uint8)
    assert bright.mean() > BRIGHTEST
    assert level(bright).mean() == pytest.approx(BRIGHTEST, abs=8)


def test_light_that_fades_makes_no_jump() -> None:
    faces = [level(lit(share)).astype(int) for share in np.linspace(1.2, 0.1, 400)]
    steps = [np.abs(one - other).mean() for one, other in itertools.pairwise(faces)]
    assert max(steps) < 4


@given(arrays.arrays(np.uint8, (12, 12)))
def test_brighter_stays_brighter_and_the_ends_stay(crop: np.ndarray) -> None:
    curve = levels(crop)
    assert curve.dtype == np.uint8
    assert (np.diff(curve.astype(int)) >= 0).all()
    assert (curve[0], curve[255]) == (0, 255)
    assert level(crop).shape == crop.shape


@given(st.sampled_from([0, 255]))
def test_nothing_but_black_or_white_is_survived(gray: int) -> None:
    assert (level(np.full((48, 48), gray, np.uint8)) == gray).all()


@needs_faces
def test_the_classifier_reads_dark_faces_better_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    faces = read_split(FACES, "valid")
    truth = faces.majority()
    clear = np.flatnonzero(truth >= 0)[:300]
    dark = np.round(faces.faces[clear] * 0.08).astype(np.uint8)
    classifier = EmotionClassifier.load(ROOT / "models")

    def right() -> float:
        return float(np.mean([classifier.scores(c).argmax() == t for c, t in zip(dark, truth[clear], strict=True)]))

    levelled = right()
    monkeypatch.setattr(emotion, "levels", lambda _: np.arange(256))
    assert levelled > right() + 0.05
