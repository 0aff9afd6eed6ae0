"""What each policy aims at; that walks start where people are, keep a pace, end, and survive a room that wavers."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device.config.schema import MoodConfig
from device.domain import MOOD_AFFECT, Affect, Emotion, Mood, MoodName, MoodSource, PolicyName, Target
from device.mood.plane import name_of
from device.mood.policy import SETTLED, STEP, WALKS, WHOLE_WAY, Guide, better_than, goal_of
from device.mood.smoothing import PRIOR

LIFT_S = 600.0
SETTLE_S = SETTLED * LIFT_S


def target_of(guide: Guide, policy: PolicyName, mood: Mood, now_s: float) -> Target:
    """Where the guide leads at this time."""
    guide.advance(policy, mood, now_s)
    return guide.target(policy, mood)



def mood(name: str, source: MoodSource = MoodSource.CAMERA) -> Mood:
    return Mood(MoodName(name), Affect(0.1, 0.0), Emotion.NEUTRAL, 0.8, 1, PRIOR, source, since=0.0)


def walk(policy: str, moods: Iterable[tuple[str, float]], source: MoodSource = MoodSource.CAMERA) -> Iterator[Target]:
    """The target of each second while the room is in one mood after the other for so many seconds."""
    guide, now_s = Guide(MoodConfig(lift_s=LIFT_S)), 1000.0
    for name, seconds in moods:
        for _ in range(int(seconds)):
            yield target_of(guide, PolicyName(policy), mood(name, source), now_s)
            now_s += 1.0


def first(policy: str, name: str, source: MoodSource = MoodSource.CAMERA) -> Target:
    return next(walk(policy, [(name, 1)], source))


def last(policy: str, *moods: tuple[str, float]) -> Target:
    return list(walk(policy, moods))[-1]


@pytest.mark.parametrize(
    ("policy", "name", "seconds", "expected", "words"),
    [
        ("match", "happy", 1, "happy", "to match a happy room"),
        ("match", "angry", 999, "angry", "to match an angry room"),
        ("lift", "happy", 1, "happy", "to keep a happy room as it is"),
        ("lift", "sad", 1, "sad", "to meet a sad room on the way to calm"),
        ("lift", "sad", 140, "sad", "a quarter of the way from sad to calm"),
        ("lift", "sad", 270, "neutral", "halfway from sad to calm"),
        ("lift", "sad", 400, "calm", "three quarters of the way from sad to calm"),
        ("lift", "sad", 520, "calm", "almost all the way from sad to calm"),
        ("lift", "sad", 600, "calm", "at the end of the way from sad to calm"),
        ("lift", "angry", 9999, "happy", "at the end of the way from angry to happy"),
        ("lift", "neutral", 160, "happy", "halfway from neutral to happy"),
        ("calm", "excited", 1, "excited", "to meet an excited room on the way to calm"),
        ("calm", "calm", 600, "calm", "to keep a calm room as it is"),
        ("energise", "calm", 600, "excited", "at the end of the way from calm to excited"),
        ("manual", "sad", 50, "sad", "as no mood is set by hand"),
    ],
)
def test_targets(policy: str, name: str, seconds: float, expected: str, words: str) -> None:
    goal = last(policy, (name, seconds))
    assert (goal.mood, goal.words) == (MoodName(expected), words)


def test_match_aims_at_the_point_of_the_mood() -> None:
    assert first("match", "sad").affect == MOOD_AFFECT[MoodName.SAD]


def test_a_neutral_room_gets_pleasant_music_rather_than_sad_and_neutral_music_rather_than_any() -> None:
    at = first("match", "neutral").affect
    by_nearness = sorted(MOOD_AFFECT, key=lambda name: at.distance(MOOD_AFFECT[name]))
    assert by_nearness[0] is MoodName.NEUTRAL
    assert set(by_nearness[1:3]) == {MoodName.CALM, MoodName.HAPPY}


def test_a_mood_set_by_hand_is_not_called_a_room() -> None:
    assert first("manual", "tense", MoodSource.MANUAL).words == "as set by hand"
    assert first("match", "tense", MoodSource.MANUAL).words == "to match the mood tense set by hand"


@pytest.mark.parametrize(("policy", "name"), list(itertools.product(WALKS, MoodName)))
def test_walks_start_where_people_are_keep_their_pace_and_end(policy: PolicyName, name: MoodName) -> None:
    way = list(walk(policy, [(name, 700)]))
    goal = MOOD_AFFECT[goal_of(policy, name)]
    assert way[0].affect == MOOD_AFFECT[name]
    assert way[-1].affect == goal
    steps = [one.affect.distance(two.affect) for one, two in itertools.pairwise(way)]
    walking = [step for step in steps if step > 0]
    assert walking[:-1] == pytest.approx([WHOLE_WAY / LIFT_S] * len(walking[:-1])), "the last one is what was left"
    assert len(walking) == pytest.approx(MOOD_AFFECT[name].distance(goal) / WHOLE_WAY * LIFT_S, abs=1)
    left = [step.affect.distance(goal) for step in way]
    assert left == sorted(left, reverse=True)
    assert all(name_of(step.affect) is step.mood for step in way)


def test_from_sad_to_happy_takes_as_long_as_is_set() -> None:
    assert MOOD_AFFECT[MoodName.SAD].distance(MOOD_AFFECT[MoodName.HAPPY]) == pytest.approx(WHOLE_WAY)


def test_the_way_does_not_depend_on_how_often_is_asked() -> None:
    guide = Guide(MoodConfig(lift_s=LIFT_S))
    target_of(guide, PolicyName.LIFT, mood("sad"), 0.0)
    seldom = target_of(guide, PolicyName.LIFT, mood("sad"), 269.0)
    often = last("lift", ("sad", 270))
    assert seldom.affect.distance(often.affect) < 1e-9


def test_lift_always_leads_to_somewhere_pleasant() -> None:
    for name in MoodName:
        assert MOOD_AFFECT[better_than(name)].valence > 0.5


@pytest.mark.parametrize("other", ["angry", "neutral", "happy", "tense"])
def test_a_mood_that_flickers_does_not_disturb_the_walk(other: str) -> None:
    flicker = [("sad", 30), (other, 60)] * 8
    steady = list(walk("lift", [("sad", 720)]))
    wavering = list(walk("lift", flicker))
    assert [one.affect for one in wavering] == [one.affect for one in steady]


def test_a_mood_that_holds_is_met_where_it_is() -> None:
    way = list(walk("lift", [("sad", 10), ("angry", SETTLE_S + 1)]))
    assert way[-2].mood is MoodName.SAD, "not yet"
    assert way[-1].affect.distance(MOOD_AFFECT[MoodName.ANGRY]) < 0.1
    assert way[-1].words == "to meet an angry room on the way to happy"


def test_a_room_that_settled_where_the_walk_led_is_met_anew() -> None:
    way = list(walk("lift", [("sad", 600), ("calm", SETTLE_S + 1), ("sad", SETTLE_S + 1)]))
    assert way[-2].words == "to bring calm back"
    assert way[-1].affect.distance(MOOD_AFFECT[MoodName.SAD]) < 1e-9


def test_after_its_end_a_walk_stays_there_while_the_room_stays_as_it_was() -> None:
    way = list(walk("lift", [("sad", 1200), ("happy", 20), ("sad", 1200)]))
    assert {step.affect for step in way[600:]} == {MOOD_AFFECT[MoodName.CALM]}


@settings(deadline=None)  # a busy machine is no mistake
@given(
    st.lists(
        st.tuples(st.sampled_from(["sad", "angry", "tense", "neutral"]), st.integers(1, 400)), min_size=5, max_size=40
    )
)
def test_however_a_gloomy_room_wavers_the_music_gets_there(moods: list[tuple[str, int]]) -> None:
    guide, now_s, heard = Guide(MoodConfig(lift_s=LIFT_S)), 0.0, set()
    for name, seconds in itertools.islice(itertools.cycle(moods), 2000):
        now_s += seconds
        target_of(guide, PolicyName.LIFT, mood(name), now_s - seconds)
        heard.add(target_of(guide, PolicyName.LIFT, mood(name), now_s).mood)
        if now_s > 30 * LIFT_S:
            break
    assert now_s < 20 * LIFT_S or heard & {MoodName.HAPPY, MoodName.CALM}, "it never got there"


def test_a_relapse_on_the_way_takes_back_one_step_at_most() -> None:
    moods = [("sad", 200), ("neutral", SETTLE_S + 1), ("sad", SETTLE_S + 1)]
    way = list(walk("lift", moods))
    left = [step.affect.distance(MOOD_AFFECT[goal_of(PolicyName.LIFT, MoodName.SAD)]) for step in way]
    before_relapse = way[-2].affect.distance(MOOD_AFFECT[MoodName.HAPPY])
    assert left[-1] == pytest.approx(min(left[0], before_relapse + STEP), abs=0.01)


def test_a_relapse_costs_less_than_was_walked_meanwhile() -> None:
    assert WHOLE_WAY * SETTLED > STEP


def test_what_is_asked_for_by_hand_counts_at_once() -> None:
    guide = Guide(MoodConfig(lift_s=LIFT_S))
    target_of(guide, PolicyName.LIFT, mood("sad"), 0.0)
    by_hand = target_of(guide, PolicyName.LIFT, mood("tense", MoodSource.MANUAL), 300.0)
    assert by_hand.words == "to meet the mood tense set by hand on the way to happy"
    again = target_of(guide, PolicyName.LIFT, mood("angry", MoodSource.MANUAL), 310.0)
    assert again.affect == MOOD_AFFECT[MoodName.ANGRY]
    assert target_of(guide, PolicyName.LIFT, mood("sad"), 320.0).affect.distance(MOOD_AFFECT[MoodName.SAD]) < 1e-9
    other = target_of(guide, PolicyName.ENERGISE, mood("sad"), 330.0)
    assert other.words == "to meet a sad room on the way to excited"


def test_another_policy_begins_a_walk_and_the_same_one_goes_on() -> None:
    guide = Guide(MoodConfig(lift_s=LIFT_S))
    target_of(guide, PolicyName.LIFT, mood("sad"), 0.0)
    assert target_of(guide, PolicyName.LIFT, mood("sad"), 300.0).mood is MoodName.NEUTRAL
    target_of(guide, PolicyName.MATCH, mood("sad"), 310.0)
    assert target_of(guide, PolicyName.LIFT, mood("sad"), 320.0).mood is MoodName.SAD
