"""Measure nods and shakes: how many are recognised, and how often talking people make one by mistake.

    python tools/evaluate.py gestures --source people.mp4 --hours 4 --plots DIR

The device's own eye looks at heads that `motion.py` makes up: it decides when to rest and when to hurry. Only its
detector is a stand-in that knows the landmarks, with noise of `NOISE` of the eye distance. Gestures are counted in both
bars: *clear* ones count at any time, *faint* ones only as an answer to a question.

With `--source`, talk is also put together from that video's motion, as it is and `LIVELIER` times as far, gestures lie
over a calm copy of it, and the eye watches the video itself, and again in `takes.py`. Without it, talk is synthetic.
± and "at most" are 95% intervals (exact, Poisson and binomial)."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from device.config.schema import CameraConfig, Config
from device.core.question import ANSWER_S
from device.domain import Face, Gesture
from device.perception import gestures
from device.perception.eye import Eye
from device.perception.frame import Frame, Gray
from tools.gestures import motion
from tools.gestures.motion import Motion
from tools.gestures.takes import watch_takes

Sample = gestures.Sample
NEEDS_DATA = False
FPS, EYES_PX = 8.0, 30.0
NOISE = 0.02  # of a landmark, in eye distances
LIVELIER = (1.5, 2.0)
CALM = 0.4  # what a nodding head does besides, as a share of talk
JITTER_S = 0.008  # of the time between two frames
DARK: Gray = np.zeros((64, 64), np.uint8)  # nobody looks at it

Random = np.random.Generator


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--gestures", type=int, default=400, metavar="N", help="synthetic gestures (default: 400)")
    parser.add_argument("--hours", type=float, default=3.0, metavar="N", help="hours of each kind of talk (default: 3)")
    parser.add_argument("--fps", type=float, default=FPS, metavar="N", help="frames a second of the eye (default: 8)")
    parser.add_argument("--no-burst", action="store_true", help="do not let the eye look more often while a head moves")
    parser.add_argument("--source", type=Path, metavar="VIDEO", help="also use the motion in this video of talk")
    parser.add_argument("--plots", type=Path, metavar="DIR", help="draw what the video's heads did into this folder")


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Recall of both gestures, false alarms an hour of each kind of talk, and the video's."""
    if arguments.gestures < 2 or arguments.hours <= 0:
        raise ValueError("--gestures must be at least 2 and --hours above 0, or the result is noise")
    random = np.random.default_rng(11)
    track = motion.read_track(arguments.source) if arguments.source else None
    figures: dict[str, Any] = {"fps": arguments.fps, "burst": not arguments.no_burst}
    with burst(not arguments.no_burst):
        figures["recall"] = recall(arguments.gestures, track, arguments.fps, random)
        figures["talk"] = {
            name: false_alarms(arguments.hours, talk, arguments.fps, random) for name, talk in kinds(track).items()
        }
    if arguments.source:
        figures["video"] = watch(arguments.source, arguments.plots)
        figures["takes"] = watch_takes(arguments.source, arguments.fps)
    return figures


def kinds(track: motion.Array | None) -> dict[str, Callable[[Random], Motion]]:
    """A minute of each kind of talk."""
    talks: dict[str, Callable[[Random], Motion]] = {
        "synthetic": lambda random: motion.synthetic_talk(60.0, motion.TALK_DEGREES, random),
        "synthetic, lively": lambda random: motion.synthetic_talk(60.0, 1.5 * motion.TALK_DEGREES, random),
    }
    if track is not None:
        for gain in (1.0, *LIVELIER):
            name = "video" if gain == 1.0 else f"video, {gain:g} times as far"
            talks[name] = lambda random, gain=gain: motion.real_talk(track, 60.0, gain, random)  # type: ignore[misc]
    return talks


def recall(count: int, track: motion.Array | None, fps: float, random: Random) -> dict[str, Any]:
    """The share of gestures that are recognised as what they are, over either bar, and those taken for the other."""
    right = {"clear": 0, "faint": 0}
    wrong = 0
    for number in range(count):
        kind = tuple(Gesture)[number % 2]
        beneath = None if track is None else motion.real_talk(track, 10.0, CALM, random).marks - motion.REST
        found = list(seen(motion.gesture(kind, random, beneath), fps, random))
        right["clear"] += (kind, True) in found
        right["faint"] += any(one is kind for one, _ in found)
        wrong += any(one is not kind for one, _ in found)
    spread = {name: round(1.96 * math.sqrt(part * (count - part) / count**3), 3) for name, part in right.items()}
    shares = {name: round(part / count, 3) for name, part in right.items()}
    return {"gestures": count, **shares, "interval": spread, "wrong": wrong}


def false_alarms(hours: float, talk: Callable[[Random], Motion], fps: float, random: Random) -> dict[str, Any]:
    """How many gestures the eye sees in so much talk; each minute is another person."""
    clear = faint = frames = 0
    minutes = round(hours * 60)
    for _ in range(minutes):
        stage = Stage(talk(random), fps, random)
        found = list(stage.gestures())
        frames += stage.frames_seen
        clear += sum(one for _, one in found)
        faint += sum(not one for _, one in found)
    hours = minutes / 60
    return {
        "hours": hours,
        "clear_per_hour": round(clear / hours, 2),
        "at_most": round(most(clear) / hours, 2),
        "any_per_hour": round((clear + faint) / hours, 2),
        "wrong_answers": round((clear + faint) / hours * ANSWER_S / 3600, 4),
        "fps": round(frames / (hours * 3600), 1),
    }


def most(count: int) -> float:
    """The upper end of the one-sided 95% interval of a Poisson rate, by bisection of its distribution."""
    low, high = float(count), count + 10.0 + 4.0 * math.sqrt(count + 1.0)
    for _ in range(60):
        rate = (low + high) / 2
        below = math.fsum(math.exp(-rate + k * math.log(rate) - math.lgamma(k + 1)) for k in range(count + 1))
        low, high = (rate, high) if below > 0.05 else (low, rate)
    return high


def seen(made: Motion, fps: float, random: Random) -> Iterator[tuple[Gesture, bool]]:
    """The gestures that the eye sees in a motion, and whether each is clear."""
    return Stage(made, fps, random).gestures()


class Stage:
    """A camera and a detector that show a made-up head to the eye, and a classifier that has no opinion."""

    def __init__(self, made: Motion, fps: float, random: Random) -> None:
        self._made, self._random = made, random
        self._usual_fps = self._fps = fps
        self._at_s = 0.0
        self.frames_seen = 0

    def gestures(self) -> Iterator[tuple[Gesture, bool]]:
        eye = Eye(self, self, self, self._usual_fps)
        for frame in self.frames():
            for face in eye.step(frame).faces:
                if face.gesture is not None:
                    yield face.gesture, face.clear

    def frames(self) -> Iterator[Frame]:
        while self._at_s < self._made.times[-1]:
            yield Frame(DARK, self._at_s)
            self.frames_seen += 1
            self._at_s += max(0.02, float(self._random.normal(1 / self._fps, JITTER_S)))

    def find(self, _gray: Gray) -> list[Face]:
        at = min(self._at_s * motion.RATE, len(self._made.times) - 1.001)
        before, share = int(at), at % 1
        marks = (1 - share) * self._made.marks[before] + share * self._made.marks[before + 1]
        marks = 100 + EYES_PX * (marks + self._random.normal(0, NOISE, (5, 2)))
        across, down = (marks[0] + marks[1]) / 2
        points = tuple(map(tuple, marks.tolist()))
        box = (across - EYES_PX, down - EYES_PX, 2 * EYES_PX, 2.6 * EYES_PX)
        return [Face(*map(float, box), 0.9, points)]  # type: ignore[arg-type]

    def scores(self, _crop: Gray) -> np.ndarray:
        return np.full(8, 0.125, np.float32)

    def describe(self) -> str:
        return "a made-up head"

    def set_rate(self, fps: float) -> None:
        self._fps = fps

    def close(self) -> None:
        pass


@contextmanager
def burst(on: bool) -> Iterator[None]:
    """Whether the eye may hurry, meanwhile."""
    before = gestures.BURST_S
    gestures.BURST_S = before if on else 0.0
    try:
        yield
    finally:
        gestures.BURST_S = before


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
        clear = [face for face in reading.faces if face.gesture and face.clear]
        made += [(reading.at_s, face.number, str(face.gesture)) for face in clear]
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
    found = figures["recall"]
    lines = [
        f"{figures['fps']:g} frames a second, {'15 while a head moves' if figures['burst'] else 'no bursts'}",
        f"{found['gestures']} made-up gestures seen: clear {found['clear']:.1%} ± {found['interval']['clear']:.1%}, "
        f"as answers {found['faint']:.1%} ± {found['interval']['faint']:.1%}; as the other one: {found['wrong']}",
        f"{'talk':26} {'hours':>5}  clear an hour  (at most)   any an hour  wrong answers  frames/s",
    ]
    for name, row in figures["talk"].items():
        lines.append(
            f"{name:26} {row['hours']:5.1f}  {row['clear_per_hour']:13.2f}  {row['at_most']:9.2f}  "
            f"{row['any_per_hour']:12.2f}  {row['wrong_answers']:13.1%}  {row['fps']:8.1f}"
        )
    if "video" in figures:
        video = figures["video"]
        lines.append(f"in {video['seconds']} s of video: {video['false']} gestures; head's spread {video['spread']}")
        takes = figures["takes"]
        lines.append(
            f"in {takes['minutes']} min of {takes['takes']} takes of it: {takes['clear']} clear, {takes['any']} of any "
            f"kind; eyes this many pixels apart at each size: {takes['eyes_px']}"
        )
    return "\n".join(lines)
