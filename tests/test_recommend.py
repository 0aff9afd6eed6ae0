"""What plays next: what can be avoided is avoided, what is liked comes more often, and the reason says what decided."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device.domain import MOOD_AFFECT, Affect, Choice, Listen, MoodName, MoodOrigin, Now, Outcome, Target, Track
from device.music.recommend.choose import ARTISTS, CHOICE, RECENT_S, STALEST, Taste, TrackIndex, choose, fit, freshness
from device.music.recommend.preference import Liking
from device.music.recommend.profile_taste import DAY_S, HALF_LIFE_S, ProfileTaste, context, weight
from device.music.recommend.taste import age_s
from device.music.recommend.track_index import UNCERTAINTY

WALL = datetime(2025, 6, 12, 20, 0).timestamp()  # a Thursday
NOW = Now(1000.0, WALL)
WHO = "everyone"


def track(key: str, mood: MoodName = MoodName.CALM, artist: str = "", origin: MoodOrigin = MoodOrigin.FOLDER) -> Track:
    return Track(key, f"file:///{key}", key, artist, affect=MOOD_AFFECT[mood], mood=mood, origin=origin)


def aim(mood: MoodName = MoodName.CALM) -> Target:
    return Target(MOOD_AFFECT[mood], mood, f"to match a {mood} room")


def listen(key: str, outcome: Outcome = Outcome.PLAYED, ago_s: float = 0.0, **more: object) -> Listen:
    return replace(Listen(key, WHO, MoodName.CALM, outcome, WALL - ago_s, 180.0), **more)  # type: ignore[arg-type]


def taste_of(library: TrackIndex, history: Sequence[Listen] = ()) -> Taste:
    taste = Taste(history)
    taste.attach(library)
    return taste


def pick(
    tracks: Sequence[Track],
    history: Sequence[Listen] = (),
    target: Target | None = None,
    seed: int = 1,
    profile: str = WHO,
    now: Now = NOW,
    exclude: Collection[str] = (),
) -> Choice:
    library = TrackIndex(tracks)
    taste = taste_of(library, history)
    choice = choose(library, target or aim(), taste, (profile,), now, random.Random(seed), exclude)
    assert choice is not None
    return choice


def chosen(tracks: Sequence[Track], history: Sequence[Listen] = (), **more: object) -> str:
    return pick(tracks, history, **more).track.key  # type: ignore[arg-type]


def shares(tracks: Sequence[Track], history: Sequence[Listen] = (), count: int = 300, **more: object) -> Counter[str]:
    return Counter(chosen(tracks, history, seed=seed, **more) for seed in range(count))  # type: ignore[arg-type]


def test_of_nothing_nothing_is_chosen() -> None:
    assert choose(TrackIndex(), aim(), Taste(), (WHO,), NOW, random.Random(1)) is None


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


def test_the_earlier_a_skip_the_more_it_says() -> None:
    said = [weight(listen("a", Outcome.SKIPPED, heard_s=heard_s), 200.0) for heard_s in (0, 3, 50, 150, 199, 500)]
    assert all(good == 0 for good, _ in said)
    against = [bad for _, bad in said]
    assert against == sorted(against, reverse=True)
    assert against[0] > 1.9
    assert against[-1] == 0
    by_length = [weight(listen("a", Outcome.SKIPPED, heard_s=60), length_s)[1] for length_s in (80, 600)]
    assert by_length[0] < by_length[1]
    assert weight(listen("a", Outcome.SKIPPED, heard_s=3), 0.0)[1] > 1.9, "a length that nobody knows"


def test_a_track_that_made_room_for_another_mood_is_not_blamed() -> None:
    assert weight(listen("a", Outcome.REPLACED, heard_s=1.0), 200.0) == (0, 0)


def test_what_is_disliked_is_only_played_if_nothing_else_fits() -> None:
    history = [listen("a", Outcome.DISLIKED, ago_s=300 * DAY_S)]
    assert shares([track("a"), track("b"), track("c")], history)["a"] == 0
    assert chosen([track("a"), track("angry", MoodName.ANGRY)], history) == "a"


def test_a_changed_opinion_counts() -> None:
    history = [listen("a", Outcome.DISLIKED, ago_s=9 * DAY_S), listen("a", Outcome.LIKED, ago_s=8 * DAY_S)]
    assert shares([track("a"), track("b")], history)["a"] > 0


def test_each_profile_has_its_own_taste() -> None:
    history = [listen("a", Outcome.DISLIKED, ago_s=60 * DAY_S, profile="kids")]
    assert shares([track("a"), track("b")], history, profile="kids")["a"] == 0
    assert shares([track("a"), track("b")], history)["a"] > 100


def test_everything_that_fits_is_played_before_anything_is_repeated() -> None:
    library = [track(key) for key in "abcdefgh"]
    history: list[Listen] = []
    for n in range(8):
        key = chosen(library, history, seed=n, now=Now(0, WALL + 200 * n))
        history.append(listen(key, at=WALL + 200 * n))
    assert {line.track_key for line in history} == set("abcdefgh")


def test_where_there_is_a_choice_nothing_is_repeated_on_the_same_day() -> None:
    heard = [listen(str(n), ago_s=11 * 3600) for n in range(20)]
    liked = [listen(str(n), Outcome.LIKED, ago_s=12 * 3600) for n in range(20)]
    tracks = [track(str(n)) for n in range(20 + CHOICE)]
    assert all(int(key) >= 20 for key in shares(tracks, [*liked, *heard], count=60))
    skipped = [listen(key, Outcome.SKIPPED, ago_s=60 * DAY_S, heard_s=0.0) for key in ("20", "21")] * 4
    few = shares(tracks[:22], [*skipped, *liked, *heard], count=60)
    assert any(int(key) < 20 for key in few), "two songs that nobody wants are no choice"


def test_a_repeat_comes_before_music_of_the_wrong_mood() -> None:
    history = [listen("a", ago_s=1200), listen("b", ago_s=600)]
    assert shares([track("a"), track("b"), track("angry", MoodName.ANGRY)], history)["angry"] < 15


def fresh(ages: Sequence[float], hearings: float) -> list[float]:
    heard_at = np.array([WALL - age for age in ages])
    return list(freshness(heard_at, np.full(len(ages), hearings), NOW))


def test_the_longer_forgotten_the_more_likely() -> None:
    ages = [0, 60, 3600, DAY_S, 7 * DAY_S, 90 * DAY_S]
    curve = fresh(ages, hearings=1)
    assert curve == sorted(curve)
    assert curve[0] == pytest.approx(STALEST)
    assert curve[-1] > 0.99
    assert freshness(np.zeros(1), np.zeros(1), NOW) == 1.0
    assert fresh([DAY_S], hearings=10) < fresh([DAY_S], hearings=1)


def test_no_artist_twice_in_a_short_while() -> None:
    library = [track(name + str(n), artist=name) for name in "ABCDEFGH" for n in range(3)]
    history: list[Listen] = []
    for n in range(12):
        key = chosen(library, history, seed=n, now=Now(0, WALL + 200 * n))
        history.append(listen(key, at=WALL + 200 * n))
    artists = [line.track_key[0] for line in history]
    assert all(len(set(artists[n : n + ARTISTS + 1])) == ARTISTS + 1 for n in range(12 - ARTISTS)), artists


def test_with_few_artists_only_the_last_ones_stay_away() -> None:
    library = [track(name + str(n), artist=name) for name in "ABC" for n in range(3)]
    history = [listen("A0", ago_s=300), listen("B0", ago_s=200), listen("C0", ago_s=100)]
    assert {key[0] for key in shares(library, history, count=50)} == {"A", "B"}


def test_unless_only_that_artist_fits() -> None:
    library = [track("a1", artist="A"), track("a2", artist="A"), track("angry", MoodName.ANGRY, artist="B")]
    assert set(shares(library, [listen("a1", ago_s=1)], count=50)) == {"a2"}


def test_tracks_without_an_artist_are_not_all_by_the_same() -> None:
    assert len(shares([track("a"), track("b"), track("c")], [listen("a", ago_s=1)], count=50)) == 2


def test_a_clock_that_went_back_does_no_harm() -> None:
    history = [listen("a", ago_s=-400 * DAY_S)]
    assert 0.3 < fresh([-400 * DAY_S], hearings=1)[0] < 0.9
    assert set(shares([track("a"), track("b")], history)) == {"a", "b"}


def test_a_clock_that_begins_in_1970_does_no_harm() -> None:
    library = [track("a"), track("b"), track("angry", MoodName.ANGRY)]
    assert set(shares(library, [listen("a", at=50.0)], count=50, now=Now(0.0, 60.0))) == {"b"}


def test_a_history_of_tracks_that_are_gone_does_no_harm() -> None:
    assert chosen([track("a")], [listen("gone"), listen("gone", Outcome.LIKED)]) == "a"


def test_the_closer_the_better_and_the_surer_the_sharper() -> None:
    distances = np.array([0.0, 0.3, 0.6, 1.2, 2.8], np.float32)
    for uncertainty in UNCERTAINTY.values():
        worth = list(fit(distances, np.float32(uncertainty)))
        assert worth == sorted(worth, reverse=True)
    near = fit(np.zeros(3, np.float32), np.array([0.05, 0.1, 0.7], np.float32))
    assert near[0] > near[1] > near[2]
    far = np.full(2, 1.2, np.float32)
    assert np.diff(fit(far, np.array([0.05, 0.7], np.float32))) > 0


def test_what_the_model_says_of_its_own_doubt_counts() -> None:
    sure = replace(track("sure", origin=MoodOrigin.MODEL), uncertainty=0.1)
    unsure = replace(track("unsure", origin=MoodOrigin.MODEL), uncertainty=0.8)
    assert shares([sure, unsure])["sure"] > 290
    assert list(TrackIndex([sure, unsure, track("said")]).uncertainty) == pytest.approx([0.1, 0.8, 0.1])


def test_what_is_no_music_is_never_chosen() -> None:
    speech = track("speech", origin=MoodOrigin.NOT_MUSIC)
    assert chosen([speech, track("angry", MoodName.ANGRY)]) == "angry"
    assert chosen([replace(speech, origin=MoodOrigin.USER), track("angry", MoodName.ANGRY)]) == "speech"
    index = TrackIndex([speech])
    assert choose(index, aim(), taste_of(index), (WHO,), NOW, random.Random(1)) is None


def test_the_reason_says_that_the_model_is_not_sure() -> None:
    reason = pick([track("short", origin=MoodOrigin.UNSURE)]).reason
    assert reason.startswith("perhaps calm; calm is wanted to match a calm room")


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
        origin=st.sampled_from([origin for origin in MoodOrigin if origin is not MoodOrigin.NOT_MUSIC]),
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
        st.sampled_from([outcome for outcome in Outcome if outcome not in (Outcome.BANNED, Outcome.ALLOWED)]),
        st.floats(0, 4e9),
        st.floats(0, 1e4),
    ),
    max_size=20,
)
targets = st.builds(Target, points, st.sampled_from(MoodName), st.just("to match"))
seeds = st.integers(0, 2**32)


@settings(max_examples=100, deadline=None)  # a busy machine is no mistake
@given(libraries, histories, targets, seeds, st.sets(keys))
def test_there_is_always_a_choice_and_never_an_excluded_one_if_avoidable(
    tracks: list[Track], history: list[Listen], target: Target, seed: int, exclude: set[str]
) -> None:
    choice = pick(tracks, history, target, seed, exclude=exclude)
    assert choice.track in tracks
    assert choice.reason
    if any(one.key not in exclude for one in tracks):
        assert choice.track.key not in exclude


@settings(max_examples=50, deadline=None)
@given(libraries, histories, targets, seeds, st.lists(st.tuples(keys, st.booleans()), max_size=8))
def test_what_is_banned_never_plays(
    tracks: list[Track], history: list[Listen], target: Target, seed: int, words: list[tuple[str, bool]]
) -> None:
    said = [
        Listen(key, WHO, MoodName.CALM, Outcome.BANNED if banned else Outcome.ALLOWED, 1e9) for key, banned in words
    ]
    last = dict(words)
    banned = {key for key, is_banned in last.items() if is_banned}
    taste = Taste([*history, *said])
    taste.attach(index := TrackIndex(tracks))
    assert set(taste.banned) == banned
    choice = choose(index, target, taste, (WHO,), Now(0.0, 2e9), random.Random(seed))
    if any(track.key not in banned for track in tracks):
        assert choice is not None
        assert choice.track.key not in banned
    else:
        assert choice is None


@settings(max_examples=100, deadline=None)
@given(libraries, histories, targets, seeds)
def test_the_same_dice_choose_the_same(tracks: list[Track], history: list[Listen], target: Target, seed: int) -> None:
    assert pick(tracks, history, target, seed) == pick(tracks, history, target, seed)


@settings(max_examples=100, deadline=None)
@given(histories, targets, seeds)
def test_among_equals_nothing_heard_lately_is_repeated(history: list[Listen], target: Target, seed: int) -> None:
    tracks = [track(key) for key in "abcdefghij"]
    taste = taste_of(TrackIndex(tracks), history)
    opinions = {one.key: taste.of(WHO, one.key) for one in tracks}
    rested = {
        key
        for key, opinion in opinions.items()
        if opinion.age_s(NOW) >= RECENT_S and opinion.verdict is not Outcome.DISLIKED
    }
    choice = pick(tracks, history, target, seed)
    if rested:
        assert choice.track.key in rested


@settings(max_examples=100, deadline=None)
@given(histories)
def test_learning_line_by_line_is_learning_all_at_once(history: list[Listen]) -> None:
    library = TrackIndex([track(key) for key in "abcdefghij"])
    slowly, at_once = taste_of(library), taste_of(library, history)
    for line in history:
        slowly.add(line)
    assert slowly.last_rows == at_once.last_rows
    for profile in (WHO, "kids"):
        assert all(slowly.of(profile, key) == at_once.of(profile, key) for key in "abcdefghij")
        for one, other in zip(evidence(slowly, profile), evidence(at_once, profile), strict=True):
            assert one == pytest.approx(other)


# --- Kin: what one song says of others -----------------------------------------------------------------------------


def sounding(one: Track, *vector: float) -> Track:
    """The track with features."""
    unit = np.array(vector) / np.linalg.norm(vector)
    return replace(one, features=unit.astype("<f2").tobytes())


def evidence(taste: Taste, profile: str = WHO, mood: MoodName = MoodName.CALM, wall: float = WALL) -> tuple[list, ...]:
    """Rows, and what speaks for and against each."""
    rows, good, bad = taste.of_profile(profile).evidence(mood, wall)
    return list(rows), list(good), list(bad)


def expected(tracks: Sequence[Track], history: Sequence[Listen]) -> list[float]:
    """How likely each track is to please."""
    library = TrackIndex(tracks)
    rows = np.arange(len(library))
    liking = Liking(library, taste_of(library, history).of_profile(WHO), MoodName.CALM, NOW)
    return list(liking.closely(rows, library.sound(rows))[0].mean())


def test_before_anything_is_known_two_of_three_please() -> None:
    assert expected([track("a"), track("b")], []) == pytest.approx([2 / 3, 2 / 3])


def test_a_like_says_something_of_the_artists_other_songs() -> None:
    library = [track("a1", artist="A"), track("a2", artist="A"), track("b", artist="B"), track("c"), track("d")]
    liked, same, other, *nobody = expected(library, [listen("a1", Outcome.LIKED)])
    assert liked > same > other
    assert nobody == [other, other], "tracks that name no artist have none in common"
    assert expected(library, [listen("a1", Outcome.DISLIKED)])[1] < expected(library, [])[1]
    assert expected(library, [listen("c", Outcome.LIKED)])[4] == pytest.approx(other)


def test_a_like_says_something_of_songs_that_sound_alike() -> None:
    library = [
        sounding(track("a"), 1, 0.1, 0),
        sounding(track("like a"), 1, 0.3, 0),
        sounding(track("unlike a"), 0, 0, 1),
        track("not analysed"),
    ]
    liked, alike, unlike, unknown = expected(library, [listen("a", Outcome.LIKED)])
    assert liked > alike > unlike
    assert unlike == pytest.approx(unknown)
    assert expected(library, [listen("a", Outcome.DISLIKED)])[1] < 2 / 3


def test_the_more_is_known_of_a_song_the_less_its_kin_count() -> None:
    library = [track("a1", artist="A"), track("a2", artist="A")]
    hated = [listen("a1", Outcome.DISLIKED)] * 3
    assert expected(library, hated)[1] < 0.5 < expected(library, hated + [listen("a2")] * 10)[1]


def test_what_goes_on_from_the_sound_of_the_last_song_comes_first() -> None:
    library = [
        sounding(track("last", MoodName.ANGRY), 1, 0, 0),
        sounding(track("on"), 1, 0.1, 0),
        sounding(track("off"), -1, 0.1, 0),
    ]
    counts = shares(library, [listen("last", Outcome.REPLACED, ago_s=5)])
    assert counts["on"] > 1.3 * counts["off"]


def test_a_common_part_of_all_features_is_taken_off() -> None:
    tracks = [sounding(track(str(n)), 10, np.sin(n), np.cos(n)) for n in range(40)]
    library = TrackIndex(tracks)
    sound = library.sound(np.arange(40))
    assert (sound @ sound.T).min() < -0.9
    assert np.linalg.norm(sound, axis=1) == pytest.approx(np.ones(40), abs=0.01)


def test_features_of_another_model_are_left_out() -> None:
    mixed = [sounding(track("a"), 1, 0), sounding(track("b"), 0, 1), sounding(track("c"), 1, 0, 0), track("d")]
    assert np.linalg.norm(TrackIndex(mixed).sound([0, 1, 2, 3]), axis=1) == pytest.approx([1, 1, 0, 0], abs=0.01)
    assert TrackIndex([track("a")]).sound([0]).shape == (1, 0)


# --- Learning -----------------------------------------------------------------------------------------------------


def test_what_is_liked_depends_on_mood_and_time_of_day() -> None:
    evening = [listen("a", mood=MoodName.CALM)]
    taste = taste_of(TrackIndex([track("a")]), evening)
    here = evidence(taste)[1][0]
    other_time = evidence(taste, wall=WALL + DAY_S / 2)[1][0]
    other_mood = evidence(taste, mood=MoodName.HAPPY)[1][0]
    both = evidence(taste, mood=MoodName.HAPPY, wall=WALL + DAY_S / 2)[1][0]
    assert here == pytest.approx(1.0)
    assert here > other_time >= both > 0
    assert here > other_mood >= both > 0


def test_a_like_counts_whatever_the_mood_and_the_time() -> None:
    taste = taste_of(TrackIndex([track("a")]), [listen("a", Outcome.LIKED)])
    assert evidence(taste, mood=MoodName.ANGRY, wall=WALL + DAY_S / 2)[1] == pytest.approx(evidence(taste)[1])


def test_the_day_has_four_parts_for_each_mood_and_any_clock_will_do() -> None:
    hours = {context(mood, WALL + 3600 * hour) for mood in MoodName for hour in range(24)}
    assert len(hours) == 4 * len(MoodName)
    assert context(MoodName.CALM, 1e300) in hours


def test_old_evidence_fades_slowly_as_new_evidence_comes_in() -> None:
    history = [listen("a", Outcome.LIKED, ago_s=HALF_LIFE_S)]
    history += [listen("b", ago_s=HALF_LIFE_S * (1 - n / 10)) for n in range(11)]
    good = dict(zip(*evidence(taste_of(TrackIndex([track("a"), track("b")]), history))[:2], strict=True))
    assert good[0] == pytest.approx(4.0 / 2, rel=0.01)


def test_neither_a_long_absence_nor_a_wrong_clock_wipes_a_taste_out() -> None:
    history = [listen("a", Outcome.LIKED), listen("b", ago_s=-30 * 365 * DAY_S), listen("b", ago_s=-3600.0)]
    good = evidence(taste_of(TrackIndex([track("a"), track("b")]), history))[1]
    assert good[0] > 3.0


def test_years_of_listening_keep_their_measure() -> None:
    taste = ProfileTaste()
    for month in range(12 * 30):
        taste.add(0, listen("a", at=month * 30 * DAY_S), 200.0)
    good = taste.evidence(MoodName.CALM, 12 * 30 * 30 * DAY_S)[1]
    assert 4 < good[0] < 10, "what half a year of months adds up to when older ones fade"


def test_what_the_room_has_heard_is_not_fresh_for_another_profile() -> None:
    history = [listen("a", ago_s=60, profile="Ada")]
    assert set(shares([track("a"), track("b")], history, count=50, profile="Bob")) == {"b"}


def test_tracks_that_come_back_have_kept_their_history() -> None:
    both, one = TrackIndex([track("a"), track("b")]), TrackIndex([track("b")])
    taste = taste_of(both, [listen("a", Outcome.DISLIKED, ago_s=DAY_S)])
    taste.attach(one)
    assert taste.of(WHO, "a").verdict is None
    taste.add(listen("b", ago_s=60))
    taste.attach(TrackIndex([track("b"), track("a")]))
    assert taste.of(WHO, "a").verdict is Outcome.DISLIKED
    assert taste.of(WHO, "b").hearings == 1


def test_ages_are_those_of_the_wall_clock() -> None:
    assert list(age_s(np.array([0.0, WALL - 5, WALL + 5]), NOW)) == [float("inf"), 5.0, DAY_S]


def test_in_a_big_library_favourites_still_come_to_the_top() -> None:
    tracks = [track(str(n)) for n in range(1000)]
    history = [listen(str(n), Outcome.LIKED, ago_s=90 * DAY_S) for n in range(20)]
    history += [listen(str(n), Outcome.SKIPPED, ago_s=90 * DAY_S, heard_s=5.0) for n in range(20, 200)]
    favourites = sum(int(chosen(tracks, history, seed=seed)) < 20 for seed in range(50))
    assert favourites > 10 * 50 * 20 / 1000


# --- Reasons ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("library", "history", "reason"),
    [
        ([track("a")], [], "calm, to match a calm room; nothing else suits as well"),
        (
            [track(key) for key in "abcde"],
            [],
            "calm, to match a calm room; picked at random from 5 that suit about as well",
        ),
        (
            [track("a"), track("b")],
            [listen("b", ago_s=5 * 3600)],
            "calm, to match a calm room; never heard before",
        ),
        (
            [track("a"), track("b")],
            [listen("a", Outcome.LIKED, ago_s=21 * DAY_S), listen("b", Outcome.REPLACED, ago_s=21 * DAY_S)],
            "calm, to match a calm room; you liked it on 22 May",
        ),
        (
            [track("a"), track("b")],
            [listen("a", Outcome.LIKED, ago_s=2 * DAY_S), listen("b", ago_s=4 * 3600)],
            "calm, to match a calm room; not heard for 2 days; you liked it on Tuesday",
        ),
        (
            [track("a"), track("b")],
            [listen("a", Outcome.LIKED, ago_s=DAY_S), listen("b", Outcome.SKIPPED, ago_s=DAY_S)],
            "calm, to match a calm room; you liked it yesterday; not heard for 1 day",
        ),
        (
            [track("a"), track("b")],
            [*[listen("a", ago_s=400 * DAY_S)] * 4, listen("b", Outcome.SKIPPED, ago_s=400 * DAY_S)],
            "calm, to match a calm room; you heard it to the end 4 times",
        ),
        (
            [track("a", artist="Ada"), *(track(key) for key in "bcdef"), track("z", MoodName.ANGRY, artist="Ada")],
            [listen("z", Outcome.LIKED, ago_s=DAY_S), *(listen(key, ago_s=DAY_S) for key in "bcdefb")],
            "calm, to match a calm room; never heard before; you enjoy Ada",
        ),
        (
            [sounding(track("a"), 1, 0), sounding(track("z", MoodName.ANGRY), 1, 0), *(track(key) for key in "bcdef")],
            [listen("z", Outcome.LIKED, ago_s=DAY_S), *(listen(key, ago_s=100 * DAY_S) for key in "bcdefb")],
            "calm, to match a calm room; it sounds like “z”, which you enjoyed",
        ),
        (
            [sounding(track("z", MoodName.ANGRY), 1, 0), sounding(track("a"), 1, 0), sounding(track("b"), -1, 0)],
            [listen("z", Outcome.REPLACED, ago_s=60)],
            "calm, to match a calm room; its sound follows on from “z”",
        ),
        (
            [track("a")],
            [listen("a", Outcome.DISLIKED, ago_s=600)],
            "calm, to match a calm room; you did not like it today, but there is nothing else",
        ),
        (
            [track("a")],
            [listen("a", Outcome.SKIPPED)],
            "calm, to match a calm room; heard just now, but there is nothing else",
        ),
        (
            [track("a", MoodName.HAPPY)],
            [],
            "happy, the nearest there is to calm, to match a calm room; nothing else suits as well",
        ),
        (
            [track("a", MoodName.NEUTRAL, origin=MoodOrigin.UNKNOWN)],
            [],
            "its mood is unknown; calm is wanted to match a calm room; nothing else suits as well",
        ),
    ],
)
def test_the_reason_says_what_decided(library: list[Track], history: list[Listen], reason: str) -> None:
    reasons = Counter(pick(library, history, seed=seed).reason for seed in range(60))
    assert reason in reasons, reasons


def test_what_is_true_of_all_alike_is_no_reason() -> None:
    library = [track(key) for key in "abcde"]
    history = [listen(key, Outcome.LIKED, ago_s=9 * DAY_S) for key in "abcde"]
    words = " ".join(pick(library, history, seed=seed).reason for seed in range(20))
    assert not any(reason in words for reason in ("not heard for", "never", "you liked it")), words


def test_only_what_suits_is_counted_when_everything_was_heard_lately() -> None:
    library = [*(track(key) for key in "abc"), *(track(f"angry{n}", MoodName.ANGRY) for n in range(10))]
    history = [listen(each.key, ago_s=1800) for each in library]
    reasons = [pick(library, history, seed=seed).reason for seed in range(60)]
    drawn = [reason for reason in reasons if "picked at random" in reason]
    assert drawn
    assert all("picked at random from 3 that" in reason for reason in drawn), drawn


def test_a_neighbouring_mood_is_played_when_the_wanted_one_was_only_just_heard() -> None:
    library = [track("a", MoodName.HAPPY), track("b", MoodName.EXCITED)]
    reason = pick(library, [listen("a")], aim(MoodName.HAPPY)).reason
    assert reason.startswith("excited, because you heard or disliked everything nearer to happy lately; never heard")


def test_a_reason_for_a_like_from_the_future_names_no_day() -> None:
    history = [listen("a", Outcome.LIKED, ago_s=-9e9), listen("b", Outcome.SKIPPED, ago_s=-9e9)]
    assert "you liked it once" in pick([track("a"), track("b")], history).reason
