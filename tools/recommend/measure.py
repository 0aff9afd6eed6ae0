"""Measure how songs are chosen, on simulated listeners with hidden tastes and moods that music moves.

    python tools/evaluate.py recommend --plots DIR

Each of several settings of the listener (see `listeners.py`: all of it is assumed) is lived through by the same people
with each way of choosing (see `choosers.py`): (a) random and (b) most played in the mood's folder, (c) NextOne, (d)
Affetto. Figures are means over listeners with 95% confidence intervals; beside them stands the difference between (d)
and the best of the others, listener by listener. The weights in `device/music` were chosen on other seeds and settings
(`--tuning`).
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from device.config.schema import MoodConfig
from device.domain import MOOD_AFFECT, MoodName, Now, Outcome, PolicyName, Target
from device.mood.policy import Guide, better_than, match_target
from tools.recommend.choosers import CHOOSERS, Affetto, Folder
from tools.recommend.listeners import Listener, Music, Setting, place_of

NEEDS_DATA = False
SETTINGS: Mapping[str, tuple[Setting, str]] = {
    "usual": (Setting(), "the listener as described"),
    "no taste": (Setting(taste=0.0), "likes all songs alike: nothing to learn"),
    "strong taste": (Setting(taste=3.0), "hates much and loves much"),
    "moods well known": (Setting(place_error=0.1), "songs stand nearly where the device believes"),
    "moods badly known": (Setting(place_error=0.8), "songs stand anywhere, and the device says so"),
    "moods overclaimed": (
        Setting(place_error=0.8, stated_error=0.1),
        "songs stand anywhere, the device claims to know",
    ),
    "restless": (Setting(drift=0.2, camera=0.4), "moods jump about and are seen badly"),
    "unmoved": (Setting(pull=0.0, mismatch=0.0), "music has no effect on mood, and mood none on what pleases"),
    "never bored": (Setting(boredom=0.0), "the same song again and again is fine"),
    "stars": (Setting(rated=0.5), "half of the songs have stars in their tags that mean what they say"),
    "wrong stars": (Setting(rated=0.5, stars_error=100.0), "the stars are somebody else's"),
    "30 songs": (Setting(songs=30), "a tiny library"),
    "5,000 songs": (Setting(songs=5000), "a big library, mostly never heard"),
}
LIFTS: Mapping[str, tuple[Setting, str]] = {
    "usual": (Setting(), "far music annoys and does not move people: what the iso-principle assumes"),
    "easily led": (Setting(mismatch=0.5, reach=float("inf")), "any music moves people towards it, however far"),
    "unmoved": (Setting(pull=0.0), "music has no effect on mood"),
}
TUNING: Mapping[str, tuple[Setting, str]] = {
    "tuning 1": (Setting(songs=400, taste=1.2, boredom=1.5, place_error=0.3), "for choosing weights"),
    "tuning 2": (Setting(songs=1500, taste=2.0, boredom=2.5, mismatch=1.5), "for choosing weights"),
    "tuning 3": (Setting(songs=150, per_artist=5, flow=0.0, base=0.8), "for choosing weights"),
}
TUNING_SEED = 1000
BLOCK = 50  # songs, for how fast it learns
DAY_S = 86400.0
BETTER, PATIENCE_S = 0.3, 3600.0  # the valence that counts as better; nobody is watched for longer than an hour
GLOOM = (MoodName.SAD, MoodName.ANGRY, MoodName.TENSE)
MEASURES = {
    "skips": "skipped, %",
    "early_skips": f"skipped in the first {BLOCK} songs, %",
    "late_skips": "skipped in the last third, %",
    "distance": "distance of the music from the target",
    "repeats": "heard in the last 24 h, %",
    "coverage": "different songs, % of what could be",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--listeners", type=int, default=10, metavar="N", help="listeners for each setting")
    parser.add_argument("--songs", type=int, default=600, metavar="N", help="songs that each of them is played")
    parser.add_argument("--plots", type=Path, metavar="DIR", help="draw plots into this folder")
    parser.add_argument("--tuning", action="store_true", help="the settings and seeds that weights are chosen on")


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """All figures; progress goes to stderr."""
    if arguments.listeners < 2 or arguments.songs < 2 * BLOCK:
        raise ValueError(f"--listeners must be at least 2 and --songs at least {2 * BLOCK}, or the result is noise")
    settings, seed = (TUNING, TUNING_SEED) if arguments.tuning else (SETTINGS, 0)
    seeds = range(seed, seed + arguments.listeners)
    figures: dict[str, Any] = {"listeners": arguments.listeners, "songs": arguments.songs, "settings": {}, "lift": {}}
    began = time.monotonic()
    for number, (name, (setting, words)) in enumerate(settings.items(), 1):
        print(f"[{time.monotonic() - began:4.0f} s] {number} of {len(settings)}: {name}", file=sys.stderr)
        figures["settings"][name] = {"what": words, **compare(setting, seeds, arguments.songs)}
    for name, (setting, words) in () if arguments.tuning else LIFTS.items():
        print(f"[{time.monotonic() - began:4.0f} s] lift: {name}", file=sys.stderr)
        figures["lift"][name] = {"what": words, **compare_lifts(setting, seeds)}
    if arguments.plots:
        from tools.recommend import plots

        figures["plots"] = [str(path) for path in plots.draw(figures, arguments.plots)]
    return figures


# --- Matching moods ---


def compare(setting: Setting, seeds: Sequence[int], songs: int) -> dict[str, Any]:
    """Each chooser's figures over the same listeners, and how (d) differs from the best of the others."""
    lives = {name: [live(setting, make, seed, songs) for seed in seeds] for name, make in CHOOSERS.items()}
    result: dict[str, Any] = {"choosers": {}, "difference": {}}
    for name, runs in lives.items():
        result["choosers"][name] = {key: interval([run[key] for run in runs]) for key in MEASURES}
        result["choosers"][name]["curve"] = [
            round(float(x), 4) for x in np.mean([run["curve"] for run in runs], axis=0)
        ]
    for key in MEASURES:
        sign = -1 if key == "coverage" else 1
        others = {name: np.mean([sign * run[key] for run in runs]) for name, runs in lives.items() if name != "Affetto"}
        best = min(others, key=lambda name: others[name])
        pairs = zip(lives["Affetto"], lives[best], strict=True)
        result["difference"][key] = {"to": best, **interval([ours[key] - theirs[key] for ours, theirs in pairs])}
    return result


def live(setting: Setting, make: type[Folder] | type[Affetto], seed: int, songs: int) -> dict[str, Any]:
    """One listener's life with one chooser, under `match`. The same seed is the same music and the same listener."""
    music = Music(setting, np.random.default_rng([seed, 1]))
    listener = Listener(setting, music, np.random.default_rng([seed, 2]))
    chooser = make(music, seed)
    skips, distances, repeats = np.zeros(songs), np.zeros(songs), np.zeros(songs)
    heard_at: dict[int, float] = {}
    for n in range(songs):
        target = match_target(listener.shown())
        song, skips[n] = play(listener, chooser, target)
        distances[n] = distance(music, song, target)
        repeats[n] = listener.wall - heard_at.get(song, -np.inf) < DAY_S
        heard_at[song] = listener.wall
    return {
        "skips": 100 * skips.mean(),
        "early_skips": 100 * skips[:BLOCK].mean(),
        "late_skips": 100 * skips[-songs // 3 :].mean(),
        "distance": distances.mean(),
        "repeats": 100 * repeats.mean(),
        "coverage": 100 * len(heard_at) / min(setting.songs, songs),
        "curve": skips[: songs // BLOCK * BLOCK].reshape(-1, BLOCK).mean(axis=1),
    }


def play(listener: Listener, chooser: Folder | Affetto, target: Target) -> tuple[int, bool]:
    """One song, chosen, heard and learned from; its number and whether it was skipped."""
    song = chooser.choose(target, Now(0.0, listener.wall))
    heard = listener.hear(song)
    chooser.learn(song, target, heard, Now(0.0, listener.wall))
    return song, heard.outcome is Outcome.SKIPPED


def distance(music: Music, song: int, target: Target) -> float:
    """How far a song's true place is from where the music should have been."""
    return float(np.hypot(*(music.place[song] - (target.affect.valence, target.affect.arousal))))


# --- Lifting moods ---


@dataclass(frozen=True, slots=True)
class Way:
    """A way to cheer somebody up: how songs are chosen, and where from."""

    make: type[Folder] | type[Affetto]
    target: Callable[[Guide, Listener], Target]


def match(guide: Guide, listener: Listener) -> Target:
    return match_target(listener.shown())


def jump(guide: Guide, listener: Listener) -> Target:
    goal = better_than(listener.shown().name)
    return Target(MOOD_AFFECT[goal], goal, "at once")


def lift(guide: Guide, listener: Listener) -> Target:
    guide.advance(PolicyName.LIFT, listener.shown(), listener.day * DAY_S + listener.second)
    return guide.target(PolicyName.LIFT, listener.shown())


WAYS: Mapping[str, Way] = {
    "random, matching": Way(Folder, match),
    "NextOne, matching": Way(CHOOSERS["NextOne"], match),
    "Affetto, matching": Way(Affetto, match),
    "random, better mood at once": Way(Folder, jump),
    "Affetto, better mood at once": Way(Affetto, jump),
    "random, lift": Way(Folder, lift),
    "Affetto, lift": Way(Affetto, lift),
}
EPISODES = 15


def compare_lifts(setting: Setting, seeds: Sequence[int]) -> dict[str, Any]:
    """For each way, minutes until a gloomy listener feels better, and what they skip meanwhile."""
    result = {}
    for name, way in WAYS.items():
        runs = [cheer(setting, way, seed) for seed in seeds]
        minutes, better, skips, curves = zip(*runs, strict=True)
        result[name] = {
            "minutes": interval(minutes),
            "better_within_1h": interval(better),
            "skips": interval(skips),
            "valence": [round(float(x), 4) for x in np.mean(curves, axis=0)],
        }
    return {"ways": result}


def cheer(setting: Setting, way: Way, seed: int) -> tuple[float, float, float, np.ndarray]:
    """Minutes to a better mood (an hour if it does not come), the share of episodes in which it came (%), the songs
    skipped until then (%), and the mean valence in each minute of the hour."""
    music = Music(setting, np.random.default_rng([seed, 3]))
    listener = Listener(setting, music, np.random.default_rng([seed, 4]))
    listener.lively = False
    chooser = way.make(music, seed)
    minutes, skips, curve = [], [], np.zeros(60)
    for episode in range(EPISODES):
        listener.mood = place_of(GLOOM[episode % len(GLOOM)])
        listener.day, listener.second = listener.day + 1, 19 * 3600.0
        better_s, skipped, valences = cheer_once(listener, chooser, way)
        minutes.append(better_s / 60)
        skips.append(skipped)
        curve += valences / EPISODES
    better = 100 * float(np.mean(np.array(minutes) < PATIENCE_S / 60))
    return float(np.mean(minutes)), better, 100 * float(np.mean(skips)), curve


def cheer_once(listener: Listener, chooser: Folder | Affetto, way: Way) -> tuple[float, float, np.ndarray]:
    """One gloomy hour: seconds until it was better, the share skipped until then, the valence of each minute."""
    guide = Guide(MoodConfig())
    began = listener.day * DAY_S + listener.second
    better_s, skips, valences = PATIENCE_S, [], np.full(60, np.nan)
    while (passed := listener.day * DAY_S + listener.second - began) < PATIENCE_S:
        valences[int(passed // 60) :] = listener.mood[0]
        _, skipped = play(listener, chooser, way.target(guide, listener))
        if better_s == PATIENCE_S:
            skips.append(skipped)
            if listener.mood[0] >= BETTER:
                better_s = min(PATIENCE_S, listener.day * DAY_S + listener.second - began)
    return better_s, float(np.mean(skips)), valences


# --- Figures ---

T95 = {2: 12.71, 3: 4.30, 4: 3.18, 5: 2.78, 6: 2.57, 7: 2.45, 8: 2.36, 9: 2.31, 10: 2.26, 12: 2.20, 15: 2.14, 20: 2.09}
"""Student's t for 95% with so many values."""


def interval(values: Sequence[float]) -> dict[str, float]:
    """The mean and half the width of its 95% confidence interval (Student)."""
    count = len(values)
    t = T95[max(n for n in T95 if n <= count)]
    half = t * float(np.std(values, ddof=1)) / count**0.5
    return {"mean": round(float(np.mean(values)), 3), "half": round(half, 3)}


def table(figures: Mapping[str, Any]) -> str:
    lines = []
    for name, result in figures["settings"].items():
        lines += ["", f"{name}: {result['what']}"]
        lines.append(f"{'':14}" + "".join(f"{key:>16}" for key in MEASURES))
        for chooser, row in result["choosers"].items():
            lines.append(f"{chooser:14}" + "".join(f"{cell(row[key]):>16}" for key in MEASURES))
        lines.append(f"{'d - best other':14}" + "".join(f"{cell(result['difference'][key]):>16}" for key in MEASURES))
    for name, result in figures["lift"].items():
        lines += ["", f"lifting, {name}: {result['what']}"]
        lines.append(f"{'':30}{'minutes':>16}{'better in 1 h, %':>18}{'skips, %':>16}")
        for way, row in result["ways"].items():
            cells = f"{cell(row['minutes']):>16}{cell(row['better_within_1h']):>18}{cell(row['skips']):>16}"
            lines.append(f"{way:30}{cells}")
    lines += ["", *(f"{key}: {words}" for key, words in MEASURES.items())]
    return "\n".join(lines).strip()


def cell(value: Mapping[str, float]) -> str:
    digits = 2 if abs(value["mean"]) < 2 and value["half"] < 1 else 1
    return f"{value['mean']:.{digits}f} ± {value['half']:.{digits}f}"
