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
import random
import sys
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from device.core.audience import Audience
from device.core.lessons import lessons
from device.core.queue import Playthrough
from device.domain import (
    EVERYONE,
    Affect,
    Choice,
    Emotion,
    Listen,
    Mood,
    MoodSource,
    Now,
    Outcome,
    Target,
)
from device.mood.plane import name_of
from device.mood.policy import match_target
from device.mood.smoothing import PRIOR
from device.music.recommend.choose import Taste, TrackIndex, choose
from device.music.recommend.group import Plan, Strategy
from tools.groups.household import UNBEARABLE, GroupSetting, Household, Shared
from tools.recommend.choosers import Folder
from tools.recommend.listeners import EVENING_S, MORNING_S, Music, Setting
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
TUNING_SEED = 1000
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


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--households", type=int, default=6, metavar="N", help="households for each setting")
    parser.add_argument("--songs", type=int, default=200, metavar="N", help="songs that each of them is played")
    parser.add_argument("--only", action="append", metavar="SETTING", help="only this setting; may be repeated")
    parser.add_argument("--plots", type=Path, metavar="DIR", help="draw plots into this folder")
    parser.add_argument("--tuning", action="store_true", help="the settings and seeds that the default is chosen on")


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """All figures; progress goes to stderr."""
    if arguments.households < 2 or arguments.songs < LEARNING + 60:
        raise ValueError(
            f"--households must be at least 2 and --songs at least {LEARNING + 60}, or nothing can be said"
        )
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
    if arguments.plots:
        from tools.groups import plots

        figures["plots"] = [str(path) for path in plots.draw(figures, arguments.plots)]
    return figures


def compare(setting: GroupSetting, seeds: Sequence[int], songs: int) -> dict[str, dict[str, dict[str, float]]]:
    """Each way's figures over the same households."""
    result = {}
    for name, plan in WAYS.items():
        runs = [live(setting, name, plan, seed, songs) for seed in seeds]
        result[name] = {key: interval([run[key] for run in runs]) for key in MEASURES}
    return result


def live(setting: GroupSetting, way: str, plan: Plan | None, seed: int, songs: int) -> dict[str, float]:
    """The figures of one household with one way of choosing."""
    music = Music(setting.listener, np.random.default_rng([seed, 10]))
    household = Household(setting, music, seed)
    device = Device(music, seed, plan, tuple(household.people), one_profile=way == "one profile")
    get_to_know(device, household, np.random.default_rng([seed, 14]))
    heard: list[tuple[int, Shared]] = []
    for _ in range(songs):
        target = match_target(_seen(household.mood()))
        song = device.choose(household.present if setting.told else tuple(household.people), target, household.wall)
        sitting, shared = household.sitting, household.hear(song)
        device.learn(song, target, shared, household.wall)
        heard.append((sitting, shared))
        household.next_song()
    return summary(heard[LEARNING:])


def get_to_know(device: Device, household: Household, dice: np.random.Generator) -> None:
    """Everybody hears songs alone, and the device learns from it."""
    for name, person in household.people.items():
        for number in range(household.setting.known):
            person.day = int(-household.setting.known + number)  # one a day, in the morning or in the evening
            person.second = MORNING_S if dice.random() < 0.5 else EVENING_S
            song = int(dice.integers(len(person.music.tracks)))
            wall, heard, target = person.wall, person.hear(song), match_target(_seen(person.mood))
            by = (name,) if heard.outcome is Outcome.SKIPPED else ()
            said = {name: heard.said} if heard.said else {}
            device.present((name,))
            device.learn(song, target, Shared(heard.share, bool(by), by, said, {}), wall)
        person.mood = np.zeros(2)


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


class Device:
    """What the device does, by the code that runs on it; without a plan, a random song of the mood's folder."""

    def __init__(
        self, music: Music, seed: int, plan: Plan | None, known: tuple[str, ...], *, one_profile: bool = False
    ) -> None:
        self._folder, self._plan, self._one_profile = Folder(music, seed), plan, one_profile
        self._library, self._taste, self._dice = TrackIndex(music.tracks), Taste(), random.Random(seed)
        self._taste.attach(self._library)
        self._known, self._last = known, ()
        self._profiles: tuple[str, ...] = ()

    def present(self, names: tuple[str, ...]) -> None:
        """These people are there, as far as the device knows."""
        self._profiles = (EVERYONE,) if self._one_profile else names

    def choose(self, present: tuple[str, ...], target: Target, wall: float) -> int:
        """The number of the next song for those whom the device believes to be present."""
        self.present(present)
        now = Now(0.0, wall)
        if self._plan is None:
            return self._folder.choose(target, now)
        choice = choose(
            self._library, target, self._taste, self._profiles, now, self._dice, self._last, plan=self._plan
        )
        assert choice is not None, "there are songs"
        self._last = (choice.track.key,)
        return int(choice.track.key)

    def learn(self, song: int, target: Target, shared: Shared, wall: float) -> None:
        """As the playback does: opinions first, then the end of the song."""
        track = self._library.tracks[song]
        playthrough = Playthrough(1, Choice(track, ""), target.mood, heard_s=shared.share * track.duration_s)
        audience, now = Audience(self._profiles, known=self._known), Now(0.0, wall)
        lines: list[Listen] = []
        for name, opinion in shared.said.items():
            lines += lessons(playthrough, opinion, audience, now, () if self._one_profile else (name,))
        by = () if self._one_profile else shared.by
        lines += lessons(playthrough, Outcome.SKIPPED if shared.skipped else Outcome.PLAYED, audience, now, by)
        for line in lines:
            self._taste.add(line)


def _seen(mood: np.ndarray) -> Mood:
    affect = Affect(*map(float, mood))
    return Mood(name_of(affect), affect, Emotion.NEUTRAL, 0.8, 1, PRIOR, MoodSource.CAMERA, 0.0)


def table(figures: Mapping[str, Any]) -> str:
    lines = []
    for name, result in figures["settings"].items():
        lines += ["", f"{name}: {result['what']}", f"{'':30}" + "".join(f"{key:>14}" for key in MEASURES)]
        for way, row in result["ways"].items():
            lines.append(f"{way:30}" + "".join(f"{cell(row[key]):>14}" for key in MEASURES))
    lines += ["", *(f"{key}: {words}" for key, words in MEASURES.items())]
    return "\n".join(lines).strip()
