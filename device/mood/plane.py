"""Where emotions and moods lie in the valence-arousal plane, and which mood a face's emotions mean.

Pure functions and tables; any thread may call them. Only this module maps the eight emotions of faces to the seven
moods of a room.

Sources of the coordinates
    Emotions: the circumplex of Russell (1980, J. Pers. Soc. Psych. 39:1161) as extended by Scherer (2005, Soc. Sci.
    Inf. 44:695) and tabulated on [-1, 1] by Paltoglou & Thelwall (2013, IEEE Trans. Affect. Comput. 4:116), under the
    words happy, astonished, sad, angry, disgusted, afraid, contemptuous. The often cited ratings of Russell &
    Mehrabian (1977, J. Res. Pers. 11:273, table 4) do not suit faces: they put angry (-.51, .59) and fearful (-.64,
    .60) on the same spot and separate them by dominance, a third axis that the plane does not have.
    Moods (`domain.MOOD_AFFECT`): the mean of both tables for happy, excited, calm (1977: relaxed), sad, tense and
    angry, to one decimal. Neutral is the origin.
    Not verified: the original table of 2013 was not available. Its values come from secondary copies, which differ by
    up to 0.09 for astonished; none of them has the rows for calm and tense.

Which mood an emotion means
    The nearest one in the plane, which is also the nearest one in the three dimensions of 1977: surprise is an excited
    face, fear a tense one, disgust and contempt are angry ones. Two moods have no emotion of their own and are read
    from blends, where the plane says they lie:
    excited also from happiness with surprise (an open laugh): halfway between the two is excited's ground;
    calm from happiness with neutral (a slight smile at rest). A posterior between the two is a mild expression, and
    mild pleasure without arousal is what the plane calls calm. This is a choice, not a measurement: FERPlus has no
    label for calm.
"""

from __future__ import annotations

from collections.abc import Mapping

from device.domain import EMOTIONS, MOOD_AFFECT, Affect, Emotion, MoodName, Scores

EMOTION_AFFECT: Mapping[Emotion, Affect] = {
    Emotion.NEUTRAL: Affect(0.0, 0.0),
    Emotion.HAPPINESS: Affect(0.89, 0.17),
    Emotion.SURPRISE: Affect(0.42, 0.88),
    Emotion.SADNESS: Affect(-0.81, -0.40),
    Emotion.ANGER: Affect(-0.40, 0.79),
    Emotion.DISGUST: Affect(-0.67, 0.49),
    Emotion.FEAR: Affect(-0.12, 0.79),
    Emotion.CONTEMPT: Affect(-0.57, 0.66),
}
"""The point of a face that shows only this emotion."""

EMOTION_MOOD: Mapping[Emotion, MoodName] = {
    Emotion.NEUTRAL: MoodName.NEUTRAL,
    Emotion.HAPPINESS: MoodName.HAPPY,
    Emotion.SURPRISE: MoodName.EXCITED,
    Emotion.SADNESS: MoodName.SAD,
    Emotion.ANGER: MoodName.ANGRY,
    Emotion.DISGUST: MoodName.ANGRY,
    Emotion.FEAR: MoodName.TENSE,
    Emotion.CONTEMPT: MoodName.ANGRY,
}
"""The mood that an emotion means on its own."""

BLENDS: tuple[tuple[Emotion, Emotion, MoodName], ...] = (
    (Emotion.HAPPINESS, Emotion.NEUTRAL, MoodName.CALM),
    (Emotion.HAPPINESS, Emotion.SURPRISE, MoodName.EXCITED),
)
"""Pairs of emotions that together mean a third mood; earlier rows take their share first."""


def name_of(affect: Affect) -> MoodName:
    """The nearest mood; of equally near ones, the first in the order of `MoodName`."""
    return min(MoodName, key=lambda name: affect.distance(MOOD_AFFECT[name]))


def affect_of(mood: MoodName) -> Affect:
    """The point of a mood."""
    return MOOD_AFFECT[mood]


def mood_probabilities(scores: Scores) -> dict[MoodName, float]:
    """The probability of each mood, from eight emotion probabilities that sum to 1; the seven sum to 1, too.

    Continuous in `scores`: a small change of a face is a small change of its mood.
    """
    alone, blended = _unblend(scores)
    moods = dict.fromkeys(MoodName, 0.0)
    for emotion, share in alone.items():
        moods[EMOTION_MOOD[emotion]] += share
    for mood, share in blended:
        moods[mood] += share
    return moods


def affect_of_moods(moods: Mapping[MoodName, float]) -> Affect:
    """The expected point: each mood's point, weighted with its probability."""
    return Affect(
        _clip(sum(MOOD_AFFECT[mood].valence * share for mood, share in moods.items())),
        _clip(sum(MOOD_AFFECT[mood].arousal * share for mood, share in moods.items())),
    )


def emotion_of(scores: Scores) -> Emotion:
    """The most probable emotion; of equally probable ones, the first."""
    return EMOTIONS[max(range(len(EMOTIONS)), key=lambda index: scores[index])]


def _unblend(scores: Scores) -> tuple[dict[Emotion, float], list[tuple[MoodName, float]]]:
    """Split probabilities into single emotions and blends (twice the lesser of the pair)."""
    alone = dict(zip(EMOTIONS, scores, strict=True))
    blended = []
    for one, other, mood in BLENDS:
        together = min(alone[one], alone[other])
        alone[one] -= together
        alone[other] -= together
        blended.append((mood, 2 * together))
    return alone, blended


def _clip(value: float) -> float:
    return max(-1.0, min(1.0, value))
