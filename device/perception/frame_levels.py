"""Stretches dark and flat pictures to the range of grays that the face detector was trained on. Pure; any thread.

A picture of a dark room has a few of the 256 grays. Rounded to the detector's int8 and multiplied through its layers,
little of them survives; stretched beforehand, they become a picture. Only dark or flat pictures change: one that spans
`SPAN` grays stays as it is, so an ordinary frame costs only the measuring.
"""

from __future__ import annotations

import numpy as np

from device.perception.frame import Gray

SPAN = 160.0  # grays between the dark and the bright end
MOST = 8.0  # noise is stretched too: beyond this there is nothing but noise
ENDS_PERCENT = (2.0, 99.0)
STEP_PX = 4  # measures every fourth row and column
GRAYS = np.arange(256, dtype=np.float32)


def levels(gray: Gray) -> Gray:
    """uint8[256]: the new gray for each gray of the picture `gray`, uint8[H, W]."""
    low, high = np.percentile(gray[::STEP_PX, ::STEP_PX], ENDS_PERCENT)
    gain = min(MOST, max(1.0, SPAN / max(1.0, high - low)))
    start = min(low, 255.0 - SPAN)
    return np.asarray(np.clip((GRAYS - low) * gain + start, 0, 255).round(), np.uint8)
