"""Every face has a mood, every mood a face, and the two ways of naming a mood agree."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.domain import EMOTIONS, MOOD_AFFECT, Affect, Emotion, MoodName
from device.mood import plane

# Russell & Mehrabian (1977), table 4: pleasure, arousal, dominance.
PAD_EMOTIONS = {
    Emotion.NEUTRAL: (0, 0, 0),
    Emotion.HAPPINESS: (0.81, 0.51, 0.46),
    Emotion.SURPRISE: (0.40, 0.67, -0.13),
    Emotion.SADNESS: (-0.63, -0.27, -0.33),
    Emotion.ANGER: (-0.51, 0.59, 0.25),
    Emotion.DISGUST: (-0.60, 0.35, 0.11),
    Emotion.FEAR: (-0.64, 0.60, -0.43),
    Emotion.CONTEMPT: (-0.23, 0.31, 0.18),
}
PAD_MOODS = {
    MoodName.HAPPY: (0.81, 0.51, 0.46),
    MoodName.EXCITED: (0.62, 0.75, 0.38),
    MoodName.CALM: (0.68, -0.46, 0.06),
    MoodName.NEUTRAL: (0, 0, 0),
    MoodName.SAD: (-0.63, -0.27, -0.33),
    MoodName.TENSE: (-0.33, 0.58, -0.11),
    MoodName.ANGRY: (-0.51, 0.59, 0.25),
}

distributions = (
    st.lists(st.floats(0.0, 1.0), min_size=8, max_size=8)
    .filter(lambda v: sum(v) > 0.01)
    .map(lambda values: tuple(value / sum(values) for value in values))
)


def face(**shares: float) -> tuple[float, ...]:
    """Scores of a face from the shares that are not zero."""
    return tuple(shares.get(emotion.value, 0.0) for emotion in EMOTIONS)


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_emotion_stands_for_the_nearest_mood_in_the_plane_and_in_the_ratings_of_1977(emotion):
    mood = plane.EMOTION_MOOD[emotion]
    assert plane.name_of(plane.EMOTION_AFFECT[emotion]) is mood
    assert min(PAD_MOODS, key=lambda name: math.dist(PAD_MOODS[name], PAD_EMOTIONS[emotion])) is mood


@pytest.mark.parametrize("mood", MoodName)
def test_mood_points_name_themselves_and_keep_their_distance(mood):
    assert plane.name_of(plane.affect_of(mood)) is mood
    others = [point for name, point in MOOD_AFFECT.items() if name is not mood]
    assert min(MOOD_AFFECT[mood].distance(point) for point in others) > 0.3


@pytest.mark.parametrize(
    ("scores", "mood"),
    [
        (face(neutral=1), MoodName.NEUTRAL),
        (face(happiness=1), MoodName.HAPPY),
        (face(surprise=1), MoodName.EXCITED),
        (face(sadness=1), MoodName.SAD),
        (face(anger=1), MoodName.ANGRY),
        (face(disgust=1), MoodName.ANGRY),
        (face(contempt=1), MoodName.ANGRY),
        (face(fear=1), MoodName.TENSE),
        (face(happiness=0.5, neutral=0.5), MoodName.CALM),
        (face(happiness=0.55, surprise=0.45), MoodName.EXCITED),
        (face(happiness=0.9, neutral=0.1), MoodName.HAPPY),
        (face(neutral=0.85, happiness=0.1, sadness=0.05), MoodName.NEUTRAL),
        (face(neutral=0.4, sadness=0.45, happiness=0.15), MoodName.SAD),
    ],
)
def test_likeliest_mood_of_a_face(scores, mood):
    moods = plane.mood_probabilities(scores)
    assert max(moods, key=moods.get) is mood


@given(distributions)
def test_mood_probabilities_are_a_distribution_and_affect_stays_in_the_plane(scores):
    moods = plane.mood_probabilities(scores)
    assert set(moods) == set(MoodName)
    assert all(share >= 0 for share in moods.values())
    assert sum(moods.values()) == pytest.approx(1.0)
    affect = plane.affect_of_moods(moods)
    assert -1 <= affect.valence <= 1
    assert -1 <= affect.arousal <= 1


@given(distributions, distributions)
def test_small_changes_of_a_face_are_small_changes_of_its_mood(one, other):
    near = tuple(0.999 * p + 0.001 * q for p, q in zip(one, other, strict=True))
    before, after = plane.mood_probabilities(one), plane.mood_probabilities(near)
    assert max(abs(before[name] - after[name]) for name in MoodName) < 0.005
    assert plane.affect_of_moods(before).distance(plane.affect_of_moods(after)) < 0.02


def test_affect_of_a_single_mood_is_its_point_and_of_two_lies_between():
    for mood in MoodName:
        assert plane.affect_of_moods({mood: 1.0}) == MOOD_AFFECT[mood]
    torn = plane.affect_of_moods({MoodName.HAPPY: 0.5, MoodName.SAD: 0.5})
    assert torn.distance(MOOD_AFFECT[MoodName.HAPPY]) == pytest.approx(torn.distance(MOOD_AFFECT[MoodName.SAD]))


def test_names_of_points_far_out_and_of_ties():
    assert plane.name_of(Affect(-1, -1)) is MoodName.SAD
    assert plane.name_of(Affect(1, 1)) is MoodName.EXCITED
    assert plane.name_of(Affect(0, 1)) is MoodName.TENSE
    assert plane.emotion_of((0.125,) * 8) is Emotion.NEUTRAL
