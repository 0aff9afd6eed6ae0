"""Emotions, moods, and the plane of valence and arousal that faces and songs share."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Emotion(StrEnum):
    """The eight emotions of FERPlus (Barsoum et al. 2016), in the order of every score vector in this program."""

    NEUTRAL = "neutral"
    HAPPINESS = "happiness"
    SURPRISE = "surprise"
    SADNESS = "sadness"
    ANGER = "anger"
    DISGUST = "disgust"
    FEAR = "fear"
    CONTEMPT = "contempt"


EMOTIONS: tuple[Emotion, ...] = tuple(Emotion)

Scores = tuple[float, ...]
"""Eight probabilities in the order of `EMOTIONS`; they sum to 1."""


class MoodName(StrEnum):
    """Names for regions of the valence-arousal plane; also the names of mood folders."""

    HAPPY = "happy"
    EXCITED = "excited"
    CALM = "calm"
    NEUTRAL = "neutral"
    SAD = "sad"
    TENSE = "tense"
    ANGRY = "angry"


@dataclass(frozen=True, slots=True)
class Affect:
    """A point in Russell's circumplex (1980): valence and arousal, each in [-1, 1]."""

    valence: float
    arousal: float

    def distance(self, other: Affect) -> float:
        """Euclidean distance, 0 to 2*sqrt(2)."""
        return math.hypot(self.valence - other.valence, self.arousal - other.arousal)


MOOD_AFFECT: Mapping[MoodName, Affect] = {
    MoodName.HAPPY: Affect(0.8, 0.3),
    MoodName.EXCITED: Affect(0.7, 0.7),
    MoodName.CALM: Affect(0.7, -0.6),
    MoodName.NEUTRAL: Affect(0.0, 0.0),
    MoodName.SAD: Affect(-0.7, -0.3),
    MoodName.TENSE: Affect(-0.2, 0.8),
    MoodName.ANGRY: Affect(-0.5, 0.7),
}
"""Where each mood stands in the plane (sources: mood/plane.py); shared by the room's mood and by mood folders."""


class MoodSource(StrEnum):
    """Where a mood comes from: nobody looked yet, the camera, or a command."""

    NONE = "none"
    CAMERA = "camera"
    MANUAL = "manual"


@dataclass(frozen=True, slots=True)
class Mood:
    """The room's mood.

    `confidence` in [0, 1]; `faces` is how many faces count now; `scores` is the room's mean posterior;
    `since` is the monotonic time (s) at which `name` began, None before anything was seen or set.
    """

    name: MoodName
    affect: Affect
    emotion: Emotion
    confidence: float
    faces: int
    scores: Scores
    source: MoodSource
    since: float | None
