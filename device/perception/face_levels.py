"""Brings the gray levels of a very dark or very bright face into the emotion model's training range. Pure.

In a dim room a face is only slightly brighter than black. The model was trained on web pictures, of which four in five
have a mean gray between 86 and 172; it performs badly far outside that range. A power curve (gamma) moves the mean of
such a face to the nearer of two bounds. Faces between the bounds, nearly all faces in ordinary light, do not change.
The effect starts at zero there, so that a slow change of light causes no jump.

Bounds and curve were chosen on faces held out of training. At a twelfth of the light, the model then recognised 75%
instead of 54% of them; at their own light, as many as before.
"""

from __future__ import annotations

import math

import numpy as np

from device.perception.frame import Gray

DARKEST, BRIGHTEST = 80.0, 180.0  # the bounds, as mean grays
MOST = 4.0  # the largest exponent, and the inverse of the smallest; beyond that, there is only noise
SHARES = np.arange(256) / 255
ASIS = np.arange(256, dtype=np.uint8)


def level(crop: Gray) -> Gray:
    """The face uint8 [h, w], darker or brighter if necessary."""
    return levels(crop)[crop]


def levels(crop: Gray) -> Gray:
    """uint8 [256]: the new gray for each gray of the face; monotonic, and 0 and 255 do not change."""
    mean = float(crop.mean())
    bound = min(max(mean, DARKEST), BRIGHTEST)
    if bound == mean:
        return ASIS
    power = math.log(bound / 255) / math.log(min(max(mean, 1.0), 254.0) / 255)
    return np.asarray(np.round(255 * SHARES ** min(max(power, 1 / MOST), MOST)), np.uint8)
