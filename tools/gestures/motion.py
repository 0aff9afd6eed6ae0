"""How heads move, at 30 samples a second: gestures, synthetic talk, and talk that is put together from a real video.

A `Motion` is the position of the five landmarks over time, in eye distances, without noise. Gestures are made up: a
head that swings at 1 to 3 times a second by 5 to 16 degrees, each swing a little smaller than the last; the nose lies
half an eye distance before the eyes' line, and the face moves with a neck of one and a half.

Real talk: the landmarks of one tracked face, smoothed, are cut into pieces of 2 to 5 s. Pieces are played forward or
backward, as they are or mirrored, 0.7 to 1.5 times as fast and `gain` times as far, one after the other without a jump.
So an hour has the bursts and pauses of a real head, but of one person."""

from __future__ import annotations

import math
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from device.config.schema import CameraConfig
from device.domain import Gesture
from device.model import SHIPPED_MODELS
from device.perception.faces import FaceDetector
from device.perception.footage import VideoCamera
from device.perception.tracker import Tracker

Array = npt.NDArray[np.float64]
RATE = 30.0
NOSE_DEPTH, NECK = 0.5, 1.5
REST = np.array([(-0.5, 0.0), (0.5, 0.0), (0.0, 0.6), (-0.4, 1.0), (0.4, 1.0)])  # a face from the front
TALK_DEGREES = 2.0  # the standard deviation of a talking head's angles, of all three sinusoids together
RATES, DEGREES, CYCLES = (1.0, 3.0), (5.0, 16.0), (2, 4)
SMALLER = 0.85  # each cycle of a gesture against the one before
PIECE_S, SPEEDS = (2.0, 5.0), (0.7, 1.5)
RETURN_S = 2.0  # the time in which a head returns to its usual place
MIRROR = [1, 0, 2, 4, 3]  # the landmarks of the other side


@dataclass(frozen=True, slots=True)
class Motion:
    """`times` [n] in seconds, `marks` [n, 5, 2] in eye distances."""

    times: Array
    marks: Array


def angles(pitch: Array, yaw: Array) -> Array:
    """The landmarks [n, 5, 2] of a head that turns by these angles (degrees) down and to the side."""
    down, aside = np.sin(np.radians(pitch)), np.sin(np.radians(yaw))
    marks = np.repeat(REST[None], len(pitch), axis=0)
    marks[:, :, 0] *= np.cos(np.radians(yaw))[:, None]
    shift = np.stack([aside, down], axis=1)
    marks += NECK * shift[:, None, :]
    marks[:, 2] += NOSE_DEPTH * shift
    return marks


def clock(length_s: float) -> Array:
    return np.arange(round(length_s * RATE)) / RATE


def gesture(kind: Gesture, random: np.random.Generator, beneath: Array | None = None) -> Motion:
    """One gesture that begins after 2.5 s, with two seconds after it. `beneath`: what the head does besides, [n, 5, 2]
    relative to rest; at least 8 s; by default it drifts."""
    rate, degrees, cycles = random.uniform(*RATES), random.uniform(*DEGREES), random.integers(CYCLES[0], CYCLES[1] + 1)
    times = clock(2.5 + cycles / rate + 2.0)
    phase = (times - 2.5) * rate
    swing = np.where((phase > 0) & (phase < cycles), degrees * SMALLER**phase * np.sin(2 * math.pi * phase), 0.0)
    still = np.zeros_like(swing)
    marks = angles(swing, still) if kind is Gesture.NOD else angles(still, swing)
    if beneath is None:
        drift = 1.5 * np.sin(2 * math.pi * (0.15 * times + random.random()))
        beneath = angles(still, drift) - REST if kind is Gesture.NOD else angles(drift, still) - REST
    return Motion(times, marks + beneath[: len(times)])


def synthetic_talk(length_s: float, degrees: float, random: np.random.Generator) -> Motion:
    """A head that talks: three sinusoids for each axis."""
    times = clock(length_s)
    return Motion(times, angles(_sway(times, 0.7 * degrees, random), _sway(times, degrees, random)))


def _sway(times: Array, degrees: float, random: np.random.Generator) -> Array:
    rates, shares = (0.2, 0.6, 1.6), (0.75, 0.55, 0.36)
    angle = np.zeros(len(times))
    for rate, share in zip(rates, shares, strict=True):
        wobble = rate * random.uniform(0.7, 1.3)
        loudness = 0.5 + np.abs(np.sin(math.pi * (0.05 * times + random.random())))  # people gesture in bursts
        angle += share * math.sqrt(2) * degrees * loudness * np.sin(2 * math.pi * (wobble * times + random.random()))
    return angle


def real_talk(track: Array, length_s: float, gain: float, random: np.random.Generator) -> Motion:
    """Talk put together from pieces of a real `track` [n, 5, 2] at `RATE`, relative to its mean."""
    times = clock(length_s)
    steps: list[Array] = []
    count = 0
    while count < len(times):
        piece = _piece(track, random)
        steps.append(np.diff(piece, axis=0))
        count += len(piece) - 1
    marks, place = np.empty((len(times), 5, 2)), np.zeros((5, 2))
    stay = math.exp(-1 / (RETURN_S * RATE))
    for at, step in enumerate(np.concatenate(steps)[: len(times)]):
        place = stay * place + step
        marks[at] = place
    return Motion(times, REST + gain * marks)


def _piece(track: Array, random: np.random.Generator) -> Array:
    """Some seconds of the track, at another speed, perhaps backward or mirrored."""
    speed, length = random.uniform(*SPEEDS), round(random.uniform(*PIECE_S) * RATE)
    length = min(length, int((len(track) - 1) / speed))
    start = random.uniform(0, len(track) - 1 - length * speed)
    where = start + speed * np.arange(length + 1)
    flat = track.reshape(len(track), 10)
    piece = np.stack([np.interp(where, np.arange(len(track)), flat[:, one]) for one in range(10)], 1)
    piece = piece.reshape(-1, 5, 2)
    if random.random() < 0.5:
        piece = piece[::-1]
    if random.random() < 0.5:
        piece = piece[:, MIRROR] * (-1, 1)
    return piece


def read_track(source: Path) -> Array:
    """The longest tracked face of a video [n, 5, 2] in eye distances, relative to its mean, at `RATE`; smoothed,
    because the noise of the detector is added again. Raises AffettoError, and ValueError for a video without a face."""
    detector, tracker = FaceDetector.load(SHIPPED_MODELS), Tracker()
    seen: dict[int, list[tuple[float, Array]]] = {}
    with closing(VideoCamera(source, CameraConfig(fps=RATE), live=False)) as camera:
        for frame in camera.frames():
            for one in tracker.update(detector.find(frame.gray), frame.at_s):
                seen.setdefault(one.number, []).append((frame.at_s, np.array(one.face.landmarks)))
    longest = max(seen.values(), key=len, default=[])
    if len(longest) < 5 * RATE:
        raise ValueError(f"{source} shows no face for 5 s; use a video of somebody who talks")
    at, marks = np.array([one[0] for one in longest]), np.stack([one[1] for one in longest]).reshape(-1, 10)
    even = at[0] + np.arange(int((at[-1] - at[0]) * RATE)) / RATE
    marks = np.stack([np.interp(even, at, marks[:, one]) for one in range(10)], axis=1)
    window = np.array([-3, 12, 17, 12, -3]) / 35  # Savitzky-Golay, order 2
    smooth = np.stack([np.convolve(marks[:, one], window, "valid") for one in range(10)], axis=1).reshape(-1, 5, 2)
    apart = np.median(np.linalg.norm(smooth[:, 1] - smooth[:, 0], axis=1))
    result: Array = (smooth - smooth.mean(axis=0)) / apart
    return result
