"""What happened in a recording, frame by frame: the nouns that replay.py fills, and that plot.py and report.py tell."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

from device.config.schema import Config
from device.domain import Mood, MoodName, Reading
from device.perception.frame import Gray
from tools.replaying.marks import Mark

PICTURES = 32  # frames kept to be shown, while the length is unknown; the drawing shows fewer


@dataclass(frozen=True, slots=True)
class Step:
    """One frame: what the eye said of it, the room's mood after it, and what people did."""

    reading: Reading
    mood: Mood
    marks: tuple[Mark, ...] = ()

    @property
    def at_s(self) -> float:
        return self.reading.at_s


@dataclass(frozen=True, slots=True)
class Switch:
    """The mood's name changed at `at_s` of the recording."""

    at_s: float
    old: MoodName
    new: MoodName


@dataclass(slots=True)
class Pictures:
    """Frames spread evenly over a recording whose length nobody knows beforehand."""

    kept: list[tuple[Reading, Gray]] = field(default_factory=list)
    _every: int = 1
    _count: int = 0

    def add(self, reading: Reading, gray: Gray) -> None:
        if self._count % self._every == 0:
            self.kept.append((reading, gray))
        self._count += 1
        if len(self.kept) > PICTURES:
            self.kept, self._every = self.kept[::2], self._every * 2


@dataclass(frozen=True, slots=True)
class Replay:
    """Everything that happened in a recording."""

    name: str
    config: Config
    steps: tuple[Step, ...]
    pictures: tuple[tuple[Reading, Gray], ...]
    songs: tuple[float, ...] = ()

    @property
    def marks(self) -> tuple[Mark, ...]:
        """What people did, in order."""
        return tuple(mark for step in self.steps for mark in step.marks)

    @property
    def period_s(self) -> float:
        return 1.0 / self.config.camera.fps

    @property
    def length_s(self) -> float:
        return self.steps[-1].at_s - self.steps[0].at_s + self.period_s

    @property
    def switches(self) -> tuple[Switch, ...]:
        names = [(MoodName.NEUTRAL, 0.0), *((step.mood.name, step.at_s) for step in self.steps)]
        return tuple(Switch(at_s, old, new) for (old, _), (new, at_s) in itertools.pairwise(names) if old is not new)

    def seconds(self) -> dict[MoodName, float]:
        """How long each mood lasted, the longest first."""
        lasted: dict[MoodName, float] = {}
        ends = [*(step.at_s for step in self.steps[1:]), self.steps[-1].at_s + self.period_s]
        for step, end_s in zip(self.steps, ends, strict=True):  # in a burst, frames are closer
            lasted[step.mood.name] = lasted.get(step.mood.name, 0.0) + end_s - step.at_s
        return dict(sorted(lasted.items(), key=lambda item: -item[1]))

    def face_share(self) -> float:
        """The share of frames with a face that counts."""
        sure = self.config.mood.certainty
        with_face = sum(any(face.certainty >= sure for face in step.reading.faces) for step in self.steps)
        return with_face / len(self.steps)

    def costs_ms(self) -> dict[str, dict[str, float]]:
        """Median and 95th percentile of each stage, over the frames in which it ran."""
        spent: dict[str, list[float]] = {}
        for step in self.steps:
            for stage, cost in step.reading.costs_ms.items():
                if stage != "score" or step.reading.faces:
                    spent.setdefault(stage, []).append(cost)
        return {stage: {"p50": statistics.median(costs), "p95": percentile95(costs)} for stage, costs in spent.items()}


def percentile95(values: Sequence[float]) -> float:
    """The smallest value that 95 of 100 do not pass."""
    return sorted(values)[max(0, -(-95 * len(values) // 100) - 1)]
