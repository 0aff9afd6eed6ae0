"""The room's mood: who counts, how much, and when the name changes."""

import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device.config.schema import MoodConfig
from device.domain import EMOTIONS, MOOD_AFFECT, Emotion, MoodName, MoodSource, Now, Reading, SeenFace
from device.mood.evidence import weighted_mean
from device.mood.room_mood import RoomMood

NEUTRAL = (0.86, 0.05, 0.01, 0.04, 0.01, 0.01, 0.01, 0.01)
HAPPY = (0.04, 0.90, 0.02, 0.01, 0.01, 0.005, 0.01, 0.005)
SAD = (0.10, 0.01, 0.02, 0.80, 0.03, 0.01, 0.02, 0.01)
ANGRY = (0.05, 0.01, 0.02, 0.03, 0.85, 0.02, 0.01, 0.01)
WALL = 1_700_000_000.0


def seen(scores, number=1, *, certainty=0.9, size=0.2, left=0.4):
    return SeenFace(number, (left, 0.3, size, size), certainty, scores)


class Watch:
    """Feeds a `RoomMood` with readings at a frame rate and keeps what it answered."""

    def __init__(self, config=None, fps=8, start=0.0):
        self.room, self.step, self.now, self.moods = RoomMood(config or MoodConfig()), 1 / fps, start, []

    def show(self, seconds, *faces):
        for _ in range(round(seconds / self.step)):
            self.now += self.step
            clock = Now(self.now, WALL + self.now)
            self.moods.append((self.now, self.room.update(Reading(self.now, faces), clock)))
        return self.room.mood

    def changes(self):
        names = [(at, mood.name) for at, mood in self.moods]
        return [two for one, two in itertools.pairwise(names) if one[1] is not two[1]]


def test_first_mood_is_neutral_and_seen_by_nobody():
    mood = RoomMood(MoodConfig()).mood
    assert (mood.name, mood.source, mood.confidence, mood.faces) == (MoodName.NEUTRAL, MoodSource.NONE, 0.0, 0)


def test_an_empty_room_has_no_mood_and_no_beginning():
    watch = Watch()
    mood = watch.show(30)
    assert (mood.name, mood.source, mood.confidence, mood.faces) == (MoodName.NEUTRAL, MoodSource.NONE, 0.0, 0)
    assert mood.since is None


@pytest.mark.parametrize(
    ("emotion", "name"),
    [
        (Emotion.HAPPINESS, MoodName.HAPPY),
        (Emotion.SURPRISE, MoodName.EXCITED),
        (Emotion.SADNESS, MoodName.SAD),
        (Emotion.ANGER, MoodName.ANGRY),
        (Emotion.DISGUST, MoodName.ANGRY),
        (Emotion.FEAR, MoodName.TENSE),
        (Emotion.CONTEMPT, MoodName.ANGRY),
        (Emotion.NEUTRAL, MoodName.NEUTRAL),
    ],
)
def test_every_clear_face_becomes_its_mood_within_ten_seconds(emotion, name):
    watch = Watch()
    mood = watch.show(10, seen(tuple(0.79 if other is emotion else 0.03 for other in EMOTIONS)))
    assert mood.name is name
    assert mood.source is MoodSource.CAMERA
    assert mood.emotion is emotion
    assert mood.faces == 1
    assert mood.confidence > 0.6


def test_a_slight_smile_is_calm():
    mood = Watch().show(15, seen((0.46, 0.46, 0.02, 0.02, 0.01, 0.01, 0.01, 0.01)))
    assert mood.name is MoodName.CALM


@pytest.mark.parametrize("happiness", [0.36, 0.56])
def test_a_slight_smile_stays_calm_though_one_of_its_two_emotions_is_likelier(happiness):
    smile = (0.92 - happiness, happiness, 0.02, 0.02, 0.01, 0.01, 0.01, 0.01)
    watch = Watch()
    mood = watch.show(60, seen(smile))
    assert mood.name is MoodName.CALM
    assert [name for _at, name in watch.changes()] == [MoodName.CALM]
    assert mood.affect.distance(MOOD_AFFECT[MoodName.CALM]) < 0.2


@pytest.mark.parametrize("fps", [2, 8, 30])
def test_the_name_changes_once_after_the_dwell_whatever_the_frame_rate(fps):
    watch = Watch(MoodConfig(dwell_s=4), fps)
    watch.show(20, seen(NEUTRAL))
    watch.show(20, seen(SAD))
    ((at, name),) = watch.changes()
    assert name is MoodName.SAD
    assert 24 <= at <= 27


def test_since_is_the_monotonic_clock_at_the_change_and_stays():
    watch = Watch()
    watch.show(10, seen(NEUTRAL))
    mood = watch.show(30, seen(HAPPY))
    ((at, _name),) = watch.changes()
    assert mood.since == at


def test_a_grimace_shorter_than_the_dwell_changes_nothing():
    watch = Watch(MoodConfig(dwell_s=4))
    watch.show(20, seen(HAPPY))
    for _ in range(5):
        watch.show(3, seen(ANGRY))
        watch.show(6, seen(HAPPY))
    assert [name for _at, name in watch.changes()] == [MoodName.HAPPY]


def test_without_a_lead_of_margin_the_name_stays():
    torn = (0.44, 0.02, 0.01, 0.46, 0.04, 0.01, 0.01, 0.01)
    assert Watch(MoodConfig(margin=1.0)).show(60, seen(SAD)).name is MoodName.NEUTRAL
    watch = Watch(MoodConfig(margin=0.6))
    watch.show(20, seen(NEUTRAL))
    assert watch.show(5, seen(torn)).name is MoodName.NEUTRAL


def test_nobody_and_unsure_faces_change_nothing_but_the_number_of_faces():
    watch = Watch(MoodConfig(certainty=0.5))
    before = watch.show(20, seen(HAPPY))
    alone = watch.show(60)
    assert alone.faces == 0
    blurred = watch.show(60, seen(SAD, certainty=0.49), seen(ANGRY, 2, certainty=math.nan))
    for mood in (alone, blurred):
        assert (mood.name, mood.affect, mood.scores, mood.confidence, mood.since, mood.faces) == (
            before.name,
            before.affect,
            before.scores,
            before.confidence,
            before.since,
            0,
        )


def test_absence_is_not_agreement():
    """Two short looks with a long absence between them do not add up to a dwell."""
    watch = Watch(MoodConfig(dwell_s=10, forget_s=60))
    watch.show(20, seen(NEUTRAL))
    watch.show(4, seen(SAD))
    watch.show(50)
    assert watch.show(2, seen(SAD)).name is MoodName.NEUTRAL
    assert watch.show(10, seen(SAD)).name is MoodName.SAD


def test_missed_frames_do_not_blink():
    watch = Watch()
    for _ in range(40):
        watch.show(0.5, seen(HAPPY))
        watch.show(0.25)
    assert {mood.faces for _at, mood in watch.moods} == {1}
    assert [name for _at, name in watch.changes()] == [MoodName.HAPPY]


def test_the_nearer_and_the_surer_face_counts_more():
    near = Watch().show(30, seen(HAPPY, 1, size=0.4, left=0.0), seen(SAD, 2, size=0.1, left=0.8))
    far = Watch().show(30, seen(HAPPY, 1, size=0.1, left=0.0), seen(SAD, 2, size=0.4, left=0.6))
    assert (near.name, far.name) == (MoodName.HAPPY, MoodName.SAD)
    assert near.faces == far.faces == 2
    sure = Watch().show(30, seen(HAPPY, 1, left=0.0, certainty=1.0), seen(SAD, 2, left=0.6, certainty=0.55))
    assert sure.scores[1] > sure.scores[3] + 0.1


def test_two_against_one():
    room = [seen(SAD, 1, left=0.0), seen(SAD, 2, left=0.3), seen(HAPPY, 3, left=0.7)]
    assert Watch().show(30, *room).name is MoodName.SAD


def test_a_face_that_left_fades_and_is_forgotten():
    watch = Watch(MoodConfig(forget_s=10))
    watch.show(20, seen(SAD, 1, left=0.0), seen(HAPPY, 2, left=0.6))
    both = watch.room.mood.scores[3]
    shares = [watch.show(2, seen(HAPPY, 2, left=0.6)).scores[3] for _ in range(6)]
    assert both > shares[0] > shares[1] > shares[2]
    assert shares[-1] < 0.05
    assert watch.room.mood.faces == 1


def test_a_lost_face_found_again_under_another_number_is_one_person():
    watch = Watch()
    watch.show(20, seen(HAPPY, 1))
    watch.show(1.5)
    back = watch.show(4, seen(SAD, 2))
    assert back.faces == 1
    assert back.scores[3] > 0.9  # a ghost of the happy face would still count by half


def test_a_new_neighbour_does_not_take_a_face_over():
    watch = Watch()
    watch.show(20, seen(SAD, 2, left=0.40))
    mood = watch.show(10, seen(HAPPY, 3, left=0.45), seen(SAD, 2, left=0.40))
    assert mood.faces == 2
    assert mood.scores[3] > 0.35


@pytest.mark.parametrize("jump", [-1e9, -5.0, 1e9])
def test_a_jump_of_time_is_survived_and_no_reason_for_a_change(jump):
    watch = Watch()
    watch.show(20, seen(HAPPY))
    watch.now += jump
    assert watch.show(1, seen(SAD)).name is MoodName.HAPPY
    assert watch.show(10, seen(SAD)).name is MoodName.SAD


def test_time_that_stands_still_changes_nothing():
    room = RoomMood(MoodConfig(dwell_s=4))
    for _ in range(1000):
        room.update(Reading(5.0, (seen(SAD),)), Now(5.0, WALL))
    assert room.mood.name is MoodName.NEUTRAL


def test_a_dwell_of_zero_switches_at_once():
    assert Watch(MoodConfig(dwell_s=0)).show(0.125, seen(SAD)).name is MoodName.SAD


def test_weighted_mean_without_weight_is_the_plain_mean():
    assert weighted_mean([HAPPY, SAD], [0.0, 0.0]) == pytest.approx(
        [(p + q) / 2 for p, q in zip(HAPPY, SAD, strict=True)]
    )


faces = st.builds(
    SeenFace,
    st.integers(0, 4),
    st.tuples(*[st.floats(0, 1)] * 4),
    st.floats(0, 1),
    st.sampled_from([NEUTRAL, HAPPY, SAD, ANGRY]),
)


@settings(max_examples=150)
@given(st.lists(st.tuples(st.floats(-10, 100), st.lists(faces, max_size=4)), max_size=40))
def test_every_mood_is_sound_and_changes_only_with_a_sure_face(readings):
    room, now = RoomMood(MoodConfig(dwell_s=0.5)), 0.0
    for step, shown in readings:
        now += step
        before = room.mood
        mood = room.update(Reading(now, tuple(shown)), Now(now, WALL + now))
        assert 0 <= mood.confidence <= 1
        assert -1 <= mood.affect.valence <= 1
        assert -1 <= mood.affect.arousal <= 1
        assert math.fsum(mood.scores) == pytest.approx(1.0, abs=1e-3)
        if not any(face.certainty >= 0.5 for face in shown):
            assert (mood.name, mood.affect) == (before.name, before.affect)
        if mood.name is before.name and before.since:
            assert mood.since == before.since
