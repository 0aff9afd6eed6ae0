"""Measure what learning by context is worth, on simulated homes.

    python tools/evaluate.py context

A home lives through days of songs: neutral mood, the policy `match`, and one context after the other (four parts of the
day and two activities without a row in the table). All of it is assumed: in each context the home likes its music
around a point of its own, `shift` away from the target, and skips a song the more likely the farther it is from there.
Each home lives twice: with `device/mood/context.py` learning, and without. The device knows a song's place with an
error. The constants in context.py were chosen on other seeds (`--tuning`).
"""

from __future__ import annotations

import argparse
import math
import random
from collections.abc import Mapping
from typing import Any

import numpy as np

from device.domain import Affect, Context, Listen, MoodName, MoodOrigin, Now, Outcome, SongEntry, Target, Track
from device.mood.context import ContextGuide
from device.mood.plane import name_of
from device.mood.policy import AT_EASE
from device.music.recommend.choose import Taste, TrackIndex, choose

NEEDS_DATA = False
HOMES: Mapping[str, tuple[float, float, str]] = {
    "as described": (0.35, 0.25, "likes music 0.35 away from the target, another way in each context"),
    "slightly": (0.15, 0.25, "the same, 0.15 away"),
    "no difference": (0.0, 0.25, "likes what the target says, everywhere"),
    "places badly known": (0.35, 0.6, "as described, but songs stand far from where the device believes"),
}
CONTEXTS = ("night", "morning", "afternoon", "evening", "yoga", "homework")
SONGS, A_CONTEXT = 300, 4
DAY_S = 86400.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--homes", type=int, default=12, metavar="N", help="homes of each kind")
    parser.add_argument("--days", type=int, default=45, metavar="N", help="days that each of them lives")
    parser.add_argument("--tuning", action="store_true", help="the seeds that the constants are chosen on")


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Skips in the last third of the days, with and without learning."""
    if arguments.homes < 2 or arguments.days < 6:
        raise ValueError("--homes must be at least 2 and --days at least 6, or the result is noise")
    first = 1000 if arguments.tuning else 0
    figures: dict[str, Any] = {"homes": arguments.homes, "days": arguments.days, "kinds": {}}
    for name, (shift, error, what) in HOMES.items():
        rows = [
            [live(shift, error, seed, arguments.days, learn=learn) for learn in (False, True)]
            for seed in range(first, first + arguments.homes)
        ]
        plain, learnt = np.array(rows).T
        half = 1.96 * float(np.std(learnt - plain, ddof=1)) / len(rows) ** 0.5
        figures["kinds"][name] = {"what": what, "plain": round(float(plain.mean()), 4),
                                  "learnt": round(float(learnt.mean()), 4),
                                  "difference": round(float((learnt - plain).mean()), 4),
                                  "half": round(half, 4)}  # fmt: skip
    return figures


def live(shift: float, error: float, seed: int, days: int, *, learn: bool) -> float:
    """The share of songs skipped in the last third of the days."""
    nature, life, dice = np.random.default_rng([seed, 1]), np.random.default_rng([seed, 2]), random.Random(seed)
    places = nature.uniform(-0.9, 0.9, (SONGS, 2))
    tracks = [_track(at, np.clip(place + error * nature.standard_normal(2), -1, 1)) for at, place in enumerate(places)]
    ways = nature.uniform(0, 2 * math.pi, len(CONTEXTS))
    liked = np.array([AT_EASE.valence, AT_EASE.arousal]) + shift * np.stack([np.cos(ways), np.sin(ways)], axis=1)
    index, taste, guide = TrackIndex(tracks), Taste(), ContextGuide((), learn=learn)
    taste.attach(index)
    target, skips = Target(AT_EASE, MoodName.NEUTRAL, "to match a neutral room"), []
    for day in range(days):
        for number, name in enumerate(CONTEXTS):
            wall = 1.7e9 + day * DAY_S + number * 3 * 3600.0
            for _ in range(A_CONTEXT):
                now = Now(0.0, wall)
                leant = guide.lean(target, Context(activity=name), now.wall)
                choice = choose(index, leant, taste, "everyone", now, dice)
                assert choice is not None, "there are songs"
                far = float(np.hypot(*(places[int(choice.track.key)] - liked[number])))
                skipped = bool(life.random() < 0.05 + 0.85 * (1 - math.exp(-(far**2) / (2 * 0.4**2))))
                outcome, heard_s = (Outcome.SKIPPED, 20.0) if skipped else (Outcome.PLAYED, 200.0)
                wall += heard_s
                taste.add(Listen(choice.track.key, "everyone", leant.mood, outcome, wall, heard_s))
                guide.learn(_entry(choice.track, outcome, heard_s, wall, name))
                skips.append((day, skipped))
    return float(np.mean([skipped for day, skipped in skips if day >= days * 2 // 3]))


def _track(number: int, place: np.ndarray) -> Track:
    affect = Affect(float(place[0]), float(place[1]))
    return Track(str(number), f"file:///{number}.ogg", f"song {number}", f"artist {number // 4}", "", 200.0,
                 affect, name_of(affect), MoodOrigin.MODEL, 0.25)  # fmt: skip


def _entry(track: Track, outcome: Outcome, heard_s: float, wall: float, context: str) -> SongEntry:
    names = (track.key, track.title, track.artist, track.mood, "everyone")
    return SongEntry(wall - heard_s, wall, heard_s, *names, outcome, None, None, track.affect, context)


def table(figures: dict[str, Any]) -> str:
    """One line for each kind of home."""
    lines = [f"{figures['homes']} homes, {figures['days']} days; songs skipped in the last third, ± half of 95%",
             f"{'':20} {'without':>8} {'learnt':>8} {'difference':>16}"]  # fmt: skip
    for name, row in figures["kinds"].items():
        gap = f"{100 * row['difference']:+.1f} ± {100 * row['half']:.1f}"
        lines.append(f"{name:20} {row['plain']:8.1%} {row['learnt']:8.1%} {gap:>16}")
    return "\n".join(lines)
