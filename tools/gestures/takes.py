"""The video again and again for the eye with its own detector: smaller, mirrored, noisy, and from other frames on.

All of it is the same talk, so it says nothing new about how people move. It shows what the detector adds: in a small or
noisy face the landmarks are less steady, and each start makes the eye look at other frames."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from device.config.schema import CameraConfig
from device.model import SHIPPED_MODELS
from device.perception import gestures
from device.perception.emotion import EmotionClassifier
from device.perception.eye import Eye
from device.perception.faces import FaceDetector
from device.perception.footage import VideoCamera
from device.perception.frame import Frame, Gray

SIZES = (1.0, 0.7, 0.5, 0.35)
STARTS = (0, 1, 2)  # frames of the video, which has about 30 a second
NOISES = (0.0, 6.0)  # standard deviation, in steps of 255
ALL_FPS = 100.0


@dataclass(frozen=True, slots=True)
class Take:
    """One way to show the video."""

    size: float
    start: int
    mirrored: bool
    noise: float


TAKES = tuple(
    Take(size, start, mirrored, noise)
    for size in SIZES for start in STARTS for mirrored in (False, True) for noise in NOISES
)  # fmt: skip


class TakeCamera:
    """Shows frames with their times at the rate that the eye wants."""

    def __init__(self, frames: list[Frame], take: Take, fps: float) -> None:
        self._frames, self._take, self._fps = frames, take, fps
        self._random = np.random.default_rng(TAKES.index(take))

    def describe(self) -> str:
        return "a recorded video"

    def set_rate(self, fps: float) -> None:
        self._fps = fps

    def close(self) -> None:
        pass

    def frames(self) -> Iterator[Frame]:
        due_s = 0.0
        for frame in self._frames[self._take.start :]:
            if frame.at_s >= due_s:
                due_s = frame.at_s + 0.9 / self._fps
                yield Frame(self._show(frame.gray), frame.at_s)

    def _show(self, gray: Gray) -> Gray:
        """The picture, smaller in the middle of an even one."""
        take = self._take
        small = cv2.resize(gray, None, fx=take.size, fy=take.size, interpolation=cv2.INTER_AREA)
        shown = np.full(gray.shape, int(gray.mean()), np.uint8)
        top, left = ((whole - part) // 2 for whole, part in zip(gray.shape, small.shape, strict=True))
        shown[top : top + small.shape[0], left : left + small.shape[1]] = small
        noisy = shown + self._random.normal(0.0, take.noise, shown.shape) if take.noise else shown
        return np.ascontiguousarray(np.clip(noisy, 0, 255).astype(np.uint8)[:, :: -1 if take.mirrored else 1])


def watch_takes(source: Path, fps: float, takes: Sequence[Take] = TAKES) -> dict[str, Any]:
    """Minutes in which the eye saw the face, gestures in them, and the median eye distance (pixels) of each size."""
    with closing(VideoCamera(source, CameraConfig(source=str(source), fps=ALL_FPS), live=False)) as camera:
        frames = list(camera.frames())
    models = FaceDetector.load(SHIPPED_MODELS), EmotionClassifier.load(SHIPPED_MODELS)
    found, clear, seen_s, eyes_px = 0, 0, 0.0, dict[float, list[float]]()
    for take in takes:
        camera_of_take = TakeCamera(frames, take, fps)
        eye = Eye(camera_of_take, *models, fps)
        last_s = 0.0
        for frame in camera_of_take.frames():
            reading = eye.step(frame)
            if reading.faces:
                seen_s += reading.at_s - last_s
            last_s = reading.at_s
            made = [face for face in reading.faces if face.gesture is not None]
            found, clear = found + len(made), clear + sum(face.clear for face in made)
            samples = (gestures.measure(one) for one in eye.tracked if one.at_s == reading.at_s)
            eyes_px.setdefault(take.size, []).extend(sample[3] for sample in samples if sample is not None)
    sizes = {f"{size:g}": round(statistics.median(distances), 1) for size, distances in eyes_px.items() if distances}
    return {"takes": len(takes), "minutes": round(seen_s / 60, 1), "clear": clear, "any": found, "eyes_px": sizes}
