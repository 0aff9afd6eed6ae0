"""What pulse, its variability and the skin say about arousal, as weak evidence. Pure; main thread.

A faster pulse, less variability (RMSSD) and a more conductive skin go with arousal (Kreibig 2010, Biol. Psychol.
84:394), but so do stairs and coffee, and none of them says whether people enjoy it. So a body is evidence on arousal
only, and weak evidence:

- it counts relative to that person's own range: from the 20th percentile (at rest) to the 95th, at least `LEAST_RANGE`
  wide, over what was measured since the program started. Nothing counts before `LEAST_SAMPLES` samples over
  `LEAST_TIME_S`, and nothing of it is stored;
- the three figures count with the weights below, and a measurement loses half of its certainty in `HALF_LIFE_S`;
- `tilt` multiplies the probabilities of the moods by a likelihood of their arousal, by no more than `MOST_LOG_ODDS`.
  `RoomMood` uses it only to decide between moods that the faces see: a body alone never changes the mood.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from device.domain import MOOD_AFFECT, MoodName, Now, ReportBody

LIMITS = {"heart_rate": (25.0, 240.0, "beats a minute"), "hrv_ms": (1.0, 400.0, "ms"),
          "skin_conductance": (0.01, 100.0, "microsiemens")}  # fmt: skip
WEIGHTS = {"heart_rate": 1.0, "hrv_ms": 0.5, "skin_conductance": 1.0}
LEAST_RANGE = {"heart_rate": 15.0, "hrv_ms": 15.0, "skin_conductance": 0.5}
AT_REST, AT_MOST = -0.3, 0.8  # the arousal at both ends of a person's range
STALE_S, AHEAD_S = 300.0, 30.0  # older measurements are refused, and so are those from the future
APART_S = 5.0  # more frequent measurements replace the last one
SAMPLES = 2000
LEAST_SAMPLES, LEAST_TIME_S = 20, 600.0
HALF_LIFE_S = 60.0
SPREAD = 0.5  # of arousal in a mood, as a standard deviation
MOST_LOG_ODDS = 1.0
PEOPLE = 20


@dataclass(frozen=True, slots=True)
class ArousalEvidence:
    """Arousal in [-1, 1], with a certainty in [0, 1]."""

    arousal: float
    certainty: float


class Person:
    """The measurements of one person since the start: pairs of a time (monotonic, s) and a report."""

    def __init__(self) -> None:
        self.samples: deque[tuple[float, ReportBody]] = deque(maxlen=SAMPLES)
        self._fresh: ArousalEvidence | None = None

    def add(self, at: float, report: ReportBody) -> None:
        """Add a measurement, in the order of arrival."""
        if self.samples and at - self.samples[-1][0] < APART_S:
            at, _ = max(self.samples.pop(), (at, report), key=lambda one: one[0])
        self.samples.append((at, report))
        self._fresh = self._judge()

    def arousal(self, mono: float) -> ArousalEvidence | None:
        """What the latest measurement says now; None until the person's range is known."""
        if self._fresh is None:
            return None
        decay = 0.5 ** (max(0.0, mono - self.samples[-1][0]) / HALF_LIFE_S)
        return ArousalEvidence(self._fresh.arousal, self._fresh.certainty * decay)

    def _judge(self) -> ArousalEvidence | None:
        """What the latest measurement says when it is fresh."""
        at, latest = self.samples[-1]
        if len(self.samples) < LEAST_SAMPLES or at - self.samples[0][0] < LEAST_TIME_S:
            return None
        total = weight = 0.0
        for name in WEIGHTS:
            if (share := self._share(name, getattr(latest, name))) is not None:
                total += WEIGHTS[name] * share
                weight += WEIGHTS[name]
        if not weight:
            return None
        arousal = AT_REST + (AT_MOST - AT_REST) * total / weight
        return ArousalEvidence(arousal, weight / sum(WEIGHTS.values()))

    def _share(self, name: str, value: float | None) -> float | None:
        """Where a figure lies in this person's range: 0 at rest, 1 at the other end; None without a figure."""
        values: list[float] = sorted(
            found for _, one in self.samples if (found := getattr(one, name)) is not None
        )
        if value is None or len(values) < LEAST_SAMPLES:
            return None
        if name == "hrv_ms":  # less is more aroused
            value, values = -value, [-one for one in reversed(values)]
        rest, most = values[len(values) // 5], values[len(values) * 19 // 20]
        return max(0.0, min(1.0, (value - rest) / max(most - rest, LEAST_RANGE[name])))


class BodyEvidence:
    """The bodies in the room. `report` takes measurements, `arousal` says what they mean now."""

    def __init__(self) -> None:
        self._people: dict[str, Person] = {}

    def report(self, report: ReportBody, now: Now) -> str:
        """Take a measurement. Returns why it was refused; empty if it was not."""
        if wrong := problem(report, now):
            return wrong
        age_s = 0.0 if report.at is None else max(0.0, now.wall - report.at)
        if len(self._people) >= PEOPLE and report.person not in self._people:
            return f"Affetto follows the bodies of {PEOPLE} people already; restart it to start again."
        self._people.setdefault(report.person, Person()).add(now.mono - age_s, report)
        return ""

    def arousal(self, mono: float) -> ArousalEvidence | None:
        """The mean over all people, weighted by certainty; None if nobody's body says anything now."""
        known = [one for person in self._people.values() if (one := person.arousal(mono)) and one.certainty > 0.01]
        total = math.fsum(one.certainty for one in known)
        if not known:
            return None
        return ArousalEvidence(math.fsum(one.certainty * one.arousal for one in known) / total, total / len(known))

    def forget(self, person: str) -> None:
        """Forget a person; everybody if `person` is empty."""
        if person:
            self._people.pop(person, None)
        else:
            self._people.clear()


def problem(report: ReportBody, now: Now) -> str:
    """Why this measurement cannot be used, in a sentence; empty if it can."""
    for name, (low, high, unit) in LIMITS.items():
        value = getattr(report, name)
        if value is not None and not low <= value <= high:
            return f"{name} {value:g} is out of range; it takes {low:g} to {high:g} {unit}."
    if report.at is not None and not -AHEAD_S <= now.wall - report.at <= STALE_S:
        when = "in the future" if report.at > now.wall else f"{now.wall - report.at:.0f} s old"
        return f"The measurement is {when}; send it within {STALE_S:.0f} s, or leave `at` out."
    return ""


def tilt(moods: Mapping[MoodName, float], body: ArousalEvidence | None) -> dict[MoodName, float]:
    """The probabilities of the moods, given this evidence on arousal, too."""
    if body is None:
        return dict(moods)
    squares = {mood: (MOOD_AFFECT[mood].arousal - body.arousal) ** 2 / (2 * SPREAD**2) for mood in moods}
    least = min(squares.values())
    odds = {mood: body.certainty * min(square - least, MOST_LOG_ODDS) for mood, square in squares.items()}
    weighed = {mood: share * math.exp(-odds[mood]) for mood, share in moods.items()}
    total = math.fsum(weighed.values())
    return {mood: share / total for mood, share in weighed.items()}
