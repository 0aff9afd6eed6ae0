"""The faces as a source of evidence: from readings to the mood of the people in the room. Pure.

Each face has two `FaceFilter`s: one for its emotion, which surfaces show, and one for its mood, which decides. The
room's evidence is the mean over the faces, weighted by their size (the length of the face, not its area) and by the
eye's certainty. A face out of view counts less and less until it is forgotten. Faces below the setting `certainty` are
ignored.
"""

from __future__ import annotations

import math
from collections.abc import Set
from dataclasses import dataclass

from device.config.schema import MoodConfig
from device.domain import Reading, Scores, SeenFace
from device.mood.evidence import Evidence, EvidenceSource, weighted_mean
from device.mood.own_neutral import OwnNeutral
from device.mood.plane import mood_probabilities
from device.mood.smoothing import MOOD_PRIOR, FaceFilter

PRESENT_S = 1.0  # a face that the detector missed for less than this still counts as present

Box = tuple[float, float, float, float]


@dataclass(slots=True)
class TrackedFace:
    """A recently seen face: its filters, its box, and its weight while it is in view."""

    emotion: FaceFilter
    mood: FaceFilter
    neutral: OwnNeutral
    box: Box
    weight: float
    seen_s: float


class FaceEvidence:
    """The evidence of the faces. `present` counts the faces in view in the last reading."""

    def __init__(self, config: MoodConfig) -> None:
        self._config = config
        self._faces: dict[int, TrackedFace] = {}
        self.present = 0

    def clear(self) -> None:
        """Forget every face."""
        self._faces.clear()
        self.present = 0

    def update(self, reading: Reading) -> Evidence | None:
        """Add a reading. Returns the evidence, or None if the reading has no usable face."""
        sure = [face for face in reading.faces if face.certainty >= self._config.certainty]
        in_view = {face.number for face in reading.faces}
        for face in sure:
            self._take_in(face, reading.at_s, in_view)
        self._forget(reading.at_s)
        self.present = sum(reading.at_s - face.seen_s <= PRESENT_S for face in self._faces.values())
        if not sure:
            return None
        weights = self._weights(reading.at_s)
        shares = weighted_mean([face.mood.belief(reading.at_s) for face in self._faces.values()], weights)
        return Evidence(EvidenceSource.FACES, reading.at_s, shares, math.fsum(weights))

    def emotions(self, at_s: float) -> Scores:
        """The mean posterior of the emotions; at least one face must be known."""
        return weighted_mean([face.emotion.belief(at_s) for face in self._faces.values()], self._weights(at_s))

    def _take_in(self, face: SeenFace, at_s: float, in_view: Set[int]) -> None:
        known = self._faces.get(face.number) or self._lost_at(face.box, in_view)
        hold_s = self._config.hold_s
        neutral = known.neutral if known else OwnNeutral()
        scores = neutral.adjust(face.scores, at_s) if self._config.own_neutral else face.scores
        emotion = known.emotion if known else FaceFilter(hold_s)
        mood = known.mood if known else FaceFilter(hold_s, prior=MOOD_PRIOR)
        emotion.update(scores, face.certainty, at_s)
        mood.update(tuple(mood_probabilities(scores).values()), face.certainty, at_s)
        weight = face.certainty * math.sqrt(max(0.0, face.box[2] * face.box[3]))
        self._faces[face.number] = TrackedFace(emotion, mood, neutral, face.box, weight, at_s)

    def _lost_at(self, box: Box, in_view: Set[int]) -> TrackedFace | None:
        """The face that was lost at this box just now: a new number there is the same person."""
        lost = [n for n, face in self._faces.items() if n not in in_view and _overlap(face.box, box)]
        return self._faces.pop(max(lost, key=lambda number: self._faces[number].seen_s)) if lost else None

    def _forget(self, at_s: float) -> None:
        gone = [number for number, face in self._faces.items() if at_s - face.seen_s >= self._config.forget_s]
        for number in gone:
            del self._faces[number]

    def _weights(self, at_s: float) -> list[float]:
        fading = self._config.forget_s
        return [face.weight * max(0.0, 1.0 - (at_s - face.seen_s) / fading) for face in self._faces.values()]


def _overlap(one: Box, other: Box) -> bool:
    """Whether the centres are nearer than half of the larger box, on both axes."""
    width, height = max(one[2], other[2]), max(one[3], other[3])
    across = abs(one[0] + one[2] / 2 - other[0] - other[2] / 2)
    down = abs(one[1] + one[3] / 2 - other[1] - other[3] / 2)
    return across <= width / 2 and down <= height / 2
