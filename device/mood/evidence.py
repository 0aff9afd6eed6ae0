"""Evidence of what the room feels, from any source, and how several sources become one belief. Pure, any thread.

A source (faces today; bodies, context and people's own word later) says how likely each mood is and how certain it is
of that. The sources are fused late, by a linear opinion pool (Stone 1961, Ann. Math. Stat. 32:1339) weighted with
their certainty: a source that knows nothing does nothing, and no source can rule out what another sees.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from device.domain import MoodName, Scores


class EvidenceSource(StrEnum):
    """Who says what the room feels."""

    FACES = "faces"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one source says at one time (monotonic, s): `mood_probabilities` in the order of `MoodName`, which sum to 1,
    and `certainty`, at least 0, in the same unit for all sources: one whole, certain, frame-filling face is 1."""

    source: EvidenceSource
    at: float
    mood_probabilities: Scores
    certainty: float


def fuse(evidence: Sequence[Evidence]) -> dict[MoodName, float]:
    """How likely each mood is in the light of all of it (at least one); the seven sum to 1."""
    pooled = weighted_mean([one.mood_probabilities for one in evidence], [one.certainty for one in evidence])
    return dict(zip(MoodName, pooled, strict=True))


def weighted_mean(beliefs: Sequence[Scores], weights: Sequence[float]) -> Scores:
    """The mean of distributions; with no weight at all every one counts the same."""
    total = math.fsum(weights)
    shares = [weight / total for weight in weights] if total > 0 else [1.0 / len(beliefs)] * len(beliefs)
    return tuple(
        math.fsum(share * p for share, p in zip(shares, column, strict=True)) for column in zip(*beliefs, strict=True)
    )
