"""What plays next: what can be avoided is avoided, what is liked comes more often, and the reason says what decided."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device.domain import MOOD_AFFECT, Affect, Listen, MoodName, MoodOrigin, Now, Outcome, Target, Track
from device.music.recommend import RECENT_S, Taste, choose, fit
from device.music.taste import DAY_S, STALEST, UNHEARD

WALL = datetime(2025, 6, 12, 20, 0).timestamp()  # a Thursday
NOW = Now(1000.0, WALL)
WHO = "everyone"


def track(key: str, mood: MoodName = MoodName.CALM, artist: str = "", origin: MoodOrigin = MoodOrigin.FOLDER) -> Track:
    return Track(key, f"file:///{key}", key, artist, affect=MOOD_AFFECT[mood], mood=mood, origin=origin)


def aim(mood: MoodName = MoodName.CALM) -> Target:
    return Target(MOOD_AFFECT[mood], mood, f"to match a {mood} room")


def listen(key: str, outcome: Outcome = Outcome.PLAYED, ago_s: float = 0.0, **more: object) -> Listen:
    return replace(Listen(key, WHO, MoodName.CALM, outcome, WALL - ago_s, 180.0), **more)  # type: ignore[arg-type]


def chosen(
    tracks: Sequence[Track], history: Sequence[Listen] = (), target: Target | None = None, seed: int = 1, **more: object
) -> str:
    arguments = {"profile": WHO, "now": NOW, "exclude": (), **more}
    choice = choose(tracks, target or aim(), Taste(history), dice=random.Random(seed), **arguments)  # type: ignore[arg-type]
    assert choice is not None
    return choice.track.key


def shares(tracks: Sequence[Track], history: Sequence[Listen] = (), count: int = 300, **more: object) -> Counter[str]:
    return Counter(chosen(tracks, history, seed=seed, **more) for seed in range(count))  # type: ignore[arg-type]


def test_of_nothing_nothing_is_chosen() -> None:
    assert choose([], aim(), Taste(), WHO, NOW, random.Random(1)) is None


@pytest.mark.parametrize("mood", MoodName)
def test_the_mood_that_is_wanted_is_played(mood: MoodName) -> None:
    library = [track(name, MoodName(name)) for name in MoodName]
    assert set(shares(library, count=30, target=aim(mood))) == {mood}


def test_without_the_wanted_mood_the_nearest_is_played() -> None:
    library = [track("excited", MoodName.EXCITED), track("sad", MoodName.SAD), track("neutral", MoodName.NEUTRAL)]
    assert set(shares(library, count=50, target=aim(MoodName.HAPPY))) == {"excited"}


def test_a_track_of_unknown_mood_gives_way_to_one_that_fits_and_comes_before_one_that_does_not() -> None:
    unknown = track("unknown", MoodName.NEUTRAL, origin=MoodOrigin.UNKNOWN)
    wrong = track("wrong", MoodName.ANGRY)
    assert set(shares([unknown, track("right"), wrong], count=50)) == {"right"}
    stale = [listen("right", ago_s=60)]
    assert shares([unknown, track("right"), wrong], stale)["wrong"] == 0
    assert shares([unknown, wrong])["unknown"] == 300


def test_without_any_history_all_that_fit_get_their_turn() -> None:
    counts = shares([track(key) for key in "abcde"], count=500)
    assert min(counts[key] for key in "abcde") > 60


@pytest.mark.parametrize(
    ("outcome", "more"),
    [
        (Outcome.LIKED, {}),
        (Outcome.PLAYED, {}),
    ],
)
def test_what_pleased_comes_more_often(outcome: Outcome, more: dict[str, float]) -> None:
    history = [listen("a", outcome, ago_s=60 * DAY_S, **more)] * 3
    counts = shares([track("a"), track("b")], history)
    assert counts["a"] > 1.3 * counts["b"]


@pytest.mark.parametrize("heard_s", [3.0, 100.0])
def test_what_was_skipped_comes_less_often(heard_s: float) -> None:
    history = [listen("a", Outcome.SKIPPED, ago_s=60 * DAY_S, heard_s=heard_s)] * 2
    counts = shares([track("a"), track("b")], history)
    assert counts["b"] > 1.3 * counts["a"]


def test_an_early_skip_says_more_than_a_late_one() -> None:
    early = UNHEARD.after(listen("a", Outcome.SKIPPED, heard_s=3.0))
    late = UNHEARD.after(listen("a", Outcome.SKIPPED, heard_s=100.0))
    assert early.bad > late.bad > 0


def test_a_track_that_made_room_for_another_mood_is_not_blamed() -> None:
    assert UNHEARD.after(listen("a", Outcome.REPLACED)).bad == 0


def test_what_is_disliked_is_only_played_if_nothing_else_fits() -> None:
    history = [listen("a", Outcome.DISLIKED, ago_s=300 * DAY_S)]
    assert shares([track("a"), track("b"), track("c")], history)["a"] == 0
    assert chosen([track("a"), track("angry", MoodName.ANGRY)], history) == "a"


def test_a_changed_opinion_counts() -> None:
    history = [listen("a", Outcome.DISLIKED, ago_s=9 * DAY_S), listen("a", Outcome.LIKED, ago_s=8 * DAY_S)]
    assert shares([track("a"), track("b")], history)["a"] > 0


def test_each_profile_has_its_own_taste() -> None:
    history = [listen("a", Outcome.DISLIKED, ago_s=DAY_S, profile="kids")]
    assert shares([track("a"), track("b")], history, profile="kids")["a"] == 0
    assert shares([track("a"), track("b")], history)["a"] > 100


def test_everything_that_fits_is_played_before_anything_is_repeated() -> None:
    library = [track(key) for key in "abcdefgh"]
    history: list[Listen] = []
    for n in range(8):
        key = chosen(library, history, seed=n, now=Now(0, WALL + 200 * n))
        history.append(listen(key, at=WALL + 200 * n))
    assert {line.track_key for line in history} == set("abcdefgh")


def test_a_repeat_comes_before_music_of_the_wrong_mood() -> None:
    history = [listen("a", ago_s=1200), listen("b", ago_s=600)]
    assert shares([track("a"), track("b"), track("angry", MoodName.ANGRY)], history)["angry"] < 15


def test_the_longer_forgotten_the_more_likely() -> None:
    opinion = UNHEARD.after(listen("a"))
    ages = [0, 60, 3600, DAY_S, 7 * DAY_S, 90 * DAY_S]
    fresh = [opinion.freshness(Now(0, WALL + age)) for age in ages]
    assert fresh == sorted(fresh)
    assert fresh[0] == pytest.approx(STALEST)
    assert fresh[-1] > 0.99
    assert UNHEARD.freshness(NOW) == 1.0
    often = opinion
    for _ in range(10):
        often = often.after(listen("a"))
    assert often.freshness(Now(0, WALL + DAY_S)) < opinion.freshness(Now(0, WALL + DAY_S))


def test_no_artist_twice_in_a_row() -> None:
    library = [track("a1", artist="A"), track("a2", artist="A"), track("b1", artist="B")]
    assert set(shares(library, [listen("a1", ago_s=1)], count=50)) == {"b1"}


def test_unless_only_that_artist_fits() -> None:
    library = [track("a1", artist="A"), track("a2", artist="A"), track("angry", MoodName.ANGRY, artist="B")]
    assert set(shares(library, [listen("a1", ago_s=1)], count=50)) == {"a2"}


def test_tracks_without_an_artist_are_not_all_by_the_same() -> None:
    assert len(shares([track("a"), track("b"), track("c")], [listen("a", ago_s=1)], count=50)) == 2


def test_a_clock_that_went_back_does_no_harm() -> None:
    history = [listen("a", ago_s=-400 * DAY_S)]
    assert 0.3 < Taste(history).of(WHO, "a").freshness(NOW) < 0.9
    assert set(shares([track("a"), track("b")], history)) == {"a", "b"}


def test_a_history_of_tracks_that_are_gone_does_no_harm() -> None:
    assert chosen([track("a")], [listen("gone"), listen("gone", Outcome.LIKED)]) == "a"


def test_the_closer_the_better_and_the_surer_the_sharper() -> None:
    for origin in MoodOrigin:
        worth = [fit(distance, origin) for distance in (0.0, 0.3, 0.6, 1.2, 2.8)]
        assert worth == sorted(worth, reverse=True)
    assert fit(0.0, MoodOrigin.USER) > fit(0.0, MoodOrigin.FOLDER) > fit(0.0, MoodOrigin.UNKNOWN)
    assert fit(1.2, MoodOrigin.USER) < fit(1.2, MoodOrigin.UNKNOWN)


# --- Properties -------------------------------------------------------------------------------------------------

keys = st.sampled_from("abcdefghij")
points = st.builds(Affect, st.floats(-1, 1), st.floats(-1, 1))
libraries = st.lists(
    st.builds(
        Track,
        keys,
        st.just("file:///x"),
        st.just("title"),
        st.sampled_from(["", "A", "B"]),
        affect=points,
        mood=st.sampled_from(MoodName),
        origin=st.sampled_from(MoodOrigin),
    ),
    min_size=1,
    max_size=10,
    unique_by=lambda track: track.key,
)
histories = st.lists(
    st.builds(
        Listen,
        keys,
        st.sampled_from([WHO, "kids"]),
        st.sampled_from(MoodName),
        st.sampled_from(Outcome),
        st.floats(0, 4e9),
        st.floats(0, 1e4),
    ),
    max_size=20,
)
targets = st.builds(Target, points, st.sampled_from(MoodName), st.just("to match"))
seeds = st.integers(0, 2**32)


@settings(max_examples=300)
@given(libraries, histories, targets, seeds, st.sets(keys))
def test_there_is_always_a_choice_and_never_an_excluded_one_if_avoidable(
    library: list[Track], history: list[Listen], target: Target, seed: int, exclude: set[str]
) -> None:
    choice = choose(library, target, Taste(history), WHO, NOW, random.Random(seed), exclude)
    assert choice is not None
    assert choice.track in library
    assert choice.reason
    if any(one.key not in exclude for one in library):
        assert choice.track.key not in exclude


@given(libraries, histories, targets, seeds)
def test_the_same_dice_choose_the_same(library: list[Track], history: list[Listen], target: Target, seed: int) -> None:
    once, twice = (choose(library, target, Taste(history), WHO, NOW, random.Random(seed)) for _ in range(2))
    assert once == twice


@given(histories, targets, seeds)
def test_among_equals_nothing_heard_lately_is_repeated(history: list[Listen], target: Target, seed: int) -> None:
    library = [track(key) for key in "abcdefghij"]
    taste = Taste(history)
    rested = {
        one.key
        for one in library
        if taste.of(WHO, one.key).age_s(NOW) >= RECENT_S and taste.of(WHO, one.key).verdict is not Outcome.DISLIKED
    }
    choice = choose(library, target, taste, WHO, NOW, random.Random(seed))
    assert choice is not None
    if rested:
        assert choice.track.key in rested


@given(histories)
def test_learning_line_by_line_is_learning_all_at_once(history: list[Listen]) -> None:
    taste = Taste()
    for line in history:
        taste.add(line)
    assert all(taste.of(WHO, key) == Taste(history).of(WHO, key) for key in "abcdefghij")


# --- Reasons ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("library", "history", "reason"),
    [
        ([track("a")], [], "calm, to match a calm room; never heard before"),
        (
            [track("a")],
            [listen("a", ago_s=21 * DAY_S), listen("a", Outcome.LIKED, ago_s=21 * DAY_S)],
            "calm, to match a calm room; you liked it on 22 May; not heard for 3 weeks",
        ),
        (
            [track("a")],
            [listen("a", Outcome.LIKED, ago_s=2 * DAY_S)],
            "calm, to match a calm room; you liked it on Tuesday; not heard for 2 days",
        ),
        (
            [track("a")],
            [listen("a", Outcome.LIKED, ago_s=DAY_S)],
            "calm, to match a calm room; you liked it yesterday; not heard for 1 day",
        ),
        (
            [track("a")],
            [listen("a", ago_s=400 * DAY_S)] * 4,
            "calm, to match a calm room; you heard it out 4 times; not heard for 1 year",
        ),
        (
            [track("a")],
            [listen("a", Outcome.DISLIKED, ago_s=600)],
            "calm, to match a calm room; you did not like it today, but there is nothing else; "
            "not heard for 10 minutes",
        ),
        ([track("a")], [listen("a")], "calm, to match a calm room; heard just now, but there is nothing else"),
        (
            [track("a", MoodName.HAPPY)],
            [],
            "happy, the nearest there is to calm, to match a calm room; never heard before",
        ),
        (
            [track("a", MoodName.NEUTRAL, origin=MoodOrigin.UNKNOWN)],
            [],
            "nobody said what mood it has, but calm is wanted to match a calm room; never heard before",
        ),
    ],
)
def test_the_reason_says_what_decided(library: list[Track], history: list[Listen], reason: str) -> None:
    reasons = set()
    for seed in range(40):
        choice = choose(library, aim(), Taste(history), WHO, NOW, random.Random(seed))
        assert choice is not None
        reasons.add(choice.reason)
    assert reason in reasons


def test_a_neighbouring_mood_is_played_when_the_wanted_one_was_only_just_heard() -> None:
    library = [track("a", MoodName.HAPPY), track("b", MoodName.EXCITED)]
    choice = choose(library, aim(MoodName.HAPPY), Taste([listen("a")]), WHO, NOW, random.Random(1))
    assert choice is not None
    assert choice.reason == "excited, because what is happy was heard only lately; never heard before"


def test_a_reason_for_a_like_from_the_future_names_no_day() -> None:
    choice = choose([track("a")], aim(), Taste([listen("a", Outcome.LIKED, ago_s=-9e9)]), WHO, NOW, random.Random(1))
    assert choice is not None
    assert "you liked it once" in choice.reason
