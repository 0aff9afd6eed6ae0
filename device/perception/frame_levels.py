"""Stretches the contrast of dark and flat pictures to the face detector's training range. Pure; any thread.

A picture of a dark room uses only a few of the 256 grays, and the detector's int8 layers lose these small differences.
Stretching restores them. A picture that spans `SPAN` grays does not change, so an ordinary frame costs only the
measurement.
"""

from __future__ import annotations

import math

import numpy as np

from device.perception.frame import Gray

SPAN = 160.0  # grays between the dark and the bright end
MOST = 8.0  # the largest factor; beyond that, the picture is only noise
ENDS_PERCENT = (2.0, 99.0)
STEP_PX = 4  # measure every fourth row and column
GRAYS = np.arange(256, dtype=np.float32)
UNCHANGED = np.arange(256, dtype=np.uint8)
UNCHANGED.flags.writeable = False


def levels(gray: Gray) -> Gray:
    """uint8[256]: the new gray for each gray of the picture `gray`, uint8[H, W]; `UNCHANGED` itself where none
    changes."""
    low, high = _ends(gray)
    gain = min(MOST, max(1.0, SPAN / max(1.0, high - low)))
    start = min(low, 255.0 - SPAN)
    if gain == 1.0 and start == low:
        return UNCHANGED
    return np.asarray(
        np.clip((GRAYS - np.float32(low)) * np.float32(gain) + np.float32(start), 0, 255).round(), np.uint8
    )


def _ends(gray: Gray) -> tuple[float, float]:
    """The percentiles, as `np.percentile` computes them, in a tenth of its time."""
    looked = gray[::STEP_PX, ::STEP_PX].flatten()
    looked.sort(kind="stable")  # of bytes a radix sort: the fastest way there is
    low, high = (_at(looked, percent / 100 * (looked.size - 1)) for percent in ENDS_PERCENT)
    return low, high


def _at(ordered: Gray, rank: float) -> float:
    """The gray at this rank, counted from 0; between two grays in proportion."""
    below, above = int(ordered[math.floor(rank)]), int(ordered[math.ceil(rank)])
    return below + (above - below) * (rank - math.floor(rank))
