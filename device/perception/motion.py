"""The motion gate: whether anything in the picture moved, at a small part of the cost of face detection.

It shrinks the picture to means over blocks, which averages out the sensor's noise, and compares them with a background
that adapts slowly. A change of brightness of the whole picture by a factor, from a lamp or automatic exposure, is not
motion. Its only state is the background; the eye's thread calls it once per frame.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from device.perception.frame import Gray

BLOCK_PX = 8
FOLLOW_S = 4.0  # the background's time constant: a still object becomes part of it after a few seconds
CONTRAST = 5.0  # a block must differ by this many gray levels (a dark room's noise stays below 2),
NOISE_FACTOR = 6.0  # and by this multiple of the typical difference of this frame's blocks
DARK = 4.0  # gray levels added to both sides of a ratio, so that noise in black does not look like a change of light
BLOCKS = 2  # this many blocks must differ; a face at 4 m covers about four at 320 x 240


class MotionGate:
    """Compares each frame with a slow background. The first frame, and the first of another size, count as motion."""

    def __init__(self) -> None:
        self._background: npt.NDArray[np.float32] | None = None
        self._at_s = 0.0

    def moved(self, gray: Gray, at_s: float) -> bool:
        """Whether `gray` (uint8[H, W], at least 8 x 8) shows motion; `at_s` may not go back."""
        blocks = shrink(gray)
        background = self._background
        if background is None or background.shape != blocks.shape:
            self._background, self._at_s = blocks, at_s
            return True
        light = float(np.median((blocks + DARK) / (background + DARK)))
        size = np.abs(blocks - light * background)
        limit = max(CONTRAST, NOISE_FACTOR * float(np.median(size)))
        follow = 1.0 - math.exp(-max(at_s - self._at_s, 0.0) / FOLLOW_S)
        background += np.float32(follow) * (blocks - background)
        self._at_s = at_s
        return int(np.count_nonzero(size > limit)) >= BLOCKS


def shrink(gray: Gray) -> npt.NDArray[np.float32]:
    """The means over blocks of 8 x 8 pixels, float32[H // 8, W // 8]; ignores incomplete blocks at the edges."""
    rows, columns = gray.shape[0] // BLOCK_PX, gray.shape[1] // BLOCK_PX
    whole = gray[: rows * BLOCK_PX, : columns * BLOCK_PX]
    blocks = whole.reshape(rows, BLOCK_PX, columns, BLOCK_PX)
    # rows first: summing along contiguous memory is several times faster than over both axes at once
    sums = blocks.sum(axis=1, dtype=np.uint16).sum(axis=2, dtype=np.uint32)
    return np.asarray(sums / (BLOCK_PX * BLOCK_PX), np.float32)
