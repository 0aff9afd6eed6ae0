"""From evidence to one mood of the room, with hysteresis and dwell time.

Pure arithmetic without a clock; only the conductor's main thread uses it. The mood changes when another mood has been
likelier than the present one by `margin` (hysteresis) in all evidence of `dwell_s` seconds with faces. Time comes from
the readings (`Reading.at_s`). At most `GAP_S` of a gap between two readings counts, so that an absence does not count
as agreement. A reading without faces changes only `faces`.
"""

from __future__ import annotations

import math
from dataclasses import replace

from device.config.schema import MoodConfig
from device.domain import Affect, Emotion, Mood, MoodName, MoodSource, Now, Reading
from device.mood.body_evidence import BodyEvidence, tilt
from device.mood.evidence import Evidence, EvidenceSource, fuse
from device.mood.face_evidence import FaceEvidence
from device.mood.plane import affect_of_moods, emotion_of
from device.mood.smoothing import PRIOR

GAP_S = 2.0  # the longest time between two readings of the slowest camera setting


class RoomMood:
    """The mood of one room. It starts as neutral, without source and time."""

    def __init__(self, config: MoodConfig) -> None:
        self.bodies = BodyEvidence()
        self._config = config
        self._faces = FaceEvidence(config)
        self._evidence: Evidence | None = None
        self._others: tuple[Evidence, ...] = ()
        self._at_s = -math.inf
        self._candidate: MoodName | None = None
        self._held_s = 0.0
        self._mood = Mood(
            MoodName.NEUTRAL, Affect(0.0, 0.0), Emotion.NEUTRAL, 0.0, 0, PRIOR, MoodSource.NONE, since=None
        )

    @property
    def mood(self) -> Mood:
        """The present mood of the room."""
        return self._mood

    def update(self, reading: Reading, now: Now) -> Mood:
        """Add a reading; returns the present mood. `now.mono` dates a change; decisions use `reading.at_s`."""
        if reading.at_s < self._at_s:
            self._start_over()
        evidence = self._faces.update(reading)
        self._mood = replace(self._mood, faces=self._faces.present)
        if evidence is not None:
            self._evidence = evidence
            self._judge(evidence, now.mono)
        return self._mood

    @property
    def evidence(self) -> Evidence | None:
        """The last evidence of the faces in view; None while there are none."""
        return self._evidence if self._faces.present else None

    def hear(self, others: tuple[Evidence, ...], now: Now) -> Mood:
        """Fuse this from now on, too: the evidence of other rooms. Without faces of our own, it decides alone."""
        self._others = others
        if others and self.evidence is None:
            if now.mono < self._at_s:
                self._start_over()
            self._judge(others[-1], now.mono)
        return self._mood

    def _start_over(self) -> None:
        """Forget all faces, because time went back: another recording began, or the eye started again."""
        self._faces.clear()
        self._candidate, self._held_s, self._at_s = None, 0.0, -math.inf

    def _judge(self, evidence: Evidence, mono: float) -> None:
        step = min(GAP_S, evidence.at - self._at_s)  # of the first reading ever: GAP_S, but nothing is held yet
        self._at_s = evidence.at
        own = evidence.source is EvidenceSource.FACES
        seen = fuse([evidence, *self._others] if own else self._others)
        moods = tilt(seen, self.bodies.arousal(mono))
        scores = self._faces.emotions(evidence.at) if own else self._mood.scores
        name, since = self._mood.name, self._mood.since
        if self._changes(moods, seen, step):
            name, since = self._likeliest(moods), mono
            self._candidate, self._held_s = None, 0.0
        self._mood = replace(
            self._mood,
            name=name,
            affect=affect_of_moods(moods),
            emotion=emotion_of(scores),
            confidence=min(1.0, moods[name]),
            scores=scores,
            source=MoodSource.CAMERA,
            since=mono if since is None else since,
        )

    def _changes(self, moods: dict[MoodName, float], seen: dict[MoodName, float], step_s: float) -> bool:
        """Whether the likeliest mood has led the present one for long enough. `seen` is what the faces say alone: they
        must not prefer the present mood, so that a body never changes it."""
        best, present = self._likeliest(moods), self._mood.name
        if moods[best] - moods[present] < self._config.margin or seen[best] <= seen[present]:
            self._candidate, self._held_s = None, 0.0
            return False
        self._held_s = self._held_s + step_s if best is self._candidate else 0.0
        self._candidate = best
        # By rounding, a sum of steps such as 0.1 may be slightly less than a whole second.
        return self._held_s >= self._config.dwell_s - 1e-6

    def _likeliest(self, moods: dict[MoodName, float]) -> MoodName:
        return max(moods, key=lambda name: (moods[name], name is self._mood.name))
