"""Times face detectors side by side: milliseconds of one `find`, from pixels to boxes after suppression.

One thread each: TFLite's interpreters are opened with one, OpenCV is told to use one while the clock runs. `p50` and
`p95` are by the clock on the wall; `cpu_p50` is the thread's time on a core, which other programs hardly change.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np

from tools.faces.measuring.peers import Find
from tools.faces.measuring.sets import HEIGHT_PX, WIDTH_PX
from tools.labelled.boxes import Picture

BIG_PX = (640, 480)
TIMED = 200  # pictures

Spent = tuple[float, float]  # milliseconds: on the wall, on a core


def clock(find: Find, pictures: Sequence[Picture], most: int = 300) -> dict[str, float]:
    """Milliseconds of one `find`, on this machine as busy as it is."""
    return _milliseconds([_time(find, picture.gray) for picture in pictures[:most]])


def clock_together(finds: Mapping[str, Find], pictures: Sequence[Picture]) -> dict[str, dict[str, Any]]:
    """The same of several detectors, taking turns at each picture so that a busy machine slows all alike.

    `milliseconds` is from 320x240 pixels to boxes after suppression, `milliseconds_from_640x480` from a picture that
    has to be shrunk first.
    """
    chosen = pictures[:: max(1, len(pictures) // TIMED)][:TIMED]
    grays = [_pad(picture.gray) for picture in chosen]
    large = [cv2.resize(gray, BIG_PX, interpolation=cv2.INTER_LINEAR) for gray in grays]
    small: dict[str, list[Spent]] = {name: [] for name in finds}
    big: dict[str, list[Spent]] = {name: [] for name in finds}
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    for gray, wide in zip(grays, large, strict=True):
        for name, find in finds.items():
            small[name].append(_time(find, gray))
            big[name].append(_time(find if name == "ours" else _shrinking(find), wide))
    cv2.setNumThreads(threads)
    return {
        name: {"milliseconds": _milliseconds(small[name]), "milliseconds_from_640x480": _milliseconds(big[name])}
        for name in finds
    }


def _shrinking(find: Find) -> Find:
    """Peers take pictures of any size as they are, so the shrinking that a device would do is done for them."""
    return lambda gray: find(cv2.resize(gray, (WIDTH_PX, HEIGHT_PX), interpolation=cv2.INTER_AREA))


def _pad(gray: np.ndarray) -> np.ndarray:
    padded = np.full((HEIGHT_PX, WIDTH_PX), 128, np.uint8)
    padded[: gray.shape[0], : gray.shape[1]] = gray
    return padded


def _time(find: Find, gray: np.ndarray) -> Spent:
    start, on_core = time.perf_counter(), time.thread_time()
    find(gray)
    return (time.perf_counter() - start) * 1000, (time.thread_time() - on_core) * 1000


def _milliseconds(spent: Sequence[Spent]) -> dict[str, float]:
    wall, on_core = np.array(spent).T
    p50, p95 = np.percentile(wall, [50, 95])
    return {
        "p50": round(float(p50), 3),
        "p95": round(float(p95), 3),
        "cpu_p50": round(float(np.median(on_core)), 3),
    }
