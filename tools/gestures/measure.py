"""Measure nods and shakes: how many are recognised, and how often talking people make one by mistake.

    python tools/evaluate.py gestures --source people.mp4 --plots DIR

Gestures are made up: two to four cycles of 1 to 2.5 a second, of 6 to 16 degrees, on a head that meanwhile drifts; the
nose lies half an eye distance before the eyes' line, and the face moves with a neck of one and a half. Landmarks get
noise of `NOISE` of the eye distance and frames come 8 a second, jittered. Without gestures, the head talks: three
sinusoids of 0.2 to 2 Hz with random phases for each axis, whose size is that of the talking people in `--source` (by
default the figure that was measured on one video of a talking woman).

With `--source`, the device's own eye watches that video, and its false alarms are counted, too. A short video says
little about an hour; the figure for hours is that of synthetic talk.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from device.config.schema import CameraConfig, Config
from device.domain import Face, Gesture
from device.perception import gestures
from device.perception.gestures import GestureDetector
from device.perception.tracker import Tracked, Tracker

Sample = gestures.Sample
NEEDS_DATA = False
FPS, EYES_PX = 8.0, 30.0
NOISE = 0.03  # of a landmark, in eye distances
NOSE_DEPTH, NECK = 0.5, 1.5
TALK_DEGREES = 2.0  # the standard deviation of a talking head's angles, of all three sinusoids together
RATES, DEGREES, CYCLES = (1.0, 2.5), (6.0, 16.0), (2, 4)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--gestures", type=int, default=400, metavar="N", help="synthetic gestures (default: 400)")
    parser.add_argument("--hours", type=float, default=3.0, metavar="N", help="hours of synthetic talk (default: 3)")
    parser.add_argument("--source", type=Path, metavar="VIDEO", help="also watch this video of people who talk")
    parser.add_argument("--plots", type=Path, metavar="DIR", help="draw what the video's heads did into this folder")


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Recall of both gestures, false alarms an hour of synthetic talk, and the video's."""
    if arguments.gestures < 2 or arguments.hours <= 0:
        raise ValueError("--gestures must be at least 2 and --hours above 0, or the result is noise")
    random = np.random.default_rng(11)
    said: dict[str, dict[str, int]] = {}
    for gesture in Gesture:
        found = [recognised(gesture, random) for _ in range(arguments.gestures // 2)]
        said[gesture] = {answer: found.count(answer) for answer in (*map(str, Gesture), "nothing")}
    figures: dict[str, Any] = {
        "gestures": arguments.gestures,
        "said": said,
        "recall": {one: round(said[one][one] / (arguments.gestures // 2), 3) for one in map(str, Gesture)},
        "talk_hours": arguments.hours,
        "false_per_hour": round(false_alarms(arguments.hours, TALK_DEGREES, random) / arguments.hours, 2),
        "false_per_hour_lively": round(false_alarms(arguments.hours, 1.5 * TALK_DEGREES, random) / arguments.hours, 2),
    }
    if arguments.source:
        figures["video"] = watch(arguments.source, arguments.plots)
    return figures


def recognised(gesture: Gesture, random: np.random.Generator) -> str:
    """What the detector says of one gesture of a head that is still otherwise."""
    rate, degrees = random.uniform(*RATES), random.uniform(*DEGREES)
    length_s = random.integers(CYCLES[0], CYCLES[1] + 1) / rate
    times = frame_times(length_s + 3.0, random)
    swing = np.where(
        (times > 1.5) & (times < 1.5 + length_s), degrees * np.sin(2 * math.pi * rate * (times - 1.5)), 0.0
    )
    drift = 1.5 * np.sin(2 * math.pi * (0.15 * times + random.random()))
    pitch, yaw = (swing, drift) if gesture is Gesture.NOD else (drift, swing)
    detector = GestureDetector()
    for face, at_s in head(times, pitch, yaw, random):
        if made := detector.update([face], at_s):
            return str(next(iter(made.values())))
    return "nothing"


def false_alarms(hours: float, degrees: float, random: np.random.Generator) -> int:
    """How many gestures the detector sees in so much talk; each minute is another person."""
    count = 0
    for _ in range(round(hours * 60)):
        times, detector = frame_times(60.0, random), GestureDetector()
        pitch, yaw = talk(times, 0.7 * degrees, random), talk(times, degrees, random)
        count += sum(len(detector.update([face], at_s)) for face, at_s in head(times, pitch, yaw, random))
    return count


def talk(times: np.ndarray, degrees: float, random: np.random.Generator) -> np.ndarray:
    """The angle of a head that talks."""
    rates, shares = (0.2, 0.6, 1.6), (0.75, 0.55, 0.36)
    angle = np.zeros(len(times))
    for rate, share in zip(rates, shares, strict=True):
        wobble = rate * random.uniform(0.7, 1.3)
        loudness = 0.5 + np.abs(np.sin(math.pi * (0.05 * times + random.random())))  # people gesture in bursts
        angle += share * math.sqrt(2) * degrees * loudness * np.sin(2 * math.pi * (wobble * times + random.random()))
    return angle


def frame_times(length_s: float, random: np.random.Generator) -> np.ndarray:
    return np.cumsum(np.clip(random.normal(1 / FPS, 0.01, int(length_s * FPS)), 0.05, None))


def head(
    times: np.ndarray, pitch: np.ndarray, yaw: np.ndarray, random: np.random.Generator
) -> Iterator[tuple[Tracked, float]]:
    """A tracked face in each frame; angles in degrees."""
    tracker = Tracker()
    for at_s, up, aside in zip(times.tolist(), np.radians(pitch), np.radians(yaw), strict=True):
        x, y = 160 + NECK * EYES_PX * math.sin(aside), 120 + NECK * EYES_PX * math.sin(up)
        nose = (x + NOSE_DEPTH * EYES_PX * math.sin(aside), y + EYES_PX * (0.6 + NOSE_DEPTH * math.sin(up)))
        half = EYES_PX / 2 * math.cos(aside)
        exact = np.array([(x - half, y), (x + half, y), nose, (x - half, y + EYES_PX), (x + half, y + EYES_PX)])
        noisy = exact + random.normal(0, NOISE * EYES_PX, (5, 2))
        marks = tuple((float(across), float(down)) for across, down in noisy)
        face = Face(x - EYES_PX, y - EYES_PX, 2 * EYES_PX, 2.6 * EYES_PX, 0.9, marks)  # type: ignore[arg-type]
        yield tracker.update([face], at_s)[0], at_s


def watch(source: Path, plots: Path | None) -> dict[str, Any]:
    """The gestures that the device's eye sees in a video, and how far its heads move."""
    from device.perception.eye import open_eye

    eye = open_eye(Config(camera=CameraConfig(source=str(source), fps=FPS)), live=False)
    samples: dict[int, list[Sample]] = {}
    made: list[tuple[float, int, str]] = []
    length_s = 0.0
    for frame in eye.camera.frames():
        reading = eye.step(frame)
        length_s = reading.at_s
        made += [(reading.at_s, face.number, str(face.gesture)) for face in reading.faces if face.gesture]
        for one in eye.tracked:
            if one.at_s == reading.at_s and (sample := gestures.measure(one)) is not None:
                samples.setdefault(one.number, []).append(sample)
    eye.close()
    if plots is not None:
        from tools.gestures import plots as picture

        picture.draw(samples, made, plots)
    longest = max(samples.values(), key=len, default=[])
    values = np.array(longest or [[0.0, 0.0, 0.0, 1.0]])
    spread = (np.std(values[:, 1:3], axis=0) / np.median(values[:, 3])).round(3).tolist()
    return {"seconds": round(length_s, 1), "false": len(made), "spread": spread}


def table(figures: dict[str, Any]) -> str:
    """The figures for a terminal."""
    recall = "   ".join(f"{name} {value:.1%}" for name, value in figures["recall"].items())
    mixed = sum(found for name, row in figures["said"].items() for other, found in row.items()
                if other not in (name, "nothing"))  # fmt: skip
    lines = [
        f"{figures['gestures']} synthetic gestures recognised: {recall}; taken for the other one: {mixed}",
        f"false alarms an hour of synthetic talk: {figures['false_per_hour']}, of lively talk: "
        f"{figures['false_per_hour_lively']} ({figures['talk_hours']:g} h each)",
    ]
    if "video" in figures:
        video = figures["video"]
        lines.append(f"in {video['seconds']} s of video: {video['false']} gestures; head's spread {video['spread']}")
    return "\n".join(lines)

