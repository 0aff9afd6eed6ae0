"""One choice for several people: the strategies, fairness over time, and the reason in words."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from test_recommend import DAY_S, NOW, WALL, aim, listen, taste_of, track

from device.domain import Choice, Listen, Outcome, Track
from device.music.recommend.choose import choose
from device.music.recommend.group import Plan, Strategy, combine, weights_for
from device.music.recommend.track_index import TrackIndex

PEOPLE = ("Ada", "Ben", "Cleo")
TASTES = np.array([[0.9, 0.6, 0.5], [0.1, 0.6, 0.8]], np.float32)  # of two people, for three songs
EVEN = np.ones(2, np.float32)


def of(name: str, key: str, outcome: Outcome = Outcome.PLAYED, ago_s: float = 0.0) -> Listen:
    return replace(listen(key, outcome, ago_s), profile=name)


def pick(
    tracks: Sequence[Track], history: Sequence[Listen], people: Sequence[str] = PEOPLE, seed: int = 1, **more: object
) -> Choice:
    library = TrackIndex(tracks)
    taste = taste_of(library, history)
    choice = choose(library, aim(), taste, people, NOW, random.Random(seed), **more)  # type: ignore[arg-type]
    assert choice is not None
    return choice


def shares(tracks: Sequence[Track], history: Sequence[Listen], **more: object) -> Counter[str]:
    return Counter(pick(tracks, history, seed=seed, **more).track.key for seed in range(200))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        (Strategy.AVERAGE, [0.5, 0.6, 0.65]),
        (Strategy.LEAST_MISERY, [0.1, 0.6, 0.5]),
        (Strategy.WITHOUT_MISERY, [0.025, 0.6, 0.65]),
        (Strategy.MULTIPLICATIVE, [0.3, 0.6, 0.4**0.5]),
        (Strategy.TURNS, [0.9, 0.6, 0.5]),
    ],
)
def test_the_strategies(strategy: Strategy, expected: list[float]) -> None:
    assert combine(strategy, TASTES, EVEN) == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("strategy", [Strategy.AVERAGE, Strategy.LEAST_MISERY, Strategy.MULTIPLICATIVE, Strategy.TURNS])
def test_who_weighs_more_gets_more(strategy: Strategy) -> None:
    """The first song is the first person's, the third the second's."""
    first, last = (combine(strategy, TASTES, np.array(weights, np.float32)) for weights in ((1.8, 0.2), (0.2, 1.8)))
    assert first[0] - first[2] > last[0] - last[2]


@given(
    arrays.arrays(
        np.float32, st.tuples(st.integers(1, 6), st.integers(1, 20)), elements=st.floats(0.03125, 0.96875, width=32)
    ),
    st.lists(st.floats(-5, 5), min_size=6, max_size=6),
    st.sampled_from(Strategy),
)
def test_a_combination_is_a_preference_again(preferences: np.ndarray, missing: list[float], strategy: Strategy) -> None:
    weights = weights_for(np.array(missing[: len(preferences)], np.float32), 1.0)
    combined = combine(strategy, preferences, weights)
    assert combined.shape == preferences.shape[1:]
    assert ((combined > 0) & (combined < 1)).all()
    if len(preferences) == 1:
        assert (combined == preferences[0]).all(), "one person alone gets the own preference"
    elif strategy in (Strategy.AVERAGE, Strategy.MULTIPLICATIVE):
        assert (combined <= preferences.max(axis=0) + 1e-5).all()
        assert (combined >= preferences.min(axis=0) - 1e-5).all()


def test_weights_have_the_mean_one_and_grow_with_what_was_missed() -> None:
    weights = weights_for(np.array([0.0, 1.0, -1.0]), 1.0)
    assert weights.mean() == pytest.approx(1.0)
    assert weights[1] > weights[0] > weights[2]
    assert weights_for(np.array([0.0, 1.0, -1.0]), 0.0) == pytest.approx(1.0)


CLASH = [of("Ada", "a", Outcome.LIKED, 9 * DAY_S), of("Ben", "b", Outcome.LIKED, 9 * DAY_S)] * 3
LIBRARY = [track("a"), track("b"), track("c")]


def test_everybody_present_counts_and_nobody_else() -> None:
    assert shares(LIBRARY, CLASH, people=("Ada",))["a"] > 150
    assert shares(LIBRARY, CLASH, people=("Ben",))["b"] > 150
    together = shares(LIBRARY, CLASH, people=("Ada", "Ben"))
    assert min(together["a"], together["b"]) > 60


def test_what_somebody_present_dislikes_does_not_play() -> None:
    history = [*CLASH, of("Cleo", "a", Outcome.DISLIKED, 9 * DAY_S)]
    assert shares(LIBRARY, history)["a"] == 0
    assert shares(LIBRARY, history, people=("Ada", "Ben"))["a"] > 60


def waiting(people: Sequence[str], waiter: str) -> list[Listen]:
    """Three songs that `waiter` skipped and the others liked."""
    return [
        replace(of(name, f"old{number}", Outcome.SKIPPED if name == waiter else Outcome.LIKED), at=WALL - 3000 + number)
        for number in range(3)
        for name in people
    ]


@pytest.mark.parametrize("strategy", [Strategy.AVERAGE, Strategy.MULTIPLICATIVE, Strategy.TURNS, Strategy.LEAST_MISERY])
def test_whoever_was_served_less_lately_weighs_more(strategy: Strategy) -> None:
    tracks = [*LIBRARY, *(track(f"old{number}") for number in range(3))]
    pair, plan = ("Ada", "Ben"), Plan(strategy, 1.0)
    for_ada = shares(tracks, CLASH + waiting(pair, "Ada"), people=pair, plan=plan)
    for_ben = shares(tracks, CLASH + waiting(pair, "Ben"), people=pair, plan=plan)
    assert for_ada["a"] > for_ben["a"] + 40
    assert for_ben["b"] > for_ada["b"] + 40


def test_fairness_is_about_today() -> None:
    tracks = [*LIBRARY, *(track(f"old{number}") for number in range(3))]
    pair, fair, unfair = ("Ada", "Ben"), Plan(Strategy.AVERAGE, 1.0), Plan(Strategy.AVERAGE, 0.0)
    today = CLASH + waiting(pair, "Ada")
    yesterday = [replace(line, at=line.at - DAY_S) for line in today]
    assert shares(tracks, today, people=pair, plan=fair)["a"] > shares(tracks, today, people=pair, plan=unfair)["a"]
    assert shares(tracks, yesterday, people=pair, plan=fair) == shares(tracks, yesterday, people=pair, plan=unfair)


def test_the_reason_says_who_has_waited() -> None:
    tracks = [*LIBRARY, *(track(f"old{number}") for number in range(3))]
    history = CLASH + waiting(("Ada", "Ben"), "Ada")
    reasons = [pick(tracks, history, people=("Ada", "Ben"), seed=seed) for seed in range(30)]
    (reason,) = {one.reason for one in reasons if one.track.key == "a"}
    assert reason.startswith(
        "calm, to match a calm room; chosen for Ada, who has waited longest; everyone can live with it; Ada liked it"
    )


def test_the_reason_names_whom_it_may_not_please() -> None:
    history = [of("Ben", "a", Outcome.SKIPPED, 90 * DAY_S)] * 3 + [of("Ada", "a", Outcome.LIKED, 60 * DAY_S)]
    assert "Ben may not enjoy it" in pick([track("a")], [replace(line, heard_s=1.0) for line in history]).reason


def test_a_dislike_is_explained_with_its_owner() -> None:
    history = [of("Ben", "a", Outcome.DISLIKED, 2 * DAY_S)]
    assert "Ben did not like it on" in pick([track("a")], history).reason


def test_a_big_library_is_thinned_and_known_songs_stay() -> None:
    tracks = [track(f"t{number}") for number in range(9000)]
    history = [of(name, "t4321", Outcome.LIKED, 60 * DAY_S) for name in PEOPLE for _ in range(4)]
    assert shares(tracks, history)["t4321"] > 100
