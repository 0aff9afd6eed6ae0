"""A hard set for the emotion model: the same faces in bad light, out of focus, moved, small, half hidden, compressed.

What it is: ten corruptions of five severities each, of the uint8 crop that `EmotionClassifier.scores` is given, in the
manner of Hendrycks & Dietterich ("Benchmarking Neural Network Robustness to Common Corruptions and Perturbations",
ICLR 2019). Every face is corrupted on its own and always in the same way: what is random (noise, directions, sides)
is drawn from the kind, the severity and the place of the face in the set. It shares no code with augment.py, which
corrupts for training. Severity 5 is what the kind is named after; the lesser ones lead there in even steps:

    gamma 0.25    output = input ** gamma, too bright: gamma 0.76, 0.57, 0.44, 0.33, 0.25 (even in the logarithm)
    gamma 4       the same, too dark: 1.32, 1.74, 2.30, 3.03, 4
    noise         Gaussian, of standard deviation 10, 20, 30, 40, 50 of 255 levels
    motion blur   along a line of 3, 5, 7, 9, 11 px in one of 16 directions
    defocus       with a disc of radius 0.8, 1.6, 2.4, 3.2, 4 px
    16 px         shrunk to 42, 35, 29, 22, 16 px and scaled up again
    24 px         shrunk to 43, 38, 34, 29, 24 px and scaled up again
    half hidden   a tenth, 2, 3, 4, 5 tenths, from the left, the right, above or below, by one gray
    side light    one edge brighter, the opposite one darker by 0.4, 0.8, 1.2, 1.6, 2 stops each; any direction
    JPEG 20       quality 84, 68, 52, 36, 20

What it is not: photographs of dark rooms. A real sensor adds noise where it is dark and blurs where something moves,
both at once; these come one at a time, to see which one hurts.

`framing` is another question asked in the same way: the faces zoomed tighter, as other data sets crop them.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

SEVERITIES = (1, 2, 3, 4, 5)
ZOOMS = (1.0, 1.15, 1.3)
SEED = 4817
DIRECTIONS = 16

Gray = npt.NDArray[np.uint8]
Random = np.random.Generator
Corrupt = Callable[[Gray, float, Random], Gray]
Score = Callable[[Gray], npt.NDArray[np.float32]]  # uint8 [48, 48] -> probabilities [8]
Watch = Callable[[Sequence[str]], Iterable[str]]  # such as rich.progress.track


def measure_suite(
    score: Score, crops: Gray, truth: npt.NDArray[np.int64], *, every: int = 1, watch: Watch = iter
) -> dict[str, Any]:
    """Accuracies under every corruption, on each `every`-th of the faces uint8 [n, 48, 48] with classes `truth`.

    Returns {"faces": int, "mean": share, "by_kind": {kind: share}, "by_severity": {kind: [five shares]}}.
    """
    crops, truth = crops[::every], truth[::every]
    shares = {
        kind: [_accuracy(score, corrupt(crops, kind, severity), truth) for severity in SEVERITIES]
        for kind in watch(list(KINDS))
    }
    return {"faces": len(crops), **summarise(shares)}


def summarise(shares: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    """The mean over everything and over each kind; every kind and every severity counts the same."""
    by_kind = {kind: round(float(np.mean(row)), 4) for kind, row in shares.items()}
    return {
        "mean": round(float(np.mean(list(shares.values()))), 4),
        "by_kind": by_kind,
        "by_severity": {kind: [round(value, 4) for value in row] for kind, row in shares.items()},
    }


def measure_framing(score: Score, crops: Gray, truth: npt.NDArray[np.int64]) -> dict[str, float]:
    """Accuracy at each zoom; CK+ and other sets crop their faces tighter than FER2013 does."""
    return {f"{zoom:g}": round(_accuracy(score, zoomed(crops, zoom), truth), 4) for zoom in ZOOMS}


def corrupt(crops: Gray, kind: str, severity: int) -> Gray:
    """The faces uint8 [n, h, w] corrupted, in new memory. Raises ValueError for an unknown kind or severity."""
    if kind not in KINDS or severity not in SEVERITIES:
        raise ValueError(f"There is no corruption {kind!r} of severity {severity}.")
    change, worst = KINDS[kind]
    place = list(KINDS).index(kind)
    return np.stack(
        [
            change(crop, worst * severity / SEVERITIES[-1], np.random.default_rng((SEED, place, severity, at)))
            for at, crop in enumerate(crops)
        ]
    )


def zoomed(crops: Gray, zoom: float) -> Gray:
    """The faces uint8 [n, h, w] enlarged about their middle; below 1 the edges are repeated outwards."""
    height, width = crops.shape[1:]
    middle = (width - 1) / 2, (height - 1) / 2
    matrix = cv2.getRotationMatrix2D(middle, 0, zoom)
    return np.stack(
        [
            cv2.warpAffine(crop, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
            for crop in crops
        ]
    )


def _accuracy(score: Score, crops: Gray, truth: npt.NDArray[np.int64]) -> float:
    return float(np.mean([score(crop).argmax() == label for crop, label in zip(crops, truth, strict=True)]))


# --- Kinds: each takes a face, how bad it is to be, and its own randomness --------------------------------------------


def _gamma(crop: Gray, octaves: float, _: Random) -> Gray:
    """`octaves` is how often the exponent is doubled; below 0, halved."""
    return _gray(255 * np.linspace(0, 1, 256) ** 2.0**octaves)[crop]


def _noise(crop: Gray, deviation: float, random: Random) -> Gray:
    return _gray(crop + random.normal(0, deviation, crop.shape))


def _motion(crop: Gray, reach_px: float, random: Random) -> Gray:
    return _blur(crop, _line(reach_px, int(random.integers(DIRECTIONS))))


@functools.cache
def _line(reach_px: float, direction: int) -> npt.NDArray[np.float32]:
    """A line that goes `reach_px` beyond its first pixel; each of its points is shared by the four cells around it."""
    angle = math.pi * direction / DIRECTIONS
    half = math.ceil(reach_px / 2) + 1
    kernel = np.zeros((2 * half + 1, 2 * half + 1), np.float32)
    for along in np.linspace(-reach_px / 2, reach_px / 2, 16 * half + 1):
        row, column = half + along * math.sin(angle), half + along * math.cos(angle)
        top, left = math.floor(row), math.floor(column)
        for r, c in ((top, left), (top, left + 1), (top + 1, left), (top + 1, left + 1)):
            kernel[r, c] += (1 - abs(row - r)) * (1 - abs(column - c))
    return kernel


def _defocus(crop: Gray, radius_px: float, _: Random) -> Gray:
    return _blur(crop, _disc(radius_px))


@functools.cache
def _disc(radius_px: float) -> npt.NDArray[np.float32]:
    """A disc whose rim is averaged from cells 9 times finer."""
    side, finer = 2 * math.ceil(radius_px) + 1, 9
    rows, columns = (np.mgrid[: side * finer, : side * finer] + 0.5) / finer - side / 2
    disc = (rows**2 + columns**2 <= radius_px**2).astype(np.float32)
    return np.asarray(cv2.resize(disc, (side, side), interpolation=cv2.INTER_AREA))


def _blur(crop: Gray, kernel: npt.NDArray[np.float32]) -> Gray:
    return np.asarray(cv2.filter2D(crop, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REPLICATE), np.uint8)


def _small(crop: Gray, missing_px: float, _: Random) -> Gray:
    side = round(crop.shape[0] - missing_px)
    small = cv2.resize(crop, (side, side), interpolation=cv2.INTER_AREA)
    return cv2.resize(small, crop.shape[::-1], interpolation=cv2.INTER_LINEAR)


def _hidden(crop: Gray, share: float, random: Random) -> Gray:
    cover = np.zeros(crop.shape, bool)
    cover[: round(share * len(crop))] = True
    return np.where(np.rot90(cover, random.integers(4)), random.integers(256), crop).astype(np.uint8)


def _side_light(crop: Gray, stops: float, random: Random) -> Gray:
    angle = random.uniform(0, 2 * math.pi)
    across, down = np.linspace(-1, 1, crop.shape[1]), np.linspace(-1, 1, crop.shape[0])[:, None]
    light = np.clip(math.cos(angle) * across + math.sin(angle) * down, -1, 1)
    return _gray(crop * 2 ** (stops * light))


def _jpeg(crop: Gray, loss: float, _: Random) -> Gray:
    _, packed = cv2.imencode(".jpg", crop, [cv2.IMWRITE_JPEG_QUALITY, round(100 - loss)])
    return np.asarray(cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE), np.uint8)


def _gray(values: npt.NDArray[np.float64]) -> Gray:
    return np.clip(np.round(values), 0, 255).astype(np.uint8)


KINDS: Mapping[str, tuple[Corrupt, float]] = {
    "gamma 0.25": (_gamma, -2.0),
    "gamma 4": (_gamma, 2.0),
    "noise": (_noise, 50.0),
    "motion blur": (_motion, 10.0),
    "defocus": (_defocus, 4.0),
    "16 px": (_small, 32.0),
    "24 px": (_small, 24.0),
    "half hidden": (_hidden, 0.5),
    "side light": (_side_light, 2.0),
    "JPEG 20": (_jpeg, 80.0),
}
"""What is done to a face, and its measure at severity 5; the other severities are 1 to 4 fifths of that."""
