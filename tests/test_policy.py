"""What each policy aims at, as a table; and that walks are short-stepped and end where they lead."""

import itertools

import pytest

from device.config import MoodConfig
from device.domain import MOOD_AFFECT, Affect, Emotion, Mood, MoodName, MoodSource, PolicyName
from device.mood.plane import name_of
from device.mood.policy import STEP, better_than, target
from device.mood.smoothing import PRIOR

CONFIG = MoodConfig(lift_s=600)


def mood(name, source=MoodSource.CAMERA):
    return Mood(name, Affect(0.1, 0.0), Emotion.NEUTRAL, 0.8, 1, PRIOR, source, since=0.0)


@pytest.mark.parametrize(
    ("policy", "name", "elapsed_s", "expected", "words"),
    [
        ("match", "happy", 0, "happy", "to match a happy room"),
        ("match", "angry", 9999, "angry", "to match an angry room"),
        ("lift", "happy", 0, "happy", "to keep a happy room as it is"),
        ("lift", "sad", 0, "sad", "to meet a sad room on the way to calm"),
        ("lift", "sad", 300, "neutral", "as step 3 of 5 from sad towards calm"),
        ("lift", "sad", 600, "calm", "to arrive at calm from sad"),
        ("lift", "angry", 250, "tense", "as step 2 of 5 from angry towards happy"),
        ("lift", "angry", 1e9, "happy", "to arrive at happy from angry"),
        ("lift", "neutral", 300, "happy", "as step 2 of 3 from neutral towards happy"),
        ("calm", "excited", 0, "excited", "to meet an excited room on the way to calm"),
        ("calm", "excited", 600, "calm", "to arrive at calm from excited"),
        ("calm", "calm", 600, "calm", "to keep a calm room as it is"),
        ("energise", "calm", 600, "excited", "to arrive at excited from calm"),
        ("energise", "sad", -5, "sad", "to meet a sad room on the way to excited"),
        ("manual", "sad", 50, "sad", "as no mood is set by hand"),
    ],
)
def test_targets(policy, name, elapsed_s, expected, words):
    goal = target(PolicyName(policy), mood(MoodName(name)), elapsed_s, CONFIG)
    assert (goal.mood, goal.words) == (MoodName(expected), words)


def test_match_aims_at_the_point_of_the_mood():
    assert target(PolicyName.MATCH, mood(MoodName.SAD), 0, CONFIG).affect == MOOD_AFFECT[MoodName.SAD]


def test_a_neutral_room_gets_pleasant_music_rather_than_sad_and_neutral_music_rather_than_any():
    at = target(PolicyName.MATCH, mood(MoodName.NEUTRAL), 0, CONFIG).affect
    by_nearness = sorted(MOOD_AFFECT, key=lambda name: at.distance(MOOD_AFFECT[name]))
    assert by_nearness[0] is MoodName.NEUTRAL
    assert set(by_nearness[1:3]) == {MoodName.CALM, MoodName.HAPPY}


def test_a_mood_set_by_hand_is_not_called_a_room():
    by_hand = mood(MoodName.TENSE, MoodSource.MANUAL)
    assert target(PolicyName.MANUAL, by_hand, 0, CONFIG).words == "as set by hand"
    assert target(PolicyName.MATCH, by_hand, 0, CONFIG).words == "to match the mood tense set by hand"


WALKS = [PolicyName.LIFT, PolicyName.CALM, PolicyName.ENERGISE]


@pytest.mark.parametrize(("policy", "name"), list(itertools.product(WALKS, MoodName)))
def test_walks_start_where_people_are_go_in_small_steps_and_end(policy, name):
    way = [target(policy, mood(name), second, CONFIG) for second in range(700)]
    assert way[0].affect == MOOD_AFFECT[name]
    goal = {PolicyName.LIFT: better_than(name), PolicyName.CALM: MoodName.CALM, PolicyName.ENERGISE: MoodName.EXCITED}
    assert way[600].affect == way[-1].affect == MOOD_AFFECT[goal[policy]]
    jumps = [one.affect.distance(two.affect) for one, two in itertools.pairwise(way)]
    assert max(jumps) <= STEP + 1e-9
    left = [step.affect.distance(MOOD_AFFECT[goal[policy]]) for step in way]
    assert left == sorted(left, reverse=True)
    assert all(name_of(step.affect) is step.mood for step in way)


def test_lift_always_leads_to_somewhere_pleasant():
    for name in MoodName:
        assert MOOD_AFFECT[better_than(name)].valence > 0.5
