"""Stretches the contrast of dark and flat pictures to the face detector's training range. Pure; any thread.

A picture of a dark room uses only a few of the 256 grays, and the detector's int8 layers lose these small differences.
Stretching restores them. A picture that spans `SPAN` grays does not change, so an ordinary frame costs only the
measurement.
"""

from __future__ import annotations

import numpy as np

from device.perception.frame import Gray

SPAN = 160.0  # grays between the dark and the bright end
MOST = 8.0  # the largest factor; beyond that, the picture is only noise
ENDS_PERCENT = (2.0, 99.0)
STEP_PX = 4  # measure every fourth row and column
GRAYS = np.arange(256, dtype=np.float32)


def levels(gray: Gray) -> Gray:
    """uint8[256]: the new gray for each gray of the picture `gray`, uint8[H, W]."""
    low, high = np.percentile(gray[::STEP_PX, ::STEP_PX], ENDS_PERCENT)
    gain = min(MOST, max(1.0, SPAN / max(1.0, high - low)))
    start = min(low, 255.0 - SPAN)
    return np.asarray(np.clip((GRAYS - low) * gain + start, 0, 255).round(), np.uint8)
