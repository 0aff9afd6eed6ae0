"""The training of the music model on synthetic features: teacher, pupil, folds, calibration, and the exported model.

Needs tools/requirements-train.txt, which a device has not; skipped, with the reason, where it is not installed.
"""

import argparse
import csv
import json
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed (tools/requirements-train.txt)")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from device.domain import Affect
from device.music.track_mood import FEATURES, TrackMood
from tests.audio import tone
from tools import train_music
from tools.music import card as music_card
from tools.music import data as music_data
from tools.music import measure as measure_music
from tools.music import net as music_net

WIDTH = 80
CLIPS = 120
RECIPE = music_net.Recipe(ramps=8)


@pytest.fixture
def clips() -> music_data.Clips:
    quadrants = np.arange(CLIPS) % 4
    artists = np.array([f"artist {number // 3}" for number in range(CLIPS)])
    splits = np.where(np.arange(CLIPS) < 90, "train", "dev")
    return music_data.Clips(tuple(Path(f"{n}.opus") for n in range(CLIPS)), quadrants, artists, splits)


@pytest.fixture
def heard(clips: music_data.Clips) -> music_data.Heard:
    """Four clouds that overlap, in a few of many dimensions, each feature on a scale of its own."""
    random = np.random.default_rng(0)
    values = random.standard_normal((CLIPS, 3, WIDTH)) * 0.3 + random.standard_normal((CLIPS, 1, WIDTH))
    values[np.arange(CLIPS), :, clips.quadrants] += 6
    values = values * np.logspace(-2, 3, WIDTH) + 7
    return music_data.Heard(tuple(f"f{n}" for n in range(WIDTH)), values.astype(np.float32))


def test_standard_features_have_mean_0_deviation_1_and_ends(heard: music_data.Heard) -> None:
    standard = music_net.Standard.of(heard.values)(heard.values)
    assert np.abs(standard.mean((0, 1))).max() < 0.1
    assert standard.std((0, 1)) == pytest.approx(np.ones(WIDTH), abs=0.1)
    assert np.abs(standard).max() <= music_net.FURTHEST


def test_the_model_tells_clips_that_it_does_not_know(heard: music_data.Heard, clips: music_data.Clips) -> None:
    train = clips.splits == "train"
    standard = music_net.Standard.of(heard.values[train])
    net = music_net.learn(RECIPE, standard(heard.values[train]), clips.quadrants[train])
    logits = net.logits(standard(heard.values[~train, 0]))
    assert logits.shape == (30, 4)
    assert (logits.argmax(1) == clips.quadrants[~train]).mean() > 0.8


def test_a_feature_may_matter_in_the_middle_and_not_at_its_ends() -> None:
    """A straight line cannot learn this; ramps can."""
    values = np.random.default_rng(0).uniform(-2, 2, (300, 1, 3)).astype(np.float32)
    quadrants = np.where(np.abs(values[:, 0, 0]) < 0.8, 2, 3)
    net = music_net.learn(music_net.Recipe(ridge=0.02, weighed=False), values, quadrants)
    tried = np.zeros((3, 3), np.float32)
    tried[:, 0] = -1.6, 0, 1.6
    assert net.logits(tried).argmax(1).tolist() == [3, 2, 3]


def test_ramps_follow_one_another() -> None:
    far = music_net.FURTHEST
    passed = music_net.ramps(np.array([[-far, 0.0, far, far / 2]]), 4)[0]
    assert passed.tolist() == [[0, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 1], [1, 1, 1, 0]]


def test_likeness_puts_variants_of_a_clip_together(heard: music_data.Heard) -> None:
    standard = music_net.Standard.of(heard.values)(heard.values)
    axes = music_net.principal_axes(standard)
    whole, part = (row / np.linalg.norm(row, axis=1, keepdims=True) for row in (standard[:, v] @ axes for v in (0, 1)))
    assert ((whole @ part.T).argmax(1) == np.arange(CLIPS)).mean() > 0.9


def test_no_artist_is_on_both_sides_of_a_fold(clips: music_data.Clips) -> None:
    judged = np.zeros(CLIPS, int)
    for learn, judge in train_music.fold_rows(clips, 5, seed=1):
        assert not set(clips.artists[learn]) & set(clips.artists[judge])
        judged[judge] += 1
    assert (judged == 1).all()


def test_a_stopped_cross_validation_goes_on_to_the_same_figures(
    heard: music_data.Heard, clips: music_data.Clips, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = train_music.unseen(RECIPE, heard, clips, 3, 0, tmp_path / "whole")
    learn, calls = music_net.learn, []

    def stop_at_the_second(*arguments: object) -> music_net.MoodNet:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return learn(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(music_net, "learn", stop_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        train_music.unseen(RECIPE, heard, clips, 3, 0, tmp_path / "parts")
    again = train_music.unseen(RECIPE, heard, clips, 3, 0, tmp_path / "parts")
    assert len(calls) == 4  # one kept, one stopped, two more
    np.testing.assert_allclose(again, whole, atol=1e-5)


def test_temperature_undoes_too_much_or_too_little_confidence() -> None:
    random = np.random.default_rng(0)
    logits = random.standard_normal((4000, 4))
    shares = music_card.softmax(logits)
    truth = np.array([random.choice(4, p=row) for row in shares])
    for factor in (0.5, 1.0, 2.0):
        assert music_card.temperature(factor * logits, truth) == pytest.approx(factor, rel=0.08)


def test_the_exported_pair_answers_like_the_net(
    heard: music_data.Heard, clips: music_data.Clips, tmp_path: Path
) -> None:
    pytest.importorskip("keras", reason="Keras is not installed (tools/requirements-train.txt)")
    from rich.console import Console

    train = clips.splits == "train"
    standard = music_net.Standard.of(heard.values[train])
    net = music_net.learn(RECIPE, standard(heard.values[train]), clips.quadrants[train])
    learnt = music_card.Learnt(net, standard, heard, clips, 1.3, {}, {"how": "test"})
    music_card.export(learnt, tmp_path, Console(quiet=True))
    card = json.loads((tmp_path / "music_mood.json").read_text())
    assert card["figures"]["cross_validation"] == {"how": "test"}
    assert card["figures"]["int8"]["macro_f1"] > 0.7
    values = heard.values[~train, 0]
    expected = music_card.softmax(net.logits(standard(values)) / 1.3)
    found = music_card.int8_shares(learnt, (tmp_path / "music_mood.tflite").read_bytes(), card, values)
    assert np.abs(found - expected).mean() < 0.02


# --- Data and measuring ----------------------------------------------------------------------------------------


def folder(tmp_path: Path, **columns: list[object]) -> Path:
    with (tmp_path / "clips.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
    return tmp_path


def test_clips_are_read_and_mistakes_named(tmp_path: Path) -> None:
    names = ["a.wav", "b.wav"]
    made = folder(tmp_path, file=names, quadrant=["Q1", "Q3"], split=["train", "dev"], artist_id=["x", "y"])
    assert music_data.read(made).quadrants.tolist() == [0, 2]
    with pytest.raises(ValueError, match="no split test; it has dev, train"):
        music_data.read_labels(made, "test")
    with pytest.raises(ValueError, match=r"b\.wav has quadrant 'Q5'"):
        music_data.read(folder(tmp_path, file=names, quadrant=["Q1", "Q5"], split=["a", "b"], artist_id=["x", "y"]))
    with pytest.raises(ValueError, match="no column split"):
        music_data.read(folder(tmp_path, file=names))
    with pytest.raises(ValueError, match="--data wants the folder"):
        music_data.read(tmp_path / "nowhere")


def test_features_of_variants_are_kept_and_not_computed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tone(tmp_path / "a.wav", 13.0)
    made = folder(tmp_path, file=["a.wav"], quadrant=["Q1"], split=["train"], artist_id=["x"])
    clips = music_data.read(made)
    first = music_data.hear(clips, tmp_path / "cache", lambda done, total: None)
    assert first.values.shape == (1, music_data.VARIANTS, len(first.names))
    assert np.isfinite(first.values).all()
    assert not np.allclose(first.values[0, 0], first.values[0, 1])
    monkeypatch.setattr(music_data, "_extract", lambda path: pytest.fail("computed again"))
    again = music_data.hear(clips, tmp_path / "cache", lambda done, total: None)
    np.testing.assert_array_equal(again.values, first.values)


def mood(valence: float, arousal: float, features: list[float]) -> TrackMood:
    vector = np.pad(np.array(features), (0, FEATURES - len(features)))
    return TrackMood(Affect(valence, arousal), 0.5, (0.25,) * 4, 0.0, vector.astype("<f2").tobytes(), None)


def test_figures_of_a_judgement_worked_out_by_hand() -> None:
    shares = np.array([[0.7, 0.1, 0.1, 0.1], [0.7, 0.1, 0.1, 0.1], [0.1, 0.1, 0.7, 0.1], [0.1, 0.1, 0.1, 0.7]])
    found = measure_music.judge(shares, np.array([0, 1, 2, 2]))
    assert found["accuracy"] == 0.5
    assert found["arousal"] == 1.0
    assert found["valence"] == 0.5
    assert found["macro_f1"] == pytest.approx((2 / 3 + 0 + 2 / 3) / 3, abs=1e-4)
    assert found["ece"] == pytest.approx(0.2)
    assert found["recall"] == {"Q1": 1.0, "Q2": 0.0, "Q3": 0.5, "Q4": 0.0}


def test_correlation_and_likeness_worked_out_by_hand() -> None:
    moods = [mood(-0.5, 0.1, [1, 0]), mood(0.0, 0.2, [0.9, 0.4]), mood(0.5, 0.0, [0, 1])]
    felt = np.array([[1.0, 5.0], [2.0, 6.0], [3.0, 4.0]])
    assert measure_music.correlate(moods, felt) == {"valence": 1.0, "arousal": 1.0}
    assert measure_music.nearest(moods, np.array(["x", "x", "y"])) == {"found": 1.0, "chance": 0.5}


def test_measuring_the_shipped_model_ends_in_a_table(models_dir: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed (tools/requirements-train.txt)")
    names = [tone(tmp_path / f"{n}.wav", 3.0, hz=200.0 * (n + 1)).name for n in range(3)]
    felt = {"valence": [0.1, 0.2, 0.7], "arousal": [3, 1, 2]}
    made = folder(
        tmp_path, file=names, quadrant=["Q1", "Q2", "Q3"], split=["dev"] * 3, artist_id=["x", "x", "y"], **felt
    )
    arguments = argparse.Namespace(data=made, split="dev", models=models_dir, plots=tmp_path / "plots")
    figures = measure_music.measure(arguments)
    assert json.loads(json.dumps(figures))["clips"] == 3
    assert "macro-F1" in measure_music.table(figures)
    assert (tmp_path / "plots" / "music.png").stat().st_size > 10_000
