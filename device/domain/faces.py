"""What the eye saw: faces in a frame, and the reading that crosses to the conductor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from device.domain.affect import Scores

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Face:
    """A detected face in pixels of the frame: box (left, top, width, height), score in [0, 1], five landmarks.

    Landmarks in the order right eye, left eye, nose, right mouth corner, left mouth corner (the person's right, so
    the right eye is normally left in the picture).
    """

    x: float
    y: float
    w: float
    h: float
    score: float
    landmarks: tuple[Point, Point, Point, Point, Point]


class Gesture(StrEnum):
    """What a head says without words."""

    NOD = "nod"
    SHAKE = "shake"


@dataclass(frozen=True, slots=True)
class SeenFace:
    """A tracked face in one reading.

    `number` identifies the person while they are in view. `box` is (left, top, width, height) as fractions of the
    frame, in [0, 1]. `certainty` in [0, 1] says how sure the eye is that this is a usable face. `scores` are the
    classifier's calibrated probabilities for this frame, not smoothed. `gesture` is the one that ended in this frame;
    one that is not `clear` only counts as an answer to a question.
    """

    number: int
    box: tuple[float, float, float, float]
    certainty: float
    scores: Scores
    gesture: Gesture | None = None
    clear: bool = True


@dataclass(frozen=True, slots=True)
class Reading:
    """What the eye found in one frame: numbers only, never pixels.

    `at_s` is CLOCK_MONOTONIC (both processes share it), or the video's own time for files that play at full speed.
    `moved` is the result of the motion gate. `costs_ms` maps a stage (read, gate, find, track, score) to its time.
    """

    at_s: float
    faces: tuple[SeenFace, ...] = ()
    moved: bool = True
    costs_ms: Mapping[str, float] = field(default_factory=dict)
