"""Makes pictures smaller with OpenCV, in the process that reads tags. No other module of the music imports OpenCV."""

from __future__ import annotations

import os
from collections.abc import Sequence

# A picture of a few kilobytes may claim to be 30,000 pixels wide; OpenCV reads the limit when it is loaded.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(2**25))

import cv2
import numpy as np

QUALITY = 85
cv2.setNumThreads(1)  # the stacks of threads count against the memory that the process may use


def as_jpeg(picture: bytes, sides_px: Sequence[int], most_bytes: int) -> bytes:
    """The picture as JPEG of at most `most_bytes`, made to fit into a square of the first of `sides_px` with which it
    does; nothing if it cannot be decoded, or never does."""
    try:
        wide = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR)
        if wide is None:
            return b""
        for side_px in sides_px:
            scale = min(1.0, side_px / max(wide.shape[:2]))
            size = [max(1, round(length * scale)) for length in wide.shape[1::-1]]
            small = cv2.resize(wide, size, interpolation=cv2.INTER_AREA)
            done, coded = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
            if done and coded.size <= most_bytes:
                return coded.tobytes()
    except cv2.error:
        return b""
    return b""
