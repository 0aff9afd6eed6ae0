"""Makes pictures smaller, with OpenCV; the only module of the music that imports it. Runs in the reader's process."""

from __future__ import annotations

import os

# A picture of a few kilobytes may claim to be 30,000 pixels wide; OpenCV reads the limit when it is loaded.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(2**25))

import cv2
import numpy as np

QUALITY = 85
cv2.setNumThreads(1)  # the stacks of threads count against the memory that the process may use


def as_jpeg(picture: bytes, side_px: int) -> bytes:
    """The picture as JPEG, made to fit into a square of `side_px`; nothing if it cannot be decoded."""
    try:
        wide = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR)
        if wide is None:
            return b""
        scale = side_px / max(wide.shape[:2])
        if scale < 1:
            size = [max(1, round(length * scale)) for length in wide.shape[1::-1]]
            wide = cv2.resize(wide, size, interpolation=cv2.INTER_AREA)
        done, coded = cv2.imencode(".jpg", wide, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    except cv2.error:
        return b""
    return coded.tobytes() if done else b""
