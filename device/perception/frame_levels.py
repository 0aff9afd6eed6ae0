"""Lifts dark and flat pictures to the range of grays that the face detector was trained on. Pure; any thread.

A dark room leaves a picture a few grays of its 256. Rounded to the detector's int8 and multiplied through its layers,
little of that survives; stretched beforehand, the same few grays become a picture. Only dark or flat pictures change:
one that spans `SPAN` grays already stays as it is, so that an ordinary frame costs nothing but the look at it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Gray = npt.NDArray[np.uint8]

SPAN = 160.0  # grays between the dark and the bright end
MOST = 8.0  # noise is stretched too: beyond this there is nothing but noise
ENDS_PERCENT = (2.0, 99.0)
STEP_PX = 4  # every fourth row and column is looked at
GRAYS = np.arange(256, dtype=np.float32)


def levels(gray: Gray) -> Gray:
    """uint8[256]: the gray that each gray of the picture `gray`, uint8[H, W], is to become."""
    low, high = np.percentile(gray[::STEP_PX, ::STEP_PX], ENDS_PERCENT)
    gain = min(MOST, max(1.0, SPAN / max(1.0, high - low)))
    start = min(low, 255.0 - SPAN)
    return np.asarray(np.clip((GRAYS - low) * gain + start, 0, 255).round(), np.uint8)
