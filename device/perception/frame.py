"""What a camera delivers: an upright gray picture with its time, in the size for the eye.

The cameras use it, on the thread that reads them. Frames stay in the eye's process; nothing here stores or sends one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

Gray = npt.NDArray[np.uint8]
SMALLEST_PX = 16  # a picture with a shorter side is too small for a face


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """A gray picture, uint8[height, width], C-contiguous, the right way up.

    `at_s` is CLOCK_MONOTONIC in real time, and the recording's own time otherwise. `cost_ms` is the time for decoding
    and converting, without waiting for the frame.
    """

    gray: Gray
    at_s: float
    cost_ms: float = 0.0


def retrieve(capture: cv2.VideoCapture) -> Gray | None:
    """The frame that `capture` has grabbed, or None if it is not a picture."""
    try:
        ok, picture = capture.retrieve()
    except cv2.error:  # a packet without a byte
        return None
    return to_gray(picture) if ok and picture is not None and picture.size else None


def to_gray(picture: npt.NDArray[Any]) -> Gray:
    """uint8[H, W] from uint8[H, W], [H, W, 1], [H, W, 3] (BGR) or [H, W, 4] (BGRA)."""
    if picture.ndim == 2 or picture.shape[2] == 1:
        return picture.reshape(picture.shape[:2])
    code = cv2.COLOR_BGR2GRAY if picture.shape[2] == 3 else cv2.COLOR_BGRA2GRAY
    return np.asarray(cv2.cvtColor(picture, code), np.uint8)


def fit(gray: Gray, width: int, height: int) -> Gray:
    """Shrink to fit within `width` x `height` pixels; keep the aspect ratio, and never enlarge.

    It neither crops nor pads: the detector accepts any size, and faces at the edge of a wide picture count, too.
    """
    rows, columns = gray.shape
    scale = min(width / columns, height / rows, 1.0)
    if scale == 1.0:
        return gray
    size = (max(1, round(columns * scale)), max(1, round(rows * scale)))
    return np.asarray(cv2.resize(gray, size, interpolation=cv2.INTER_AREA), np.uint8)


def turn(gray: Gray, degrees: int) -> Gray:
    """Rotate clockwise by 0, 90, 180 or 270 degrees."""
    return np.ascontiguousarray(np.rot90(gray, k=-(degrees // 90)))
