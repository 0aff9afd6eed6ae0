"""Made-up people before a camera, and nods in a video: what measurements and replays are made of."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from device.domain import EMOTIONS, Emotion, Face, Gesture, Reading, SeenFace
from device.errors import CameraError
from tools.gestures import nodding
from tools.reactions import measure, people
from tools.replaying.marks import Marker

RANDOM = np.random.default_rng(3)
SURE = {
    emotion: np.array([[0.93 if one is emotion else 0.01 for one in EMOTIONS]]) for emotion in EMOTIONS
}  # a classifier that never errs


def test_a_perfect_classifier_sees_most_reactions_and_a_quiet_person_makes_no_mistakes() -> None:
    assert measure.recall(SURE, (Emotion.HAPPINESS,), 30, RANDOM)["right"] > 0.5
    assert measure.recall(SURE, people.GRIMACES, 30, RANDOM)["right"] > 0.5
    assert measure.mistakes(SURE, "quiet", 30, RANDOM)["per_hour"] == 0
    assert measure.mistakes(SURE, "merry", 30, RANDOM)["per_hour"] > 0


def test_reactions_that_are_right_are_learnt() -> None:
    rates = {"smile": 1.0, "grimace": 1.0, "pleased": 0.0, "displeased": 0.0}
    setting = measure.Setting(taste=3.0, songs=60)
    rows = measure.compare(setting, rates, 2, 60)
    assert set(rows) == {"without", "with", "false only", "with, difference", "false only, difference"}
    assert rows["false only, difference"]["mean"] == 0  # no false reactions: nothing changes


def face(scores: np.ndarray, gesture: Gesture | None = None) -> SeenFace:
    return SeenFace(1, (0.4, 0.3, 0.2, 0.3), 0.9, tuple(map(float, scores)), gesture)


def test_a_replay_marks_what_people_do_about_songs() -> None:
    marker, marks = Marker([12.0]), []
    for at in range(30 * 8):
        smiling = at >= 18 * 8
        shown = face(SURE[Emotion.HAPPINESS if smiling else Emotion.NEUTRAL][0], Gesture.NOD if at == 40 else None)
        marks += marker.take(Reading(at / 8, (shown,)))
    assert [(mark.what, mark.counts, mark.liked) for mark in marks] == [("nod", False, False), ("smiled", True, True)]
    assert 18 < marks[1].at_s < 22


def test_a_head_is_turned_down_and_back() -> None:
    assert nodding.swing(4.0, [(5.0, Gesture.NOD)]) == (0.0, 0.0)
    aside, down = nodding.swing(5.1, [(5.0, Gesture.NOD)])
    assert aside == 0.0 < down
    gray = np.zeros((200, 200), np.uint8)
    gray[95:105, 95:105] = 255  # the nose
    marks = ((85.0, 80.0), (115.0, 80.0), (100.0, 100.0), (90.0, 115.0), (110.0, 115.0))
    turned = nodding.turn(gray, Face(70, 60, 60, 80, 0.9, marks), 0.0, 0.2)
    before, after = (np.average(np.arange(200), weights=picture.sum(axis=1)) for picture in (gray, turned))
    assert 30 * 0.2 * 1.5 < after - before < 30 * 0.2 * 2.2


def test_mistakes_in_the_arguments_are_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        nodding.main(["a.webm", "b.avi", "--at", "6:wave"])
    assert "'6:wave' is no moment; write seconds:nod or seconds:shake" in capsys.readouterr().err
    assert nodding.main([str(tmp_path / "none.webm"), str(tmp_path / "out.avi")]) == CameraError("").exit_code
    assert "cannot be opened" in capsys.readouterr().err


def test_a_video_is_written_with_an_empty_room_at_its_end(tmp_path: Path) -> None:
    made = cv2.VideoWriter(str(tmp_path / "in.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 8.0, (160, 120))
    for _ in range(8):
        made.write(np.full((120, 160, 3), 90, np.uint8))
    made.release()
    assert nodding.main([str(tmp_path / "in.avi"), str(tmp_path / "out.avi"), "--away", "1"]) == 0
    length = cv2.VideoCapture(str(tmp_path / "out.avi")).get(cv2.CAP_PROP_FRAME_COUNT)
    assert 50 <= length <= 60
