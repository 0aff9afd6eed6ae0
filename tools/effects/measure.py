"""Measure what learning the effects of songs is worth, on simulated households.

    python tools/evaluate.py effects --plots DIR

Each household (see `households.py`: all of it is assumed) lives the same days twice: once as the device chose songs
before, once with `device/music/recommend/effects.py`. The figures are means over households with 95% intervals, and the
difference, household by household. `well` is what the policy wants, from the eleventh day on: with lift the mean
valence of the true mood, with calm and energise how near it is to that goal (0 is best). The constants in effects.py
were chosen on other seeds (`--tuning`).
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from device.config.schema import MoodConfig
from device.domain import (
    MOOD_AFFECT,
    Affect,
    Emotion,
    Felt,
    Listen,
    Mood,
    MoodName,
    MoodSource,
    Now,
    Outcome,
    PolicyName,
    SongEntry,
    Target,
)
from device.mood.policy import Guide, goal_of
from device.mood.smoothing import PRIOR
from device.music.recommend.choose import Taste, TrackIndex, choose
from device.music.recommend.effects import Effects
from tools.effects.households import Household, World, room_of

NEEDS_DATA = False
WORLDS: Mapping[str, tuple[World, PolicyName, str]] = {
    "lift": (World(), PolicyName.LIFT, "the household as described"),
    "calm": (World(), PolicyName.CALM, "the same, another policy"),
    "energise": (World(), PolicyName.ENERGISE, "the same, another policy"),
    "songs differ much": (World(song_effect=0.16), PolicyName.LIFT, "some songs have a strong effect here"),
    "kinds differ only": (World(song_effect=0.0, kind_effect=0.1), PolicyName.LIFT, "one song of a kind does as much"),
    "no effect": (World(song_effect=0.0, kind_effect=0.0, pull=0.0), PolicyName.LIFT, "music moves nobody"),
    "badly seen": (World(seen_error=0.35, presence=0.35), PolicyName.LIFT, "few faces, read badly"),
    "restless": (World(noise=0.25, event=0.1), PolicyName.LIFT, "moods move by themselves"),
    "30 songs": (World(songs=30), PolicyName.LIFT, "a tiny library"),
    "2,000 songs": (World(songs=2000), PolicyName.LIFT, "most songs are never heard twice"),
}
SONGS_A_DAY, SONG_S, SETTLED_DAY = 18, 200.0, 10
DAY_S = 86400.0
MEASURES = ("well", "distance", "repeats", "variety")
UNSEEN = Mood(MoodName.NEUTRAL, Affect(0.0, 0.0), Emotion.NEUTRAL, 0.0, 0, PRIOR, MoodSource.NONE, None)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--households", type=int, default=12, metavar="N", help="households in each world")
    parser.add_argument("--days", type=int, default=60, metavar="N", help="days that each of them lives")
    parser.add_argument("--worlds", nargs="*", choices=list(WORLDS), help="only these worlds")
    parser.add_argument("--plots", type=Path, metavar="DIR", help="draw a plot into this folder")
    parser.add_argument("--tuning", action="store_true", help="the seeds that the constants are chosen on")


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """All figures; progress goes to stderr."""
    if arguments.households < 2 or arguments.days <= SETTLED_DAY:
        raise ValueError(f"--households must be at least 2 and --days more than {SETTLED_DAY}, or the result is noise")
    first = 1000 if arguments.tuning else 0
    seeds = range(first, first + arguments.households)
    figures: dict[str, Any] = {"households": arguments.households, "days": arguments.days, "worlds": {}}
    began = time.monotonic()
    for name in arguments.worlds or WORLDS:
        print(f"[{time.monotonic() - began:4.0f} s] {name}", file=sys.stderr)
        world, policy, what = WORLDS[name]
        figures["worlds"][name] = {"what": what, **compare(world, policy, seeds, arguments.days)}
    if arguments.plots:
        from tools.effects import plots

        figures["plot"] = str(plots.draw(figures, arguments.plots))
    return figures


def compare(world: World, policy: PolicyName, seeds: range, days: int) -> dict[str, Any]:
    """Both ways of choosing over the same households."""
    plain = [live(world, policy, seed, days, learn=False) for seed in seeds]
    learnt = [live(world, policy, seed, days, learn=True) for seed in seeds]
    return {
        "before": {key: interval([run[key] for run in plain]) for key in MEASURES},
        "learnt": {key: interval([run[key] for run in learnt]) for key in MEASURES},
        "difference": {
            key: interval([ours[key] - theirs[key] for ours, theirs in zip(learnt, plain, strict=True)])
            for key in MEASURES
        },
        "curve": {
            "before": np.mean([run["curve"] for run in plain], axis=0).round(4).tolist(),
            "learnt": np.mean([run["curve"] for run in learnt], axis=0).round(4).tolist(),
        },
    }


def live(world: World, policy: PolicyName, seed: int, days: int, *, learn: bool) -> dict[str, Any]:
    """One household's days. `curve`: how well each day went."""
    life = Life(Household(world, seed), policy, random.Random(seed), learn=learn)
    for day in range(days):
        life.day(Now(0.0, 1.7e9 + day * DAY_S))
    late = life.songs[SETTLED_DAY:]
    settled = np.concatenate(life.moods[SETTLED_DAY:])
    today = [song in songs[:number] for songs in life.songs for number, song in enumerate(songs)]
    return {
        "well": wellness(settled, policy),
        "distance": float(np.mean(life.distances)),
        "repeats": 100 * float(np.mean(today)),
        "variety": 100 * len({song for songs in late for song in songs}) / min(sum(map(len, late)), world.songs),
        "curve": [wellness(moods, policy) for moods in life.moods],
    }


def wellness(moods: np.ndarray, policy: PolicyName) -> float:
    """How well the policy did: the mean valence, or how near the moods (float64[n, 2]) are to the goal."""
    if policy is PolicyName.LIFT:
        return float(moods[:, 0].mean())
    goal = MOOD_AFFECT[goal_of(policy, MoodName.NEUTRAL)]
    return -float(np.hypot(moods[:, 0] - goal.valence, moods[:, 1] - goal.arousal).mean())


class Life:
    """A household and the device in it. `songs` and `moods` (after each song) are lists by day."""

    def __init__(self, home: Household, policy: PolicyName, dice: random.Random, *, learn: bool) -> None:
        self.songs: list[list[int]] = []
        self.moods: list[np.ndarray] = []
        self.distances: list[float] = []
        self._home, self._policy, self._dice = home, policy, dice
        self._index, self._taste = TrackIndex(home.tracks), Taste()
        self._taste.attach(self._index)
        self._effects = Effects() if learn else None
        if self._effects is not None:
            self._effects.attach(self._index)

    def day(self, now: Now) -> None:
        """One evening of songs."""
        home, guide, mood = self._home, Guide(MoodConfig()), UNSEEN
        home.wake()
        songs, moods = [], []
        for _ in range(SONGS_A_DAY):
            before = home.look()
            mood = mood if before is None else room_of(before)
            guide.advance(self._policy, mood, now.mono)
            target = guide.target(self._policy, mood)
            song = self._choose(target, now)
            heard_s = 20.0 if home.hear(song) else SONG_S
            now = Now(now.mono + heard_s, now.wall + heard_s)
            self._learn(song, target, heard_s, before, now)
            self.distances.append(home.tracks[song].affect.distance(target.affect))
            songs.append(song)
            moods.append(home.mood.copy())
        self.songs.append(songs)
        self.moods.append(np.array(moods))

    def _choose(self, target: Target, now: Now) -> int:
        choice = choose(self._index, target, self._taste, "everyone", now, self._dice, effects=self._effects)
        assert choice is not None, "there are songs"
        return int(choice.track.key)

    def _learn(self, song: int, target: Target, heard_s: float, before: Felt | None, now: Now) -> None:
        track, after = self._home.tracks[song], self._home.look()
        outcome = Outcome.PLAYED if heard_s >= SONG_S else Outcome.SKIPPED
        self._taste.add(Listen(track.key, "everyone", target.mood, outcome, now.wall, heard_s))
        if self._effects is not None:
            names = (track.key, track.title, track.artist, track.mood, "everyone", outcome)
            self._effects.add(SongEntry(now.wall - heard_s, now.wall, heard_s, *names, before, after))


def interval(values: list[float]) -> dict[str, float]:
    """The mean with half of its 95% interval (normal approximation)."""
    half = 1.96 * float(np.std(values, ddof=1)) / len(values) ** 0.5
    return {"mean": round(float(np.mean(values)), 4), "half": round(half, 4)}


def table(figures: dict[str, Any]) -> str:
    """One line for each world."""
    lines = [
        f"{figures['households']} households, {figures['days']} days of {SONGS_A_DAY} songs; ± half a 95% interval",
        f"{'':18} {'well':>7} {'learnt':>7} {'difference':>14}"
        + "".join(f"  {key:>12}" for key in ("distance", "repeats, %", "variety, %")),
    ]
    for name, row in figures["worlds"].items():
        before, learnt, gap = row["before"], row["learnt"], row["difference"]["well"]
        pairs = "".join(
            f"{before[key]['mean']:8.2f}{learnt[key]['mean']:6.2f}" for key in ("distance", "repeats", "variety")
        )
        lines.append(
            f"{name:18} {before['well']['mean']:7.3f} {learnt['well']['mean']:7.3f} "
            f"{gap['mean']:+7.3f}±{gap['half']:.3f}{pairs}"
        )
    return "\n".join(lines)
