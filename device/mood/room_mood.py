"""From the faces of one reading after another to one mood of the room.

Only the conductor's main thread uses it; it has no clock and does nothing but arithmetic. Each face has a `FaceFilter`
of its emotion, which is told, and one of its mood, which decides. The room is the mean of what the faces feel,
weighted with their size (the nearer, the more they count, in proportion to the length of the face, not its area) and
with the eye's certainty; a face out of view counts less and less until it is forgotten. The name of the mood changes
late and for good reason:

- faces below `certainty` are as if they were not there, and a reading without faces changes nothing but `faces`;
- another mood must be likelier than the present one by `margin` (hysteresis) in every reading for `dwell_s` of time
  in which somebody was looked at. Time is what readings say of it (`Reading.at_s`), never their number; of a gap
  between two readings at most `GAP_S` counts, so that an absence is not taken for agreement.
"""

from __future__ import annotations

import math
from collections.abc import Sequence, Set
from dataclasses import dataclass, replace

from device.config.schema import MoodConfig
from device.domain import Affect, Emotion, Mood, MoodName, MoodSource, Now, Reading, Scores, SeenFace
from device.mood.plane import affect_of_moods, emotion_of, mood_probabilities
from device.mood.smoothing import MOOD_PRIOR, PRIOR, FaceFilter

GAP_S = 2.0  # the longest time between two readings of the slowest camera setting
PRESENT_S = 1.0  # a face missed by the detector for less than this is still called present

Box = tuple[float, float, float, float]


@dataclass(slots=True)
class Remembered:
    """A face of the last seconds: its filters, where it was, and how much it counts while it is in view."""

    emotion: FaceFilter
    mood: FaceFilter
    box: Box
    weight: float
    seen_s: float


class RoomMood:
    """The mood of one room. `mood` is always the present one; it starts as neutral, seen by nobody."""

    def __init__(self, config: MoodConfig) -> None:
        self._config = config
        self._faces: dict[int, Remembered] = {}
        self._at_s = -math.inf
        self._candidate: MoodName | None = None
        self._held_s = 0.0
        self._mood = Mood(
            MoodName.NEUTRAL, Affect(0.0, 0.0), Emotion.NEUTRAL, 0.0, 0, PRIOR, MoodSource.NONE, since=0.0
        )

    @property
    def mood(self) -> Mood:
        """The present mood of the room."""
        return self._mood

    def update(self, reading: Reading, now: Now) -> Mood:
        """Takes a reading in and returns the present mood. `now.wall` dates a change; decisions use `reading.at_s`."""
        if reading.at_s < self._at_s:
            self._start_over()
        sure = [face for face in reading.faces if face.certainty >= self._config.certainty]
        in_view = {face.number for face in reading.faces}
        for face in sure:
            self._take_in(face, reading.at_s, in_view)
        self._forget(reading.at_s)
        present = sum(reading.at_s - face.seen_s <= PRESENT_S for face in self._faces.values())
        self._mood = replace(self._mood, faces=present, since=self._mood.since or now.wall)
        if sure:
            self._judge(reading.at_s, now.wall)
        return self._mood

    def _start_over(self) -> None:
        """Time went back: another recording, or another boot of the eye. Its faces are other faces."""
        self._faces.clear()
        self._candidate, self._held_s, self._at_s = None, 0.0, -math.inf

    def _take_in(self, face: SeenFace, at_s: float, in_view: Set[int]) -> None:
        known = self._faces.get(face.number) or self._heir(face.box, in_view)
        hold_s = self._config.hold_s
        emotion = known.emotion if known else FaceFilter(hold_s)
        mood = known.mood if known else FaceFilter(hold_s, prior=MOOD_PRIOR)
        emotion.update(face.scores, face.certainty, at_s)
        mood.update(tuple(mood_probabilities(face.scores).values()), face.certainty, at_s)
        weight = face.certainty * math.sqrt(max(0.0, face.box[2] * face.box[3]))
        self._faces[face.number] = Remembered(emotion, mood, face.box, weight, at_s)

    def _heir(self, box: Box, in_view: Set[int]) -> Remembered | None:
        """A new number where a face has just been lost is that person, not a second one."""
        lost = [n for n, face in self._faces.items() if n not in in_view and _same_place(face.box, box)]
        return self._faces.pop(max(lost, key=lambda number: self._faces[number].seen_s)) if lost else None

    def _forget(self, at_s: float) -> None:
        gone = [number for number, face in self._faces.items() if at_s - face.seen_s >= self._config.forget_s]
        for number in gone:
            del self._faces[number]

    def _judge(self, at_s: float, wall: float) -> None:
        step = min(GAP_S, at_s - self._at_s)  # of the first reading ever: GAP_S, but nothing is held yet
        self._at_s = at_s
        weights = [self._weight(face, at_s) for face in self._faces.values()]  # at least one face is in view
        scores = weighted_mean([face.emotion.belief(at_s) for face in self._faces.values()], weights)
        shares = weighted_mean([face.mood.belief(at_s) for face in self._faces.values()], weights)
        moods = dict(zip(MoodName, shares, strict=True))
        name, since = self._mood.name, self._mood.since
        if self._changes(moods, step):
            name, since = self._likeliest(moods), wall
            self._candidate, self._held_s = None, 0.0
        self._mood = replace(
            self._mood,
            name=name,
            affect=affect_of_moods(moods),
            emotion=emotion_of(scores),
            confidence=min(1.0, moods[name]),
            scores=scores,
            source=MoodSource.CAMERA,
            since=since,
        )

    def _changes(self, moods: dict[MoodName, float], step_s: float) -> bool:
        """Whether the likeliest mood has now been ahead of the present one for long enough."""
        best = self._likeliest(moods)
        if best is self._mood.name or moods[best] - moods[self._mood.name] < self._config.margin:
            self._candidate, self._held_s = None, 0.0
            return False
        self._held_s = self._held_s + step_s if best is self._candidate else 0.0
        self._candidate = best
        # Sums of time steps such as 0.1 fall short of whole seconds by rounding.
        return self._held_s >= self._config.dwell_s - 1e-6

    def _likeliest(self, moods: dict[MoodName, float]) -> MoodName:
        return max(moods, key=lambda name: (moods[name], name is self._mood.name))

    def _weight(self, face: Remembered, at_s: float) -> float:
        return face.weight * max(0.0, 1.0 - (at_s - face.seen_s) / self._config.forget_s)


def weighted_mean(beliefs: Sequence[Scores], weights: Sequence[float]) -> Scores:
    """The mean of distributions; with no weight at all (boxes without area) every one counts the same."""
    total = math.fsum(weights)
    shares = [weight / total for weight in weights] if total > 0 else [1.0 / len(beliefs)] * len(beliefs)
    return tuple(
        math.fsum(share * p for share, p in zip(shares, column, strict=True)) for column in zip(*beliefs, strict=True)
    )


def _same_place(one: Box, other: Box) -> bool:
    """Whether the centres are nearer than half of the larger box, on both axes."""
    width, height = max(one[2], other[2]), max(one[3], other[3])
    across = abs(one[0] + one[2] / 2 - other[0] - other[2] / 2)
    down = abs(one[1] + one[3] / 2 - other[1] - other[3] / 2)
    return across <= width / 2 and down <= height / 2
