"""The simulation of listeners: what it assumes holds, and its figures come out whole, repeatable and honest in form."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pytest

from device.domain import MOOD_AFFECT, MoodName, Now, Outcome, Target
from tools import evaluate
from tools.recommend import measure as measure_recommend
from tools.recommend.choosers import CHOOSERS
from tools.recommend.listeners import DAY_S, Listener, Music, Setting

SMALL = Setting(songs=60)
HAPPY = Target(MOOD_AFFECT[MoodName.HAPPY], MoodName.HAPPY, "to match")


def someone(setting: Setting = SMALL, seed: int = 1) -> Listener:
    return Listener(setting, Music(setting, np.random.default_rng(seed)), np.random.default_rng(seed))


def test_the_same_seed_is_the_same_life() -> None:
    lives = [measure_recommend.live(SMALL, CHOOSERS["Affetto"], seed=3, songs=100) for _ in range(2)]
    assert lives[0].pop("curve").tolist() == lives[1].pop("curve").tolist()
    assert lives[0] == lives[1]


def test_a_song_just_heard_is_worth_less_and_recovers() -> None:
    listener = someone()
    before = listener.worth(5)
    listener.hear(5)
    listener.mood = np.zeros(2)
    soon = listener.worth(5)
    listener.day += 30
    assert soon < before - 1
    assert listener.worth(5) > soon + 1


def test_music_pulls_the_mood_towards_it_unless_it_is_said_not_to() -> None:
    for pull, moves in ((0.5, True), (0.0, False)):
        listener = someone(Setting(songs=60, pull=pull, drift=0.0, base=9.0))
        listener.lively = False
        song = int(np.argmin(np.abs(np.hypot(*listener.music.place.T) - 0.5)))
        listener.hear(song)
        assert (float(np.hypot(*listener.mood)) > 0.05) is moves


def test_music_far_from_the_mood_annoys() -> None:
    listener = someone()
    listener.mood = listener.music.place[7].copy()
    near = listener.worth(7)
    listener.mood = -listener.music.place[7]
    assert listener.worth(7) <= near


def test_sittings_are_in_the_morning_and_in_the_evening() -> None:
    listener = someone(Setting(songs=60, base=9.0))
    hours = set()
    for song in range(60):
        hours.add(int(listener.wall % DAY_S // 3600))
        listener.hear(song)
    assert hours <= {8, 9, 19, 20}
    assert listener.day == 2


@pytest.mark.parametrize("name", CHOOSERS)
def test_every_chooser_learns_and_never_plays_a_song_twice_in_a_row(name: str) -> None:
    listener = someone()
    chooser = CHOOSERS[name](listener.music, 1)
    songs = []
    for _ in range(40):
        now = Now(0.0, listener.wall)
        songs.append(chooser.choose(HAPPY, now))
        chooser.learn(songs[-1], HAPPY, listener.hear(songs[-1]), now)
    assert all(one != other for one, other in itertools.pairwise(songs))


def test_what_was_heard_out_was_heard_whole() -> None:
    listener = someone()
    heard = [listener.hear(song) for song in range(60)]
    assert all(one.share == 1.0 for one in heard if one.outcome is Outcome.PLAYED)
    assert all(0 <= one.share < 1 for one in heard if one.outcome is Outcome.SKIPPED)
    assert {one.outcome for one in heard} == {Outcome.PLAYED, Outcome.SKIPPED}


def test_intervals_are_those_of_student() -> None:
    assert measure_recommend.interval([1.0, 2.0, 3.0]) == {"mean": 2.0, "half": pytest.approx(4.30 / 3**0.5, abs=0.01)}


@pytest.fixture
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two settings and short evenings: enough to see that all of it works."""
    monkeypatch.setattr(measure_recommend, "SETTINGS", {"usual": (SMALL, "small"), "none": (Setting(songs=30), "tiny")})
    monkeypatch.setattr(measure_recommend, "LIFTS", {"usual": (SMALL, "small")})
    monkeypatch.setattr(measure_recommend, "EPISODES", 2)


@pytest.mark.usefixtures("brief")
def test_the_figures_are_complete_and_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib", reason="tools/requirements-replay.txt is not installed")
    words = ["recommend", "--listeners", "2", "--songs", "100", "--plots", str(tmp_path / "plots"), "--json"]
    assert evaluate.main(words) == 0
    figures = json.loads(capsys.readouterr().out)
    assert [Path(path).stat().st_size > 10_000 for path in figures["plots"]] == [True]
    for result in figures["settings"].values():
        assert set(result["choosers"]) == set(CHOOSERS)
        assert all(set(measure_recommend.MEASURES) < set(row) for row in result["choosers"].values())
        assert set(result["difference"]) == set(measure_recommend.MEASURES)
    text = measure_recommend.table(figures)
    assert all(word in text for word in (*CHOOSERS, *measure_recommend.WAYS, "d - best other", "tiny"))


def test_too_few_listeners_are_refused_in_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate.main(["recommend", "--listeners", "1"]) == 1
    assert "--listeners must be at least 2" in capsys.readouterr().err


def test_weights_were_chosen_on_other_listeners_than_those_reported() -> None:
    assert measure_recommend.TUNING_SEED > 100
    tuning = {repr(setting) for setting, _ in measure_recommend.TUNING.values()}
    reported = {repr(setting) for setting, _ in measure_recommend.SETTINGS.values()}
    assert not tuning & reported
