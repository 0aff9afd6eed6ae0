"""A person's own neutral: a faint look that never ends goes, a strong mood stays, and it ends with the face."""

from __future__ import annotations

import pytest

from device.config.schema import MoodConfig
from device.domain import EMOTIONS, Emotion, MoodName, Now, Reading, Scores, SeenFace
from device.mood.own_neutral import LEAST_S, OwnNeutral
from device.mood.room_mood import RoomMood

BOX = (0.3, 0.2, 0.4, 0.6)


def shares(**given: float) -> Scores:
    rest = (1 - sum(given.values())) / (len(EMOTIONS) - len(given))
    return tuple(given.get(str(emotion), rest) for emotion in EMOTIONS)


FAINT = shares(sadness=0.36, neutral=0.40)
STRONG = shares(sadness=0.85)
SMILE = shares(happiness=0.8)
SADNESS = EMOTIONS.index(Emotion.SADNESS)


def adjusted(scores: Scores, seconds: float) -> Scores:
    own, found = OwnNeutral(), scores
    for step in range(int(seconds * 8)):
        found = own.adjust(scores, step / 8)
    return found


def test_nothing_is_taken_off_before_a_face_is_known() -> None:
    assert adjusted(FAINT, LEAST_S - 1) == FAINT


def test_a_faint_look_that_never_ends_goes_and_a_strong_one_stays() -> None:
    later = adjusted(FAINT, 1200)
    assert later[SADNESS] < 0.3 < FAINT[SADNESS]
    assert sum(later) == pytest.approx(1.0)
    assert adjusted(STRONG, 7200)[SADNESS] == pytest.approx(STRONG[SADNESS], abs=0.02)


def test_a_smile_of_a_face_that_looks_sad_at_rest_is_a_smile() -> None:
    own = OwnNeutral()
    for step in range(9600):
        own.adjust(FAINT, step / 8)
    assert max(own.adjust(SMILE, 1200.1)) >= 0.8


def mood_after(scores: Scores, seconds: int, *, on: bool, number: int = 1) -> MoodName:
    room = RoomMood(MoodConfig(own_neutral=on))
    for step in range(seconds * 2):
        room.update(Reading(step / 2, (SeenFace(number, BOX, 0.9, scores),)), Now(step / 2, 1e9))
    return room.mood.name


def test_in_the_room_a_long_real_mood_stays_with_it_and_without() -> None:
    assert mood_after(STRONG, 3600, on=True) is mood_after(STRONG, 3600, on=False) is MoodName.SAD


def test_in_the_room_a_faint_look_stops_to_count() -> None:
    assert mood_after(FAINT, 900, on=False) is MoodName.SAD
    assert mood_after(FAINT, 900, on=True) is MoodName.NEUTRAL
