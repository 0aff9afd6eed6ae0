"""The demo's people: action units move the right features the right way, pictures are repeatable, and the shipped
models recognise the moods from pixels."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from device.domain import EMOTIONS
from device.perception.crop import align
from device.perception.emotion import EmotionClassifier
from device.perception.faces import FaceDetector
from tools.people import script
from tools.people.cast import PEOPLE, PROTOTYPES, Expression
from tools.people.face import Face, shape
from tools.people.light import Lamp
from tools.people.paint import eyes, mouth
from tools.people.photo import HEAD, Pose, Seat, photograph
from tools.people.relief import skull

MODELS = Path(__file__).parents[1] / "models"
SHOWN = {name: variants[-1] for name, variants in PROTOTYPES.items() if name not in ("fear", "disgust")}
LAMP = Lamp()


def make(person: int = 0, **units: float) -> Face:
    return shape(PEOPLE[person], Expression(**units))


def picture(person: int, expression: Expression, pose: Pose = Pose(), shot: int = 1) -> np.ndarray:  # noqa: B008
    return photograph((Seat(PEOPLE[person], expression, pose),), LAMP, room=1, shot=shot)


def test_blending_starts_here_and_ends_there() -> None:
    smile = Expression(au6=0.4, au12=1.0, gaze_x=-0.5)
    assert Expression().blend(smile, 0) == Expression()
    assert Expression().blend(smile, 1) == smile
    assert Expression().blend(smile, 0.5).au12 == pytest.approx(0.5)


def test_a_blink_closes_eyes_but_never_opens_them() -> None:
    assert Expression(au43=0.2).blink(0.7).au43 == 0.7
    assert Expression(au43=0.9).blink(0.1).au43 == 0.9


@pytest.mark.parametrize("person", range(len(PEOPLE)))
class TestActionUnits:
    """y points down: what rises gets smaller."""

    def test_au1_raises_the_inner_brow_and_au2_the_outer(self, person: int) -> None:
        rest, inner, outer = make(person), make(person, au1=1), make(person, au2=1)
        rise = [[r[1] - f[1] for r, f in zip(rest.brow, face.brow, strict=True)] for face in (inner, outer)]
        assert rise[0][0] > 5 > rise[0][-1]
        assert rise[1][-1] > 5 > rise[1][0]

    def test_au4_lowers_the_brows_and_draws_them_together(self, person: int) -> None:
        rest, frown = make(person), make(person, au4=1)
        assert frown.brow[0][1] > rest.brow[0][1] + 5
        assert frown.brow[0][0] < rest.brow[0][0]
        assert frown.glabella > rest.glabella

    def test_au1_with_au4_slants_the_brow_up_to_the_middle(self, person: int) -> None:
        brow = make(person, au1=1, au4=1).brow
        assert brow[0][1] < brow[2][1] < brow[-1][1]

    def test_au5_opens_and_au7_and_au43_close_the_eye(self, person: int) -> None:
        rest, wide, tight, closed = (make(person, **u).eye for u in ({}, {"au5": 1}, {"au7": 1}, {"au43": 1}))
        assert wide.upper_y < rest.upper_y < tight.upper_y
        assert tight.lower_y < rest.lower_y
        assert closed.lower_y - closed.upper_y < 1.0

    def test_au12_pulls_the_corners_up_and_out_and_au15_down(self, person: int) -> None:
        rest, smile, sad = (make(person, **u).mouth for u in ({}, {"au12": 1}, {"au15": 1}))
        assert smile.corner_y < rest.corner_y - 5
        assert smile.corner_x > rest.corner_x + 5
        assert sad.corner_y > rest.corner_y + 4
        assert make(person, au12=1).nasolabial > make(person).nasolabial

    def test_au25_parts_the_lips_and_au26_and_au27_drop_the_jaw(self, person: int) -> None:
        gaps = [m.lower_y - m.upper_y for m in (make(person, **u).mouth for u in (
            {}, {"au25": 1}, {"au25": 1, "au26": 1}, {"au25": 1, "au27": 1}))]  # fmt: skip
        assert gaps == sorted(gaps)
        assert gaps[0] == 0 < gaps[1]
        assert make(person, au26=1).chin_y > make(person).chin_y + 10

    def test_au23_thins_and_au20_stretches_the_lips(self, person: int) -> None:
        rest, thin, long = (make(person, **u).mouth for u in ({}, {"au23": 1}, {"au20": 1}))
        assert thin.upper_y - thin.top_y < 0.6 * (rest.upper_y - rest.top_y)
        assert long.corner_x > rest.corner_x + 4


def test_closed_eyes_show_no_eyeball_and_open_ones_do() -> None:
    assert eyes(HEAD, make(au43=1))[0].max() < 0.2
    assert eyes(HEAD, make())[0].sum() / HEAD.scale**2 > 100  # square millimetres


def test_teeth_show_in_a_laugh_and_not_between_closed_lips() -> None:
    cover, light = mouth(HEAD, shape(PEOPLE[0], PROTOTYPES["happiness"][1]))
    assert (cover * (light > 0.5)).sum() / HEAD.scale**2 > 100
    cover, light = mouth(HEAD, make())
    assert (cover * (light > 0.5)).sum() == 0


def test_a_dropped_jaw_makes_the_head_longer() -> None:
    tall, short = (skull(HEAD, face)[1].any(axis=1).sum() for face in (make(au26=1), make()))
    assert tall > short


def test_a_picture_is_what_a_camera_gives_and_the_same_every_time() -> None:
    first = picture(1, SHOWN["anger"])
    assert first.shape == (240, 320)
    assert first.dtype == np.uint8
    assert np.array_equal(first, picture(1, SHOWN["anger"]))
    assert not np.array_equal(first, picture(1, SHOWN["anger"], shot=2)), "the film grain is that of the shot"


def test_tones_are_those_of_a_photograph() -> None:
    """FER2013's faces: mean 129, deviation 54. Ours must be neither a drawing nor a cartoon in black and white."""
    for person in range(len(PEOPLE)):
        face = picture(person, Expression())[60:170, 105:215]
        assert 80 < face.mean() < 180
        assert 20 < face.std() < 70
        assert (face > 250).mean() < 0.01


def test_nobody_is_drawn_outside_the_picture() -> None:
    empty = photograph((), LAMP, room=1, shot=1)
    away = picture(0, Expression(), Pose(x_px=-400))
    assert np.array_equal(empty, away)


def test_turning_the_head_moves_the_nose_but_not_the_shoulders() -> None:
    left, right = (picture(0, Expression(), Pose(yaw=yaw)).astype(int) for yaw in (-10, 10))
    change = np.abs(left - right)
    assert change[60:160, 110:210].mean() > 10
    assert change[225:, 110:210].mean() < 5


def test_four_moods_come_in_the_first_twenty_seconds() -> None:
    """A demo of 30 s asks for so many, and the program needs some of them to start."""
    early = {shot.intended for shot in script.script(8)[: 20 * 8]}
    assert early >= {"happiness", "surprise", "sadness", "anger"}


def test_the_play_shows_four_moods_three_people_and_an_empty_room() -> None:
    shots = script.script(4)
    assert [s.number for s in shots] == list(range(len(shots)))
    assert len({s.intended for s in shots if s.intended}) >= 5
    assert len({seat.person.name for s in shots for seat in s.seats}) >= 3
    assert sum(not s.seats for s in shots) > 20
    assert max(len(s.seats) for s in shots) == 2
    assert shots == script.script(4)


def test_people_blink() -> None:
    closed = [seat.expression.au43 for s in script.script(8) for seat in s.seats]
    assert max(closed) > 0.6
    assert np.mean(np.array(closed) > 0.6) < 0.1


@pytest.fixture(scope="module")
def classifier() -> EmotionClassifier:
    if not (MODELS / "emotion.tflite").exists():
        pytest.skip("models/emotion.tflite is not there yet")
    return EmotionClassifier.load(MODELS)


@pytest.fixture(scope="module")
def detector() -> FaceDetector:
    if not (MODELS / "face_detector.tflite").exists():
        pytest.skip("models/face_detector.tflite is not there yet")
    return FaceDetector.load(MODELS)


@pytest.mark.parametrize("emotion", SHOWN)
def test_the_models_recognise_the_mood_from_pixels(
    emotion: str, detector: FaceDetector, classifier: EmotionClassifier
) -> None:
    """Four people, three poses and distances each: at least two thirds are seen as what they show.

    Two may go unseen: the detector's threshold is strict, and its recall of real faces is nine in ten.
    """
    poses = (Pose(yaw=3, roll=2), Pose(yaw=-6, pitch=2, roll=-3, px_per_mm=0.7, y_px=108), Pose(yaw=5, px_per_mm=0.55))
    seen: Counter[str] = Counter()
    for person in range(len(PEOPLE)):
        for shot, pose in enumerate(poses):
            frame = picture(person, SHOWN[emotion], pose, shot)
            for face in detector.find(frame):
                seen[str(EMOTIONS[int(np.argmax(classifier.scores(align(frame, face))))])] += 1
    total = len(PEOPLE) * len(poses)
    assert seen.total() >= total - 2, "a face in nearly every picture"
    assert seen[emotion] >= total * 2 / 3, dict(seen)


def test_the_detector_finds_nobody_in_the_empty_room(detector: FaceDetector) -> None:
    rooms = [photograph((), LAMP, room=script.ROOM, shot=shot) for shot in range(10)]
    assert sum(len(detector.find(room)) for room in rooms) == 0


def test_the_detector_finds_eyes_and_mouth_where_they_were_drawn(detector: FaceDetector) -> None:
    pose = Pose(px_per_mm=0.62)
    [face] = detector.find(picture(0, Expression(), pose))
    drawn = shape(PEOPLE[0], Expression())
    fifth_px = 0.2 * pose.px_per_mm * 2 * drawn.eye.centre_x  # of the distance between the eyes
    for point, (x, y) in zip(face.landmarks, (
        (-drawn.eye.centre_x, 0), (drawn.eye.centre_x, 0), (0, drawn.nose_tip_y),
        (-drawn.mouth.corner_x, drawn.mouth.corner_y), (drawn.mouth.corner_x, drawn.mouth.corner_y),
    ), strict=True):  # fmt: skip
        assert point == pytest.approx((pose.x_px + pose.px_per_mm * x, pose.y_px + pose.px_per_mm * y), abs=fifth_px)


def test_identities_differ() -> None:
    pictures = [picture(person, Expression()) for person in range(len(PEOPLE))]
    for i, one in enumerate(pictures):
        for other in pictures[i + 1 :]:
            assert np.abs(one.astype(int) - other).mean() > 5
    assert len({replace(p, name="") for p in PEOPLE}) == len(PEOPLE)
