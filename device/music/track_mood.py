"""What analysis finds out about one file, and how that crosses a pipe. Pure: imports neither a decoder nor a runtime.

The process that reads music files may have been taken over by a hostile one, so its answers are numbers in JSON that
`from_json` checks one by one; nothing is unpickled.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from device.domain import Affect

FEATURES = 64  # numbers in the feature vector
FEATURE_BYTES = 2 * FEATURES


@dataclass(frozen=True, slots=True)
class TrackMood:
    """Where a track stands and what it sounds like.

    `affect`: its valence and arousal. `uncertainty`: the standard deviation of the truth about `affect` in
    the plane (0 to sqrt(2)). `quadrants`: calibrated probabilities of Q1 (+v +a), Q2 (-v +a), Q3 (-v -a), Q4 (+v -a);
    they sum to 1. `tempo_bpm`: 40 to 240, 0 where there is no beat. `features`: `FEATURES` numbers as float16, little
    endian, a vector of length 1; the dot product of two is the cosine of their likeness. `loudness_lufs`: integrated
    loudness (ITU-R BS.1770), None for silence.
    """

    affect: Affect
    uncertainty: float
    quadrants: tuple[float, float, float, float]
    tempo_bpm: float
    features: bytes
    loudness_lufs: float | None


def to_json(mood: TrackMood) -> dict[str, Any]:
    """A mapping of plain JSON values."""
    return {
        "valence": mood.affect.valence,
        "arousal": mood.affect.arousal,
        "uncertainty": mood.uncertainty,
        "quadrants": list(mood.quadrants),
        "tempo_bpm": mood.tempo_bpm,
        "features": mood.features.hex(),
        "loudness_lufs": mood.loudness_lufs,
    }


def from_json(raw: Any) -> TrackMood:
    """The reverse of `to_json`, trusting nothing; raises ValueError on anything that cannot be an analysis."""
    if not isinstance(raw, Mapping):
        raise ValueError("not a mapping")
    quadrants = raw.get("quadrants")
    if not isinstance(quadrants, list) or len(quadrants) != 4:
        raise ValueError("quadrants are not four numbers")
    q1, q2, q3, q4 = (_number(value, 0, 1) for value in quadrants)
    features = bytes.fromhex(str(raw.get("features")))
    if len(features) != FEATURE_BYTES:
        raise ValueError(f"features are {len(features)} bytes, not {FEATURE_BYTES}")
    loudness = raw.get("loudness_lufs")
    return TrackMood(
        affect=Affect(_number(raw.get("valence"), -1, 1), _number(raw.get("arousal"), -1, 1)),
        uncertainty=_number(raw.get("uncertainty"), 0, 2),
        quadrants=(q1, q2, q3, q4),
        tempo_bpm=_number(raw.get("tempo_bpm"), 0, 1000),
        features=features,
        loudness_lufs=None if loudness is None else _number(loudness, -200, 100),
    )


def _number(value: Any, lowest: float, highest: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{value!r} is not a number")
    if not lowest <= value <= highest:
        raise ValueError(f"{value!r} is not from {lowest:g} to {highest:g}")
    return float(value)
