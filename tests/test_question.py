"""The question "do you like this?": a nod and a shake of the head answer it, for some seconds, and only then."""

from __future__ import annotations

from dataclasses import replace

import pytest
from test_session import UP, Room, feeling, only, said

from device.core.question import ANSWER_S
from device.domain import (
    Emotion,
    EyeClosed,
    EyeOpened,
    EyeRead,
    Gesture,
    Memory,
    Outcome,
    Play,
    Reading,
    Record,
    SeenFace,
    SpeechEnded,
    Tick,
)

FACE = feeling(Emotion.NEUTRAL).faces[0]
NOD, SHAKE = (replace(FACE, gesture=gesture, clear=False) for gesture in Gesture)


def listening(**people: bool) -> Room:
    room = Room(Memory(camera=True), people=people)
    room.tell(UP, EyeOpened("test"))
    room.show(Emotion.NEUTRAL, 15.0)
    room.start_music()
    room.show(Emotion.NEUTRAL, 5.0)
    return room


def see(room: Room, face: SeenFace, after_s: float = 2.0) -> list:
    room.pass_time(after_s)
    return room.tell(EyeRead(Reading(room.mono, (face,))))


def outcomes(actions: list) -> list[Outcome]:
    return [record.listen.outcome for record in only(Record, actions)]


def refusal(actions: list) -> str:
    (error,) = said(actions, "error")
    return error["message"]


def test_a_nod_likes_the_song() -> None:
    room = listening()
    assert said(room.say("question", "ask"), "question/state") == ["ON"]
    actions = see(room, NOD)
    assert outcomes(actions) == [Outcome.LIKED]
    assert said(actions, "question/state") == ["OFF"]
    assert only(Play, actions) == []
    assert outcomes(see(room, NOD)) == []  # one answer to one question


def test_a_shake_dislikes_and_skips_it() -> None:
    room = listening()
    room.say("question", "ask")
    actions = see(room, SHAKE)
    assert outcomes(actions) == [Outcome.DISLIKED]
    assert len(only(Play, actions)) == 1


@pytest.mark.parametrize("gesture", [NOD, SHAKE])
def test_without_a_question_a_gesture_says_nothing(gesture: SeenFace) -> None:
    assert outcomes(see(listening(), gesture)) == []
    assert outcomes(see(listening(), replace(gesture, clear=True))) == []


def test_the_question_ends_by_itself() -> None:
    room = listening()
    room.say("question", "ask")
    room.pass_time(ANSWER_S)
    assert said(room.tell(Tick()), "question/state") == ["OFF"]
    assert outcomes(see(room, NOD)) == []


def test_a_gesture_that_began_before_the_question_is_no_answer() -> None:
    room = listening()
    room.say("question", "ask")
    assert outcomes(see(room, NOD, after_s=0.3)) == []
    assert outcomes(see(room, NOD)) == [Outcome.LIKED]


def test_time_stands_still_while_the_question_is_spoken() -> None:
    room = listening()
    room.say("question", "ask")
    room.say("media", '{"url": "http://home/like.mp3", "announce": true}')
    room.pass_time(3 * ANSWER_S)
    room.tell(Tick())
    serial = room.session.state.media._speaking[0]
    room.tell(SpeechEnded(serial))
    assert outcomes(see(room, NOD)) == [Outcome.LIKED]


def test_the_next_song_is_not_what_was_asked_about() -> None:
    room = listening()
    room.say("question", "ask")
    (play,) = only(Play, room.say("playback", "next"))
    room.start(play.serial)
    assert outcomes(see(room, NOD)) == []


def test_an_answer_does_not_count_again_as_a_reaction() -> None:
    room = listening(gestures=True)
    room.say("question", "ask")
    assert outcomes(see(room, NOD)) == [Outcome.LIKED]
    assert outcomes(see(room, replace(NOD, clear=True))) == []
    room = listening(gestures=True)
    room.say("question", "ask")
    (play,) = only(Play, see(room, SHAKE))
    room.start(play.serial)
    assert outcomes(see(room, replace(SHAKE, clear=True), after_s=0.5)) == []  # the head still shakes


def test_while_guests_are_here_a_shake_only_skips() -> None:
    room = listening()
    room.say("guest", "ON")
    room.say("question", "ask")
    actions = see(room, SHAKE)
    assert outcomes(actions) == []
    assert len(only(Play, actions)) == 1


def test_a_question_that_nobody_can_answer_is_refused() -> None:
    assert "set people.answers to true" in refusal(listening(answers=False).say("question", "ask"))
    room = listening()
    room.tell(EyeClosed(""))
    assert refusal(room.say("question", "ask")) == "The camera is off, so nobody can answer with a nod."
    room = Room(Memory(camera=True))
    room.tell(UP, EyeOpened("test"))
    assert "nothing to ask about" in refusal(room.say("question", "ask"))
    assert "question/set takes ask" in refusal(room.say("question", "why"))
