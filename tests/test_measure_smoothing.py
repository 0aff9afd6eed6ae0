"""Measuring the smoothing: the figures on tracks worked out by hand, and hours that are as their description says."""

import json
import math
import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from device.config.schema import MoodConfig
from device.domain import MOOD_AFFECT, MoodName

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tools.labelled.emotions import LabelledFaces  # noqa: E402
from tools.smoothing import faces as smoothing_faces  # noqa: E402
from tools.smoothing import measure as measure_smoothing  # noqa: E402
from tools.smoothing import methods, onset, scenes  # noqa: E402
from tools.smoothing.faces import MOODS, VIEWS, Bank  # noqa: E402
from tools.smoothing.scenes import FPS, HOUR, Scene  # noqa: E402

FACES = Path(os.environ.get("AFFETTO_SHARED", ROOT.parent / "shared")) / "data" / "emotion"
needs_faces = pytest.mark.skipif(not FACES.exists(), reason=f"the labelled faces are not at {FACES}")
HAPPY, NEUTRAL, SAD = (MOODS.index(name) for name in (MoodName.HAPPY, MoodName.NEUTRAL, MoodName.SAD))
CLEAR = {
    HAPPY: (0.02, 0.92, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01),
    NEUTRAL: (0.92, 0.02, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01),
    SAD: (0.06, 0.01, 0.01, 0.88, 0.01, 0.01, 0.01, 0.01),
}


def scene(*pieces: tuple[float, int], there: np.ndarray | None = None) -> Scene:
    """Clear faces, so many seconds of each mood."""
    mood = np.repeat([mood for _, mood in pieces], [round(seconds * FPS) for seconds, _ in pieces])
    everywhere = np.ones(len(mood), bool) if there is None else there
    scores = np.array([CLEAR[m] for m in mood.tolist()])
    return Scene(mood, scores, np.full(len(mood), 0.9), everywhere, np.ones(len(mood), int))


@pytest.fixture(scope="module")
def bank() -> Bank:
    """Ten faces of each of three moods, all of which the model reads rightly."""
    moods = np.repeat([HAPPY, NEUTRAL, SAD], 10)
    scores = np.repeat(np.array([CLEAR[m] for m in moods.tolist()])[:, None], VIEWS, 1)
    return Bank(moods, scores, np.full((30, VIEWS), 0.8), np.bincount(moods, minlength=len(MOODS)))


# --- Figures ----------------------------------------------------------------------------------------------------


def test_figures_of_a_track_worked_out_by_hand() -> None:
    true = np.repeat([NEUTRAL, HAPPY, SAD], 16)  # 2 s each
    reported = true.copy()
    reported[16:24] = NEUTRAL  # happy is reported a second late
    reported[4:6] = SAD  # a false switch, and back
    reported[32:] = HAPPY  # sad is never reported
    found = methods.judge([replace(scene((6, NEUTRAL)), mood=true)], [reported])
    assert methods.delays_s(true, reported) == [1.0, math.inf]
    assert found["seen"] == 0.5
    assert found["delay_s"] is None  # the median of 1 s and never
    assert found["right"] == round((48 - 8 - 2 - 16) / 48, 4)
    assert found["false_per_hour"] == pytest.approx(1 / (48 / HOUR), abs=0.1)
    assert found["right_by_mood"] == {"happy": 0.5, "neutral": 0.875, "sad": 0.0}


def test_raw_follows_every_reading_and_an_average_its_majority() -> None:
    one = scene((5, NEUTRAL), (0.25, SAD), (5, NEUTRAL))
    assert (methods.raw(one) == one.mood).all()
    assert (methods.average(one, 2.0) == NEUTRAL).all()
    late = methods.average(scene((10, NEUTRAL), (10, HAPPY)), 4.0)
    assert np.flatnonzero(late == HAPPY)[0] / FPS - 10 == pytest.approx(2.4, abs=0.8)  # calm lies on the way


def test_while_nobody_is_seen_the_last_mood_is_told() -> None:
    there = np.ones(160, bool)
    there[40:120] = False
    one = scene((5, HAPPY), (15, SAD), there=there)
    for reported in (methods.raw(one), methods.average(one, 1.0)):
        assert (reported[:120] == HAPPY).all()
        assert (reported[130:] == SAD).all()


def test_ours_is_the_room_mood_of_the_device() -> None:
    one = scene((20, HAPPY), (20, SAD))
    reported = methods.ours(one, MoodConfig(dwell_s=4))
    [first, second] = (int(np.flatnonzero(reported == mood)[0]) for mood in (HAPPY, SAD))
    assert 4 <= first / FPS <= 6
    assert 24 <= second / FPS <= 28
    assert methods.false_switches(one.mood, reported) == 0
    assert methods.ours(one, MoodConfig(dwell_s=0)).tolist().index(HAPPY) == 0


# --- Synthetic hours ----------------------------------------------------------------------------------------------


def test_an_hour_is_as_described_and_repeats(bank: Bank) -> None:
    hour = scenes.film(bank, HOUR, seed=1)
    again = scenes.film(bank, HOUR, seed=1)
    other = scenes.film(bank, HOUR, seed=2)
    np.testing.assert_array_equal(hour.mood, again.mood)
    np.testing.assert_array_equal(hour.certainty, again.certainty)
    assert (hour.mood != other.mood).any()
    holds_s = np.diff([0, *(np.flatnonzero(np.diff(hour.mood)) + 1)]) / FPS
    assert holds_s.min() >= 15
    assert 45 < holds_s.mean() < 110
    assert 0.85 < hour.there.mean() < 0.97
    wrong = methods.raw(hour) != hour.mood
    assert 0.03 < wrong[hour.there].mean() < 0.12  # mouth shapes: the faces themselves are read rightly
    assert 10 < hour.number.max() < 120
    assert hour.certainty.min() == pytest.approx(0.4)  # a first sighting counts half


def test_one_mood_makes_no_hour(bank: Bank) -> None:
    alone = replace(bank, often=np.where(np.arange(len(MOODS)) == HAPPY, 10, 0))
    with pytest.raises(ValueError, match="two moods"):
        scenes.film(alone, HOUR, seed=1)


def test_a_face_half_happy_and_half_neutral_is_truly_calm() -> None:
    assert MOODS[smoothing_faces.true_mood(np.array([5, 5, 0, 0, 0, 0, 0, 0]) / 10)] is MoodName.CALM
    assert MOODS[smoothing_faces.true_mood(np.array([0, 0, 0, 0, 0, 6, 4, 0]) / 10)] is MoodName.ANGRY
    assert set(MOODS) == set(MOOD_AFFECT)


def test_views_differ_and_certainty_is_the_eyes() -> None:
    votes = np.zeros((6, 10), np.float32)
    votes[:3, 1] = votes[3:, 3] = 10
    faces = LabelledFaces(np.random.default_rng(0).integers(0, 255, (6, 48, 48), np.uint8), votes)
    asked = []

    def score(crop: np.ndarray) -> np.ndarray:
        asked.append(crop)
        return np.full(8, 0.125, np.float32)

    seen = smoothing_faces.see(faces, score, a_mood=2)
    assert seen.moods.tolist() == [HAPPY, HAPPY, SAD, SAD]
    assert seen.often[HAPPY] == seen.often[SAD] == 3
    assert len(asked) == 4 * VIEWS
    assert len({crop.tobytes() for crop in asked}) == len(asked)
    near, far, edge = seen.certainty[:, :3], seen.certainty[:, 3], seen.certainty[:, 4]
    assert near.min() >= smoothing_faces.SCORE[0]
    assert (far < near.min()).any()
    assert (edge <= 0.95 * 0.9**2).all()


def test_held_out_faces_are_those_of_training() -> None:
    pytest.importorskip("torch")
    from tools.emotion import lessons

    votes = np.zeros((3000, 10), np.float32)
    votes[:, 0] = 10
    faces = LabelledFaces(np.random.default_rng(0).integers(0, 255, (3000, 48, 48), np.uint8), votes)
    theirs = lessons.split_off(faces, None)[2]
    np.testing.assert_array_equal(smoothing_faces.held_out(faces).faces, theirs.faces)


# --- Expressions that come up -----------------------------------------------------------------------------------


def test_the_partner_of_a_face_is_the_one_most_like_it() -> None:
    neutral = np.random.default_rng(0).integers(40, 200, (9, 48, 48), np.uint8)
    apexes = (neutral[[7, 2, 4]] * 0.8 + 20).astype(np.uint8)  # other light changes nothing
    assert onset.alike(apexes, neutral).tolist() == [7, 2, 4]


def test_a_sequence_begins_with_one_face_and_ends_with_the_other() -> None:
    neutral, apex = np.full((48, 48), 60, np.uint8), np.full((48, 48), 180, np.uint8)
    frames = onset.fade(neutral, apex, np.random.default_rng(0))
    means = [frame.mean() for frame in frames]
    assert len(frames) == round((onset.ONSET_S + onset.APEX_S) * FPS)
    assert means[0] < 75
    assert min(means[-round(onset.APEX_S * FPS) :]) > 150


def test_three_answers_are_held_against_the_label() -> None:
    """A scorer that sees happiness in bright faces: right wherever the apex is held, and not on the way there."""
    votes = np.zeros((40, 10), np.float32)
    votes[:20, 0] = votes[20:, 1] = 10
    grays = np.where(np.arange(40) < 20, 60, 180).astype(np.uint8)
    faces = LabelledFaces(np.broadcast_to(grays[:, None, None], (40, 48, 48)).copy(), votes)

    def score(crop: np.ndarray) -> np.ndarray:
        bright = float(crop.mean() > 140)
        scores = np.full(8, 0.01, np.float32)
        scores[0], scores[1] = (0.05, 0.89) if bright else (0.89, 0.05)
        return scores

    found = onset.measure(faces, score, 60.0)
    assert found["sequences"] == 20
    assert found["last frame"]["accuracy"] == found["mean of the apex"]["accuracy"] == 1
    assert found["filter"]["six_way"] == 1
    with pytest.raises(ValueError, match="take neutral faces"):
        onset.measure(faces.pick(np.arange(20)), score, 60.0)


# --- The command ------------------------------------------------------------------------------------------------


def test_the_default_settings_are_on_every_curve() -> None:
    default = MoodConfig()
    for name, values in measure_smoothing.TURNED.items():
        assert getattr(default, name) in values
    for name, values in measure_smoothing.CHOICES.items():
        assert getattr(default, name) in values


def test_late_and_jumpy_settings_are_not_allowed() -> None:
    good = {"delay_s": 5.0, "false_per_hour": 20.0}
    assert measure_smoothing.allowed(good)
    assert not measure_smoothing.allowed(good | {"delay_s": None})
    assert not measure_smoothing.allowed(good | {"delay_s": 6.1})
    assert not measure_smoothing.allowed(good | {"false_per_hour": 31.0})


@pytest.mark.slow
@needs_faces
def test_evaluate_measures_smoothing_and_draws_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from tools.evaluate import main

    pytest.importorskip("matplotlib")
    monkeypatch.setattr(measure_smoothing, "HOUR", HOUR // 20)
    monkeypatch.setattr(measure_smoothing, "TURNED", {"hold_s": (60,), "dwell_s": (3,), "margin": (0.3,)})
    monkeypatch.setattr(onset, "EACH", 10)
    monkeypatch.setattr(measure_smoothing, "see", lambda faces, score: smoothing_faces.see(faces, score, 10))
    words = ["smoothing", "--data", str(FACES), "--hours", "1", "--plots", str(tmp_path), "--json"]
    assert main(words) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["raw"]["false_per_hour"] > 5 * found["ours"]["false_per_hour"]
    assert found["turned"]["hold_s"]["60"] == found["ours"]
    assert (tmp_path / "smoothing.png").read_bytes()[:4] == b"\x89PNG"
    assert "ours, by default" in measure_smoothing.table(found)


@needs_faces
def test_no_hours_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    from tools.evaluate import main

    assert main(["smoothing", "--data", str(FACES), "--hours", "0"]) == 1
    assert "at least one is needed" in capsys.readouterr().err
