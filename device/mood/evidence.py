"""Evidence of the room's mood from any source, and how several sources become one belief. Pure, any thread.

A source (today only faces) gives a probability for each mood, and its certainty. `fuse` combines sources late, with a
linear opinion pool (Stone 1961, Ann. Math. Stat. 32:1339) weighted by certainty: a source that knows nothing changes
nothing, and no source can rule out what another one sees.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from device.domain import MoodName, Scores


class EvidenceSource(StrEnum):
    """Where evidence comes from."""

    FACES = "faces"
    ROOMS = "rooms"  # what other rooms of the group see


@dataclass(frozen=True, slots=True)
class Evidence:
    """The evidence of one source at one time (monotonic, s). `mood_probabilities` are in the order of `MoodName` and
    sum to 1. `certainty` is at least 0, in the same unit for all sources: a certain face that fills the frame is 1."""

    source: EvidenceSource
    at: float
    mood_probabilities: Scores
    certainty: float


def fuse(evidence: Sequence[Evidence]) -> dict[MoodName, float]:
    """The probability of each mood given all evidence (at least one piece); the seven sum to 1."""
    pooled = weighted_mean([one.mood_probabilities for one in evidence], [one.certainty for one in evidence])
    return dict(zip(MoodName, pooled, strict=True))


def weighted_mean(beliefs: Sequence[Scores], weights: Sequence[float]) -> Scores:
    """The weighted mean of distributions; if all weights are 0, the plain mean."""
    total = math.fsum(weights)
    shares = [weight / total for weight in weights] if total > 0 else [1.0 / len(beliefs)] * len(beliefs)
    return tuple(
        math.fsum(share * p for share, p in zip(shares, column, strict=True)) for column in zip(*beliefs, strict=True)
    )
