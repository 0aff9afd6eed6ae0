"""Measure what a pulse adds to the faces, on synthetic hours.

    python tools/evaluate.py bodies --data DIR --split valid

The faces are those of `tools/evaluate.py smoothing`: hours of one person, made from labelled faces. `unsure` mixes the
classifier's scores with even ones, as bad light or a hand before the mouth would. Everything about the pulse is
assumed: it is 62 at rest and rises by `follows` beats from the calmest to the most aroused mood with a delay of 15 s;
on top comes noise that lasts (4 beats, 20 s), and walking about: some 90 s at 25 beats more, `walks` times an hour. A
strap sends it every 5 s. Nothing counts in the first ten minutes, when the person's range is not known yet.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.console import Console

from device.config.schema import MoodConfig
from device.domain import MOOD_AFFECT, Now, Reading, ReportBody, SeenFace
from device.mood.room_mood import RoomMood
from tools.smoothing.faces import MOODS
from tools.smoothing.measure import make
from tools.smoothing.methods import BOX, judge
from tools.smoothing.scenes import FPS, Scene

WORLDS: Mapping[str, tuple[float, float, float, str]] = {
    "faces as they are": (0.0, 25.0, 2.0, "the pulse follows arousal"),
    "unsure faces": (0.35, 25.0, 2.0, "the same, with faces read badly"),
    "unsure, weak pulse": (0.35, 10.0, 2.0, "the pulse follows arousal a little"),
    "unsure, no relation": (0.35, 0.0, 2.0, "the pulse says nothing"),
    "unsure, walks about": (0.35, 10.0, 20.0, "much of the pulse is walking"),
}
REST, DELAY_S, NOISE, NOISE_S, WALK, WALK_S, EVERY_S = 62.0, 15.0, 4.0, 20.0, 25.0, 90.0, 5.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--hours", type=int, default=2, help="hours to make (default: 2)")


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """The share of time in the true mood, false switches and delay, with and without a pulse."""
    if arguments.hours < 1:
        raise ValueError(f"--hours is {arguments.hours}, at least one is needed")
    console = Console(stderr=True)
    scenes = make(arguments, console)
    figures: dict[str, Any] = {"split": arguments.split, "hours": arguments.hours, "worlds": {}}
    plain: dict[float, dict[str, Any]] = {}
    for name, (unsure, follows, walks, what) in WORLDS.items():
        with console.status(name):
            if unsure not in plain:
                plain[unsure] = judge(scenes, [watch(scene, unsure, None) for scene in scenes])
            pulses = [pulse(scene, follows, walks, seed) for seed, scene in enumerate(scenes)]
            both = judge(scenes, [watch(scene, unsure, beat) for scene, beat in zip(scenes, pulses, strict=True)])
        figures["worlds"][name] = {"what": what, "faces": plain[unsure], "both": both}
    return figures


def pulse(scene: Scene, follows: float, walks: float, seed: int) -> npt.NDArray[np.float64]:
    """Beats a minute in each frame."""
    random, count = np.random.default_rng([seed, 7]), len(scene.mood)
    arousal = np.array([MOOD_AFFECT[MOODS[mood]].arousal for mood in scene.mood])
    slow, drift, walking = np.zeros(count), np.zeros(count), np.zeros(count)
    level = noise = arousal[0] * 0.0
    keep = math.exp(-1 / (NOISE_S * FPS))
    for at in range(count):
        level += (arousal[at] - level) / (DELAY_S * FPS)
        noise = keep * noise + math.sqrt(1 - keep**2) * NOISE * random.standard_normal()
        slow[at], drift[at] = level, noise
    for start in random.uniform(0, count, random.poisson(walks * scene.hours)).astype(int):
        walking[start : start + int(random.exponential(WALK_S) * FPS)] = WALK
    low, high = MOOD_AFFECT[MOODS[2]].arousal, max(point.arousal for point in MOOD_AFFECT.values())
    return np.asarray(REST + follows * (slow - low) / (high - low) + drift + walking)


def watch(scene: Scene, unsure: float, beats: npt.NDArray[np.float64] | None) -> npt.NDArray[np.int64]:
    """What the device says in each frame: indices into MOODS."""
    room, reported = RoomMood(MoodConfig()), np.zeros(len(scene.there), np.int64)
    place = {mood: at for at, mood in enumerate(MOODS)}
    scores = (1 - unsure) * scene.scores + unsure / scene.scores.shape[1]
    for at in range(len(scene.there)):
        now = Now(at / FPS, at / FPS)
        if beats is not None and at % int(EVERY_S * FPS) == 0:
            room.bodies.report(ReportBody(heart_rate=float(beats[at])), now)
        face = SeenFace(int(scene.number[at]), BOX, float(scene.certainty[at]), tuple(scores[at].tolist()))
        reported[at] = place[room.update(Reading(now.mono, (face,) if scene.there[at] else ()), now).name]
    return reported


def table(figures: Mapping[str, Any]) -> str:
    """One line for each world."""
    lines = [f"{figures['hours']} synthetic hours from split {figures['split']}; faces alone, and with a pulse",
             f"{'':22} {'time right':>16} {'false/h':>16} {'delay, s':>14}"]  # fmt: skip
    for name, row in figures["worlds"].items():
        one, both = row["faces"], row["both"]
        delays = " ".join("never" if part["delay_s"] is None else f"{part['delay_s']:5.1f}" for part in (one, both))
        lines.append(f"{name:22} {one['right']:7.1%} {both['right']:8.1%} {one['false_per_hour']:7.1f} "
                     f"{both['false_per_hour']:8.1f} {delays:>14}")  # fmt: skip
    return "\n".join(lines)
