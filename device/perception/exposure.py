"""Lifts dark and flat pictures to the range of grays that the face detector was trained on. Pure; any thread.

A dark room leaves a picture a few grays of its 256. Rounded to the detector's int8 and multiplied through its layers,
little of that survives; stretched beforehand, the same few grays become a picture. Only dark or flat pictures change:
one that spans `SPAN` grays already stays as it is, so that an ordinary frame costs nothing but the look at it.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt

Gray = npt.NDArray[np.uint8]

SPAN = 160.0  # grays between the dark and the bright end
MOST = 8.0  # noise is stretched too: beyond this there is nothing but noise
ENDS_PERCENT = (2.0, 99.0)
STEP_PX = 4  # every fourth row and column is looked at
GRAYS = np.arange(256, dtype=np.float32)
UNCHANGED = np.arange(256, dtype=np.uint8)
UNCHANGED.flags.writeable = False


def levels(gray: Gray) -> Gray:
    """uint8[256]: the gray that each gray of the picture `gray`, uint8[H, W], is to become; `UNCHANGED` itself where
    none changes."""
    low, high = _ends(gray)
    gain = min(MOST, max(1.0, SPAN / max(1.0, high - low)))
    start = min(low, 255.0 - SPAN)
    if gain == 1.0 and start == low:
        return UNCHANGED
    return np.asarray(
        np.clip((GRAYS - np.float32(low)) * np.float32(gain) + np.float32(start), 0, 255).round(), np.uint8
    )


def _ends(gray: Gray) -> tuple[float, float]:
    """The percentiles as `np.percentile` has them, from a histogram: a tenth of its time."""
    looked = np.ascontiguousarray(gray[::STEP_PX, ::STEP_PX])
    below = cv2.calcHist([looked], [0], None, [256], [0.0, 256.0]).cumsum()
    low, high = (_percentile(below, percent / 100 * (looked.size - 1)) for percent in ENDS_PERCENT)
    return low, high


def _percentile(below: npt.NDArray[np.float32], rank: float) -> float:
    """The gray at this rank, counted from 0; between two grays in proportion."""
    whole = math.floor(rank)
    low, high = np.searchsorted(below, (whole, whole + 1), side="right").tolist()
    return float(low + (min(high, 255) - low) * (rank - whole))
