"""Nods, shakes and faces as soft feedback: what is recognised, what is not, and how little it does."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from test_session import Room, feeling, only, said

from device.domain import Emotion, EyeOpened, EyeRead, Face, Gesture, Memory, Outcome, Play, Reading, Record, SeenFace
from device.music.recommend.profile_taste import weight
from device.perception.gestures import GestureDetector, swings_of
from device.perception.protocol import encode, parse
from device.perception.tracker import Course, Tracked
from tools.evaluate import main
from tools.gestures import measure, motion, nodding, takes

HAPPY = feeling(Emotion.HAPPINESS).faces[0]
NEUTRAL = feeling(Emotion.NEUTRAL).faces[0]
ANGRY = feeling(Emotion.ANGER).faces[0]


def shown(values: list[float], axis: str, number: int = 1, fps: float = 8.0) -> list[Gesture]:
    """The gestures of a face whose nose moves like this, in eye distances of 30 px."""
    detector, found = GestureDetector(), []
    for at, value in enumerate(values):
        x, y = 160 + (30 * value if axis == "x" else 0), 120 + (30 * value if axis == "y" else 0)
        marks = ((x - 15, y), (x + 15, y), (x, y + 18), (x - 12, y + 30), (x + 12, y + 30))
        face = Face(x - 30, y - 30, 60, 78, 0.9, marks)
        made = detector.update([Tracked(number, face, at / fps, Course.start(face), 9, 0.9)], at / fps)
        found += [one.gesture for one in made.values() if one.clear]
    return found


def waves(swing: float, rate: float, seconds: float = 3.0) -> list[float]:
    return [swing * float(np.sin(2 * np.pi * rate * at / 8.0)) for at in range(int(8 * seconds))]


@pytest.mark.parametrize(("axis", "gesture"), [("y", Gesture.NOD), ("x", Gesture.SHAKE)])
def test_a_few_swings_along_one_axis_are_a_gesture_and_count_once(axis: str, gesture: Gesture) -> None:
    assert shown(waves(0.4, 1.3), axis) == [gesture]


@pytest.mark.parametrize(
    "values",
    [
        [0.0] * 40,
        waves(0.1, 1.3),  # too small
        waves(0.4, 0.4, 6.0),  # too slow: somebody leans
        [0.0] * 10 + [1.0] * 20,  # somebody looks away
        [0.0, 0.8, 0.0] + [0.0] * 20,  # one jump
    ],
)
def test_other_movements_are_not(values: list[float]) -> None:
    assert shown(values, "y") == shown(values, "x") == []


def test_a_circle_is_neither() -> None:
    detector, found = GestureDetector(), []
    for at in range(32):
        x, y = 160 + 12 * np.cos(at * 1.0), 120 + 12 * np.sin(at * 1.0)
        marks = ((x - 15, y), (x + 15, y), (x, y + 18), (x - 12, y + 30), (x + 12, y + 30))
        face = Face(x - 30, y - 30, 60, 78, 0.9, marks)
        found += detector.update([Tracked(1, face, at / 8, Course.start(face), 9, 0.9)], at / 8).values()
    assert found == []


def test_a_gap_in_the_frames_ends_a_gesture() -> None:
    detector, found = GestureDetector(), []
    for at, value in enumerate(waves(0.4, 1.3)):
        at_s = at / 8 + 2.0 * (at // 6)
        y = 120 + 30 * value
        face = Face(130, y - 30, 60, 78, 0.9, ((145, y), (175, y), (160, y + 18), (148, y + 30), (172, y + 30)))
        found += detector.update([Tracked(1, face, at_s, Course.start(face), 9, 0.9)], at_s).values()
    assert found == []


def test_swings_alternate_and_are_long_enough() -> None:
    times = [float(at) for at in range(7)]
    values = [0.0, 1.0, 0.9, 0.0, 0.1, 1.0, 0.9]
    assert swings_of(times, values, 0.3) == [(0.0, 1.0, 1.0), (1.0, 3.0, -1.0), (3.0, 5.0, 1.0)]
    assert swings_of(times, [0.0, 0.1, 0.0, 0.1, 0.0, 0.1, 0.0], 0.3) == []
    assert swings_of([], [], 0.3) == []


def test_a_gesture_crosses_the_socket() -> None:
    reading = Reading(1.0, (replace(HAPPY, gesture=Gesture.NOD), NEUTRAL))
    assert parse(encode(reading)) == reading


def test_made_up_gestures_and_talk(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gestures", "--gestures", "8", "--hours", "0.02"]) == 0
    assert "synthetic, lively" in capsys.readouterr().out
    found = measure.recall(24, None, 8.0, np.random.default_rng(5))
    assert found["clear"] >= 0.75
    assert found["faint"] >= found["clear"]
    assert found["wrong"] <= 1


@pytest.mark.slow
def test_bursts_find_gestures_that_eight_frames_a_second_miss() -> None:
    with measure.burst(False):
        without = measure.recall(60, None, 8.0, np.random.default_rng(5))
    assert measure.recall(60, None, 8.0, np.random.default_rng(5))["clear"] > without["clear"] + 0.1


def test_a_head_that_shakes_wildly_makes_alarms_that_are_counted() -> None:
    wild = partial(motion.synthetic_talk, 60.0, 12.0)
    counted = measure.false_alarms(0.02, wild, 8.0, np.random.default_rng(5))
    assert counted["clear_per_hour"] > 10
    assert counted["clear_per_hour"] < counted["at_most"]
    assert measure.most(0) == pytest.approx(2.996, abs=0.001)
    assert measure.most(4) == pytest.approx(9.154, abs=0.001)


@pytest.mark.slow
def test_a_talking_woman_makes_no_gesture(shared_dir: Path, tmp_path: Path) -> None:
    video = shared_dir / "data" / "video" / "talking_woman.mp4"
    assert measure.watch(video, tmp_path)["false"] == 0
    assert (tmp_path / "gestures.png").stat().st_size > 5000
    track = motion.read_track(video)
    talk = motion.real_talk(track, 60.0, 1.0, np.random.default_rng(5)).marks
    ours, hers = (np.abs(np.diff(one[:, 2], axis=0)).mean() for one in (talk, track))
    assert 0.7 * hers < ours < 1.5 * hers  # the pieces move as she does


@pytest.mark.slow
def test_takes_of_a_video_count_the_nods_in_it(shared_dir: Path, tmp_path: Path) -> None:
    """None in the talk, and one or more in the same talk with a nod painted into it."""
    talk, nods = shared_dir / "data" / "video" / "talking_woman.mp4", tmp_path / "nods.avi"
    some = [takes.Take(1.0, 0, True, 0.0), takes.Take(0.5, 1, False, 6.0)]
    assert takes.watch_takes(talk, 8.0, some)["any"] == 0
    assert nodding.main([str(talk), str(nods), "--at", "4:nod", "10:shake"]) == 0
    seen = takes.watch_takes(nods, 8.0, some)
    assert 1 <= seen["clear"] <= 4
    assert seen["minutes"] > 0.4


# --- In the session ---


def watching(**people: bool) -> tuple[Room, Play]:
    """A room with a neutral face that was there before the song, and the first seconds of the song."""
    room = Room(Memory(camera=True), people=people)
    room.tell(EyeOpened("test"))
    room.show(Emotion.NEUTRAL, 30.0)
    play = room.start_music()
    see(room, 2.0, NEUTRAL)
    return room, play


def see(room: Room, seconds: float, *faces: SeenFace) -> list:
    actions = []
    for _ in range(int(seconds * 8)):
        room.pass_time(1 / 8)
        actions += room.tell(EyeRead(Reading(room.mono, faces)))
    return actions


def outcomes(actions: list) -> list[Outcome]:
    return [record.listen.outcome for record in only(Record, actions)]


@pytest.mark.parametrize(
    ("gesture", "outcome", "how"),
    [(Gesture.NOD, Outcome.PLEASED, "nodded"), (Gesture.SHAKE, Outcome.DISPLEASED, "shook their head")],
)
def test_a_nod_and_a_shake_are_learnt_once_a_song_and_do_not_change_what_plays(
    gesture: Gesture, outcome: Outcome, how: str
) -> None:
    room, play = watching(gestures=True)
    actions = see(room, 0.25, replace(NEUTRAL, gesture=gesture))
    assert outcomes(actions) == [outcome]
    (event,) = said(actions, "event")
    assert (event["event_type"], event["how"], event["title"]) == ("reacted", how, play.track.title)
    assert only(Play, actions) == []
    assert outcomes(see(room, 1.0, replace(NEUTRAL, gesture=gesture))) == []


@pytest.mark.parametrize(
    ("face", "outcome"), [(HAPPY, Outcome.PLEASED), (ANGRY, Outcome.DISPLEASED), (NEUTRAL, None)]
)
def test_a_face_that_changes_in_the_first_minute_is_learnt(face: SeenFace, outcome: Outcome | None) -> None:
    room, _ = watching(reactions=True)
    assert outcomes(see(room, 10.0, face)) == ([] if outcome is None else [outcome])


def test_a_face_that_smiled_before_has_not_reacted_and_a_late_smile_is_none() -> None:
    room = Room(Memory(camera=True), people={"reactions": True})
    room.tell(EyeOpened("test"))
    room.show(Emotion.HAPPINESS, 30.0)
    room.start_music()
    assert outcomes(see(room, 10.0, HAPPY)) == []
    room, _ = watching(reactions=True)
    see(room, 61.0, NEUTRAL)
    assert outcomes(see(room, 10.0, HAPPY)) == []


def test_who_leaves_has_reacted_but_who_gets_another_number_has_not() -> None:
    room, _ = watching(reactions=True)
    assert outcomes(see(room, 25.0)) == [Outcome.DISPLEASED]
    room, _ = watching(reactions=True)
    assert outcomes(see(room, 25.0, replace(NEUTRAL, number=2))) == []


def test_who_left_before_the_song_did_not_leave_because_of_it() -> None:
    room = Room(Memory(camera=True), people={"reactions": True})
    room.tell(EyeOpened("test"))
    room.show(Emotion.NEUTRAL, 15.0)
    see(room, 8.0, replace(NEUTRAL, number=2))  # face 1 has left
    room.start_music()
    assert outcomes(see(room, 15.0, replace(NEUTRAL, number=2)) + see(room, 3.0)) == []


@pytest.mark.parametrize("people", [{}, {"gestures": True}])
def test_switched_off_nothing_is_learnt(people: dict[str, bool]) -> None:
    room, _ = watching(**people)
    assert outcomes(see(room, 10.0, HAPPY)) == []
    nodding = see(room, 1.0, replace(NEUTRAL, gesture=Gesture.NOD))
    assert outcomes(nodding) == ([Outcome.PLEASED] if people else [])


def test_guests_teach_nothing() -> None:
    room, _ = watching(gestures=True)
    room.say("guest", "ON")
    assert outcomes(see(room, 1.0, replace(NEUTRAL, gesture=Gesture.NOD))) == []


def test_a_reaction_weighs_less_than_a_skip_and_is_no_hearing() -> None:
    room, play = watching(gestures=True)
    (listen,) = [r.listen for r in only(Record, see(room, 0.2, replace(NEUTRAL, gesture=Gesture.SHAKE)))]
    skip = replace(listen, outcome=Outcome.SKIPPED, heard_s=0.0)
    assert 0 < weight(listen, 180.0)[1] < weight(skip, 180.0)[1] / 2
    row = room.session.state.chooser.index.row[play.track.key]
    assert room.session.state.chooser.taste.hearings[row] == 0
