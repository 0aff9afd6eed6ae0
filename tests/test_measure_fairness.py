"""Measuring fairness: intervals worked out by hand, who is called the worst, and the command on a few real faces."""

import json
from pathlib import Path

import numpy as np
import pytest

from tools.evaluate import main
from tools.fairness import groups
from tools.fairness import measure as measure_fairness
from tools.labelled.emotions import ExtraFaces


def test_intervals_are_wilsons() -> None:
    """8 of 10: 0.490 to 0.943, as in Newcombe's paper; none of none says nothing."""
    assert groups.wilson(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-3)
    assert groups.wilson(0, 0) == (0.0, 1.0)
    assert groups.wilson(10, 10)[1] == 1.0


def test_the_interval_of_a_difference_is_newcombes() -> None:
    """56 of 70 against 48 of 80: 0.2, from 0.0524 to 0.3339 (Newcombe 1998, table II, case a, method 10)."""
    better, worse = (groups.row(np.arange(count) < right) for right, count in ((56, 70), (48, 80)))
    assert groups.difference(better, worse) == pytest.approx([0.0524, 0.3339], abs=1e-3)


def test_the_worst_group_is_held_against_all_others() -> None:
    right = np.array([True] * 90 + [False] * 10 + [True] * 60 + [False] * 40 + [True] * 80 + [False] * 20)
    found = groups.by_group(right, ["a"] * 100 + ["b"] * 100 + ["c"] * 100)
    assert found["worst"]["group"] == "b"
    assert found["worst"]["gap"] == pytest.approx(0.85 - 0.6)
    assert found["worst"]["gap_interval"][0] > 0.1


def test_a_handful_of_faces_is_never_the_worst_group() -> None:
    right = np.array([False] * 5 + [True] * 50 + [True] * 45 + [False] * 5)
    found = groups.by_group(right, ["few"] * 5 + ["one"] * 50 + ["two"] * 50)
    assert found["groups"]["few"]["share"] == 0
    assert found["worst"]["group"] == "two"


def test_ages_stand_in_order() -> None:
    names = ["more than 70", "0-2", "10-19", "3-9"] * 10
    rows = groups.by_group(np.ones(40, bool), names)["groups"]
    assert list(rows) == ["0-2", "3-9", "10-19", "more than 70"]


def test_tones_are_fifths_from_dark_to_light() -> None:
    crops = np.repeat(np.arange(50, 150, dtype=np.uint8), 48 * 48).reshape(100, 48, 48)
    told = measure_fairness.tones(crops)
    assert [told.count(tone) for tone in measure_fairness.TONES] == [20] * 5
    assert told[0] == "1 darkest"
    assert told[-1] == "5 lightest"


def test_dim_faces_keep_an_eighth_of_their_light() -> None:
    crop = np.full((48, 48), 160, np.uint8)
    dim = measure_fairness.lights(crop[None])[" dim"]
    assert dim.mean() == pytest.approx(20, abs=0.3)
    assert dim.std() == pytest.approx(2, abs=0.3)


def test_a_set_without_groups_is_refused() -> None:
    nobody = ExtraFaces("x", np.zeros((1, 48, 48), np.uint8), np.zeros(1, int), np.full((1, 8), 0.125, np.float32), {})
    with pytest.raises(ValueError, match="no columns age, gender, race"):
        measure_fairness.groups_of(nobody)


def test_the_command_tells_shares_of_all_groups(shared_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = shared_dir / "data"
    words = ["fairness", "--data", str(data / "emotion_extra"), "--faces", str(data / "faces"), "--every", "200"]
    assert main([*words, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found) == {"split", "faces", "read", "read dim", "found", "found dim"}
    for share in ("read", "found"):
        assert found[share]["all"]["share"] > 0.5
        assert sum(one["faces"] for one in found[share]["race"]["groups"].values()) == found[share]["all"]["faces"]
    assert "worst against all others" in measure_fairness.table(found)


def test_another_split_is_refused(shared_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fairness", "--data", str(shared_dir / "data" / "emotion_extra"), "--split", "test"]) == 1
    assert "knows the splits valid and train" in capsys.readouterr().err
