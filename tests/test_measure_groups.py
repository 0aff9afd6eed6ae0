"""The simulation of households: what it assumes holds, and its figures come out whole and repeatable."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from device.domain import Outcome
from device.music.recommend.group import Plan, Strategy
from tools import evaluate
from tools.groups import measure as measure_groups
from tools.groups.household import GroupSetting, Household, Shared
from tools.recommend.listeners import Music, Setting

SMALL = GroupSetting(Setting(songs=60), people=4)


def home(setting: GroupSetting = SMALL, seed: int = 1) -> Household:
    return Household(setting, Music(setting.listener, np.random.default_rng([seed, 10])), seed)


def test_the_same_seed_is_the_same_life() -> None:
    lives = [measure_groups.live(SMALL, "fair", Plan(Strategy.AVERAGE, 1.0), 3, 90) for _ in range(2)]
    assert lives[0] == lives[1]
    assert set(lives[0]) == set(measure_groups.MEASURES)


def test_people_come_and_go_but_somebody_is_always_there() -> None:
    household = home(replace(SMALL, coming=0.5))
    counts: Counter[int] = Counter()
    names: Counter[str] = Counter()
    for _ in range(300):
        household.hear(0)
        household.next_song()
        counts[len(household.present)] += 1
        names.update(household.present)
    assert min(counts) == 1, "some sittings are of one person"
    assert max(counts) == 4
    assert len(names) == 4


@pytest.mark.parametrize(("setting", "low", "high"), [
    (replace(SMALL, common=0.0), -0.4, 0.4),
    (replace(SMALL, common=0.9), 0.7, 1.0),
    (replace(SMALL, common=0.9, camps=True), -1.0, -0.7),
])  # fmt: skip
def test_tastes_are_as_alike_as_the_setting_says(setting: GroupSetting, low: float, high: float) -> None:
    one, other = (home(setting).people[name] for name in ("p0", "p1"))
    assert low <= float(np.corrcoef(one.song_taste, other.song_taste)[0, 1]) <= high


def test_one_bold_person_is_enough_to_skip_and_the_device_may_know_who() -> None:
    household = home(replace(SMALL, boldness=1.0, named=1.0, alone=0.0, listener=Setting(songs=60, base=-3.0)))
    skipped = [household.hear(number) for number in range(40)]
    assert all(one.skipped and one.share < 1 for one in skipped)
    assert all(min(one.satisfaction, key=one.satisfaction.__getitem__) == one.by[0] for one in skipped[:5])
    silent = home(replace(SMALL, boldness=0.0, alone=0.0))
    assert not any(silent.hear(number).skipped for number in range(40))


def test_moods_meet() -> None:
    household = home(replace(SMALL, contagion=0.9, alone=0.0))
    for number in range(10):
        household.hear(number)
    moods = [household.people[name].mood for name in household.present]
    assert max(float(np.hypot(*(one - moods[0]))) for one in moods) < 0.3


def test_the_figures_mean_what_they_say() -> None:
    """Two people for six songs: one bears everything, the other half of it."""
    heard = [
        (0, Shared(1.0, number == 0, (), {"b": Outcome.LIKED}, {"a": 0.9, "b": 0.9 if number % 2 else 0.1}))
        for number in range(6)
    ]
    figures = measure_groups.summary(heard)
    assert figures["mean"] == pytest.approx(70)
    assert figures["least"] == pytest.approx(50)
    assert figures["misery"] == pytest.approx(50)
    assert figures["skips"] == pytest.approx(100 / 6)
    assert figures["spread"] == figures["lasting"] == pytest.approx(40)


def test_figures_table_and_plot(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(measure_groups, "TUNING", {"small": (SMALL, "a small home")})
    ours = "multiplicative, fair"
    ways = {"random": None, "turns": Plan(Strategy.TURNS, 1.0), ours: Plan(Strategy.MULTIPLICATIVE, 1.0)}
    monkeypatch.setattr(measure_groups, "WAYS", ways)
    words = ["groups", "--tuning", "--households", "2", "--songs", "120", "--plots", str(tmp_path)]
    assert evaluate.main([*words, "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert list(figures["settings"]["small"]["ways"]) == list(ways)
    assert (tmp_path / "groups.png").stat().st_size > 10_000
    means = {way: row["mean"]["mean"] for way, row in figures["settings"]["small"]["ways"].items()}
    assert figures["differences"]["turns"]["mean"]["mean"] == pytest.approx(means[ours] - means["turns"], abs=0.01)
    assert "turns" in measure_groups.table(figures)


def test_too_little_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate.main(["groups", "--households", "1"]) == 1
    assert "--households must be at least 2" in capsys.readouterr().err


def test_learning_from_the_others_is_measured_and_nothing_changes_without_weight(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measure_groups, "NEWCOMERS", {"small": SMALL})
    assert evaluate.main(["groups", "--newcomers", "--households", "2", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["newcomers"]["small"]
    assert list(rows) == ["0.0", "0.5", "1.0"]
    assert rows["0.0"]["next 30, difference"] == {"mean": 0.0, "half": 0.0}
    assert rows["1.0"]["next 30, difference"]["mean"] != 0.0
    assert "newcomer" in measure_groups.table({"newcomers": {"small": rows}})
