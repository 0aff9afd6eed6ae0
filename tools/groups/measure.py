"""Measure how songs are chosen for several people, on simulated households.

    python tools/evaluate.py groups --plots DIR

Each of several settings of the household (see `household.py`: all of it is assumed) is lived through by the same
people with each way of choosing. `random` takes any song of the mood's folder. `one profile` is the device if nobody
tells it who is there: everybody's history in one profile. The others are the device's own code with each strategy of
`device/music/recommend/group.py`, without and with fairness over time. Figures are means over households with 95%
confidence intervals. They cover songs that several people hear, without the first songs, in which the device knows
nobody. The default was chosen on other seeds and settings (`--tuning`).
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from device.mood.policy import match_target
from device.music.recommend.group import Plan, Strategy
from tools.groups.device import Device, get_to_know, seen
from tools.groups.household import UNBEARABLE, GroupSetting, Household, Shared
from tools.groups.neighbours import newcomers
from tools.recommend.listeners import Music, Setting
from tools.recommend.measure import cell, interval

NEEDS_DATA = False
SETTINGS: Mapping[str, tuple[GroupSetting, str]] = {
    "usual": (GroupSetting(), "three to six people as described"),
    "alike": (GroupSetting(common=0.7), "tastes have much in common"),
    "two camps": (GroupSetting(common=0.6, camps=True), "half of them like what the others hate"),
    "strong tastes": (GroupSetting(Setting(taste=3.0), common=0.0), "everybody hates much and loves much"),
    "strangers": (GroupSetting(known=0), "the device has never met them"),
    "presence unknown": (GroupSetting(told=False), "nobody tells the device who is there"),
}
TUNING: Mapping[str, tuple[GroupSetting, str]] = {
    "tuning 1": (GroupSetting(Setting(songs=400, taste=1.8), common=0.1), "for choosing the default"),
    "tuning 2": (
        GroupSetting(Setting(songs=900, place_error=0.3), common=0.4, camps=True, named=0.8),
        "for choosing the default",
    ),
    "tuning 3": (GroupSetting(Setting(songs=250, boredom=1.5), common=0.5, boldness=0.5), "for choosing the default"),
}
TUNING_SEED, NEWCOMER_SEED = 1000, 2000
NEWCOMERS: Mapping[str, GroupSetting] = {
    "usual": GroupSetting(people=4),
    "alike": GroupSetting(people=4, common=0.7),
    "two camps": GroupSetting(people=5, common=0.6, camps=True),
}
WEIGHTS = (0.0, 0.5, 1.0)  # of what others in the home like
LEARNING = 60  # songs that do not count
ENOUGH = 5  # songs of a sitting that somebody must have heard to count
MEASURES = {
    "mean": "mean satisfaction, %",
    "least": "satisfaction of the least satisfied of each sitting, %",
    "misery": f"songs that somebody present cannot bear (satisfaction below {100 * UNBEARABLE:.0f}%), %",
    "skips": "songs skipped, %",
    "spread": "between the most and the least satisfied of each sitting, percentage points",
    "lasting": "between the most and the least satisfied of all sittings together, percentage points",
}
WAYS: Mapping[str, Plan | None] = {
    "random": None,
    "one profile": Plan(Strategy.AVERAGE, 0.0),
    **{str(strategy): Plan(strategy, 0.0) for strategy in Strategy if strategy is not Strategy.TURNS},
    "turns": Plan(Strategy.TURNS, 1.0),
    "average, fair": Plan(Strategy.AVERAGE, 1.0),
    "multiplicative, fair": Plan(Strategy.MULTIPLICATIVE, 1.0),
}
DEFAULT = "multiplicative, fair"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--households", type=int, default=6, metavar="N", help="households for each setting")
    parser.add_argument("--songs", type=int, default=200, metavar="N", help="songs that each of them is played")
    parser.add_argument("--only", action="append", metavar="SETTING", help="only this setting; may be repeated")
    parser.add_argument("--plots", type=Path, metavar="DIR", help="draw plots into this folder")
    parser.add_argument("--newcomers", action="store_true", help="measure learning from the others in the home instead")
    parser.add_argument("--tuning", action="store_true", help="the settings and seeds that the default is chosen on")


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """All figures; progress goes to stderr."""
    if arguments.households < 2 or arguments.songs < LEARNING + 60:
        raise ValueError(
            f"--households must be at least 2 and --songs at least {LEARNING + 60}, or the result is noise"
        )
    if arguments.newcomers:
        return {"newcomers": compare_newcomers(range(NEWCOMER_SEED, NEWCOMER_SEED + arguments.households))}
    settings, seed = (TUNING, TUNING_SEED) if arguments.tuning else (SETTINGS, 0)
    if unknown := set(arguments.only or ()) - set(settings):
        raise ValueError(f"there is no setting {', '.join(sorted(unknown))}; there are {', '.join(settings)}")
    settings = {name: one for name, one in settings.items() if not arguments.only or name in arguments.only}
    seeds = range(seed, seed + arguments.households)
    figures: dict[str, Any] = {"households": arguments.households, "songs": arguments.songs, "settings": {}}
    began = time.monotonic()
    for number, (name, (setting, words)) in enumerate(settings.items(), 1):
        print(f"[{time.monotonic() - began:4.0f} s] {number} of {len(settings)}: {name}", file=sys.stderr)
        figures["settings"][name] = {"what": words, "ways": compare(setting, seeds, arguments.songs)}
    figures["differences"] = differences(figures["settings"])
    if arguments.plots:
        from tools.groups import plots

        figures["plots"] = [str(path) for path in plots.draw(figures, arguments.plots)]
    return figures


def compare(setting: GroupSetting, seeds: Sequence[int], songs: int) -> dict[str, dict[str, Any]]:
    """Each way's figures over the same households, and those of each household (`runs`)."""
    result: dict[str, dict[str, Any]] = {}
    for name, plan in WAYS.items():
        runs = [live(setting, name, plan, seed, songs) for seed in seeds]
        result[name] = {key: interval([run[key] for run in runs]) for key in MEASURES}
        result[name]["runs"] = [{key: round(value, 3) for key, value in run.items()} for run in runs]
    return result


def differences(settings: Mapping[str, Any]) -> dict[str, dict[str, dict[str, float]]]:
    """By way: how the default differs from it, over the households of all settings, one by one."""
    runs = {
        way: [run for setting in settings.values() for run in setting["ways"][way]["runs"]]
        for way in next(iter(settings.values()))["ways"]
    }
    return {
        way: {key: interval([a[key] - b[key] for a, b in zip(runs[DEFAULT], others, strict=True)]) for key in MEASURES}
        for way, others in runs.items()
        if way != DEFAULT and DEFAULT in runs
    }


def compare_newcomers(seeds: Sequence[int]) -> dict[str, dict[str, dict[str, dict[str, float]]]]:
    """By setting and weight: a newcomer's satisfaction, and how it differs from that without learning from others."""
    result: dict[str, dict[str, dict[str, dict[str, float]]]] = {}
    for name, setting in NEWCOMERS.items():
        runs = {weight: newcomers(setting, seeds, weight) for weight in WEIGHTS}
        result[name] = {}
        for weight, (early, late) in runs.items():
            result[name][str(weight)] = {
                "first 15 songs": interval(early),
                "next 30 songs": interval(late),
                "first 15, difference": interval(np.subtract(early, runs[0.0][0])),
                "next 30, difference": interval(np.subtract(late, runs[0.0][1])),
            }
        print(f"newcomers: {name} done", file=sys.stderr)
    return result


def live(setting: GroupSetting, way: str, plan: Plan | None, seed: int, songs: int) -> dict[str, float]:
    """The figures of one household with one way of choosing."""
    music = Music(setting.listener, np.random.default_rng([seed, 10]))
    household = Household(setting, music, seed)
    device = Device(music, seed, plan, tuple(household.people), one_profile=way == "one profile")
    get_to_know(device, household, np.random.default_rng([seed, 14]))
    heard: list[tuple[int, Shared]] = []
    for _ in range(songs):
        target = match_target(seen(household.mood()))
        song = device.choose(household.present if setting.told else tuple(household.people), target, household.wall)
        sitting, shared = household.sitting, household.hear(song)
        device.learn(song, target, shared, household.wall)
        heard.append((sitting, shared))
        household.next_song()
    return summary(heard[LEARNING:])


def summary(heard: Sequence[tuple[int, Shared]]) -> dict[str, float]:
    """The figures of `MEASURES` over those of these songs that several people heard. Each comes with the number of its
    sitting."""
    heard = [(sitting, shared) for sitting, shared in heard if len(shared.satisfaction) > 1]
    by_sitting: dict[int, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    ever: dict[str, list[float]] = defaultdict(list)
    for sitting, shared in heard:
        for name, value in shared.satisfaction.items():
            by_sitting[sitting][name].append(value)
            ever[name].append(value)
    means = [[np.mean(values) for values in one.values() if len(values) >= ENOUGH] for one in by_sitting.values()]
    means = [one for one in means if len(one) >= 2]
    lasting = [np.mean(values) for values in ever.values() if len(values) >= ENOUGH]
    return {
        "mean": 100 * float(np.mean([value for values in ever.values() for value in values])),
        "least": 100 * float(np.mean([min(one) for one in means])),
        "misery": 100 * float(np.mean([min(shared.satisfaction.values()) < UNBEARABLE for _, shared in heard])),
        "skips": 100 * float(np.mean([shared.skipped for _, shared in heard])),
        "spread": 100 * float(np.mean([max(one) - min(one) for one in means])),
        "lasting": 100 * float(max(lasting) - min(lasting)),
    }


def table(figures: Mapping[str, Any]) -> str:
    lines: list[str] = []
    for name, rows in figures.get("newcomers", {}).items():
        lines += ["", f"{name}: a newcomer's mean satisfaction, %, by the weight of what others in the home like"]
        lines.append(f"{'':10}" + "".join(f"{key:>24}" for key in next(iter(rows.values()))))
        lines += [f"{weight:10}" + "".join(f"{cell(one):>24}" for one in row.values()) for weight, row in rows.items()]
    if "newcomers" in figures:
        return "\n".join(lines).strip()
    for name, result in figures["settings"].items():
        lines += ["", f"{name}: {result['what']}", f"{'':30}" + "".join(f"{key:>14}" for key in MEASURES)]
        for way, row in result["ways"].items():
            lines.append(f"{way:30}" + "".join(f"{cell(row[key]):>14}" for key in MEASURES))
    lines += ["", f"{DEFAULT}, compared with the others in the same households of all settings:"]
    for way, row in figures["differences"].items():
        lines.append(f"{way:30}" + "".join(f"{cell(row[key]):>14}" for key in MEASURES))
    lines += ["", *(f"{key}: {words}" for key, words in MEASURES.items())]
    return "\n".join(lines).strip()
