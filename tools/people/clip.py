"""The script as a film: VP8 in WebM, because every OpenCV and every libVLC decodes it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from tools.people.photo import HEIGHT_PX, WIDTH_PX, Picture
from tools.people.script import FPS, Shot, take

QUALITY = {"crf": "12", "b": "1200k", "deadline": "good", "cpu-used": "0", "g": "40"}


def film(path: Path, shots: Sequence[Shot]) -> None:
    """Draw the shots and write them as a film of `FPS` pictures a second."""
    options = {"fflags": "+bitexact"}
    with av.open(str(path), "w", options=options) as container, ProcessPoolExecutor(os.cpu_count()) as pool:
        stream = container.add_stream("libvpx", rate=FPS, options=QUALITY)
        stream.width, stream.height, stream.pix_fmt = WIDTH_PX, HEIGHT_PX, "yuv420p"
        stream.time_base = Fraction(1, FPS)
        for picture in pool.map(take, shots, chunksize=8):
            container.mux(stream.encode(_frame(picture)))
        container.mux(stream.encode())


def _frame(picture: Picture) -> av.VideoFrame:
    return av.VideoFrame.from_ndarray(cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR), format="bgr24")


def develop(path: Path) -> list[Picture]:
    """Every picture of a film, uint8[240, 320], as OpenCV decodes it."""
    pictures: list[Picture] = []
    capture = cv2.VideoCapture(str(path))
    while (read := capture.read())[0]:
        pictures.append(np.asarray(cv2.cvtColor(read[1], cv2.COLOR_BGR2GRAY), np.uint8))
    return pictures
