"""All features of a stretch of sound, by name and in a fixed order. Pure numpy.

Runs in the analysis process and in training. `features` in the model's card lists the names in the order of its input;
`measure` computes them all.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from device.music.analysis.chords import chords
from device.music.analysis.rhythm import rhythm
from device.music.analysis.spectrum import Array, Pictures, look
from device.music.analysis.timbre import timbre
from device.music.analysis.tonality import tonality
from device.music.analysis.voice import voice


def measure(pictures: Pictures) -> dict[str, float]:
    """Every feature, by name; all are finite."""
    found = (pair for part in (timbre, rhythm, tonality, chords, voice) for pair in part(pictures))
    return {name: value if np.isfinite(value) else 0.0 for name, value in found}


def vector(found: dict[str, float], names: Sequence[str]) -> Array:
    """The features in the order of `names`, float32. Raises KeyError on a name that nothing here measures."""
    return np.array([found[name] for name in names], np.float32)


__all__ = ["Pictures", "look", "measure", "vector"]
