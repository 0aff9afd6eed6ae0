"""Smoothing: how soon true changes of mood are reported, how often false ones, and the share of time that is right.

    python tools/evaluate.py smoothing --data DIR --split valid --plots DIR

There is no labelled video, so hours of one person are made from labelled faces; tools/smoothing/faces.py and
tools/smoothing/scenes.py say how, and what is assumed. On the same hours run the raw likeliest mood of each reading, a
moving average of every length, and ours with each of its four settings turned while the others stay as they are by
default.

`--choose` tries three of them all together; with `--split train` the faces are those of train that training sets
aside, and it was there that the defaults were chosen: the most time right among the settings with at most 30 false
switches an hour and changes seen within 6 s, median. Two things that the synthetic hours lack limit the choice. Margins
stay up to 0.3: a room in which two of three people feel alike has no greater one. And `certainty` stays at a half,
though less would do better here: what a detector takes for a face by mistake is mostly gone in the next frame, and a
first sighting counts half.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track

from device.config.schema import MoodConfig
from device.perception.emotion import EmotionClassifier
from tools.labelled.emotions import LabelledFaces, read_split
from tools.smoothing import neutral, onset
from tools.smoothing.faces import held_out, see
from tools.smoothing.methods import average, judge, ours, raw
from tools.smoothing.scenes import HOUR, Scene, film

HOURS = 3
WINDOWS_S = (0.5, 1, 2, 3, 5, 8, 12, 20, 30, 60)
TURNED: Mapping[str, Sequence[float]] = {
    "hold_s": (3, 12, 60, 180),
    "dwell_s": (0, 1, 3, 6, 10),
    "margin": (0, 0.3, 0.6, 0.9),
    "certainty": (0, 0.3, 0.5, 0.7),
}
CHOICES: Mapping[str, Sequence[float]] = {
    "hold_s": (12, 30, 60, 120),
    "dwell_s": (1, 2, 3, 4),
    "margin": (0.15, 0.3),
}
MOST_FALSE, LONGEST_DELAY_S = 30.0, 6.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--plots", type=Path, metavar="DIR", help="draw the curves into this folder (smoothing.png)")
    parser.add_argument("--hours", type=int, default=HOURS, help=f"hours to make (default: {HOURS})")
    parser.add_argument("--neutral", action="store_true", help="measure mood.own_neutral (tools/smoothing/neutral.py)")
    parser.add_argument("--choose", action="store_true", help="try all settings of ours together and name the best")


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """All curves as JSON; progress goes to stderr. Raises ValueError for less than an hour."""
    if arguments.hours < 1:
        raise ValueError(f"--hours is {arguments.hours}, at least one is needed")
    console = Console(stderr=True)
    scenes = make(arguments, console)
    shape = {"split": arguments.split, "hours": arguments.hours, "changes": sum(changes(scene) for scene in scenes)}
    if arguments.neutral:
        return shape | {"neutral": neutral.measure(scenes)}
    if arguments.choose:
        return shape | {"choice": choose(scenes, console)}
    default = MoodConfig()
    jobs = [(name, value) for name, values in TURNED.items() for value in values]
    figures: dict[str, Any] = shape | {
        "default": {name: getattr(default, name) for name in TURNED},
        "raw": judge(scenes, [raw(scene) for scene in scenes]),
        "average": {f"{s:g}": judge(scenes, [average(scene, s) for scene in scenes]) for s in WINDOWS_S},
        "ours": run(scenes, {}),
        "turned": {name: {} for name in TURNED},
    }
    for name, value in watch(jobs, "settings", console):
        figures["turned"][name][f"{value:g}"] = run(scenes, {name: float(value)})
    score = EmotionClassifier.load(arguments.models).scores
    figures["onset"] = onset.measure(chosen(arguments), score, default.hold_s)
    if arguments.plots:
        from tools.smoothing import plots  # measuring without drawing needs no matplotlib

        plots.draw(figures, arguments.plots / "smoothing.png")
    return figures


def chosen(arguments: argparse.Namespace) -> LabelledFaces:
    """The faces of the split; of train only those that training sets aside."""
    faces = read_split(arguments.data, arguments.split)
    return held_out(faces) if arguments.split == "train" else faces


def make(arguments: argparse.Namespace, console: Console) -> list[Scene]:
    with console.status("scoring the faces"):
        bank = see(chosen(arguments), EmotionClassifier.load(arguments.models).scores)
    return [film(bank, HOUR, seed) for seed in range(arguments.hours)]


def run(scenes: Sequence[Scene], settings: Mapping[str, float]) -> dict[str, Any]:
    """Ours with some settings other than by default."""
    config = MoodConfig(**settings)  # type: ignore[arg-type]
    return judge(scenes, [ours(scene, config) for scene in scenes])


def choose(scenes: Sequence[Scene], console: Console) -> dict[str, Any]:
    """The best settings by the rule above, how good they are, and all that were tried, best first."""
    tried = []
    for values in watch(list(itertools.product(*CHOICES.values())), "choosing", console):
        settings = dict(zip(CHOICES, map(float, values), strict=True))
        tried.append(settings | {k: v for k, v in run(scenes, settings).items() if k != "right_by_mood"})
    tried.sort(key=lambda row: (allowed(row), row["right"]), reverse=True)
    return {"best": tried[0], "allowed": sum(map(allowed, tried)), "tried": tried}


def allowed(row: Mapping[str, Any]) -> bool:
    late = row["delay_s"] is None or row["delay_s"] > LONGEST_DELAY_S
    return not late and bool(row["false_per_hour"] <= MOST_FALSE)


def changes(scene: Scene) -> int:
    return int((scene.mood[1:] != scene.mood[:-1]).sum())


def watch(jobs: Sequence[Any], label: str, console: Console) -> Iterable[Any]:
    return track(jobs, label, console=console, transient=True)


def table(figures: Mapping[str, Any]) -> str:
    """The figures for a terminal."""
    head = f"{figures['hours']} synthetic hours from split {figures['split']}, {figures['changes']} changes of mood"
    if "neutral" in figures:
        rows = [f"{name:24} {row['off']:8.1%} {row['on']:8.1%}" for name, row in figures["neutral"].items()]
        return "\n".join([head, f"{'time right':24} {'off':>8} {'on':>8}", *rows])
    columns = f"{'':24} delay, s  seen  false/h  time right"
    if "choice" in figures:
        rows = [(settings_of(row), row) for row in figures["choice"]["tried"][:12]]
        return "\n".join(
            [head, f"{figures['choice']['allowed']} settings allowed; the best:", columns, *map(line, rows)]
        )
    rows = [("raw", figures["raw"])]
    rows += [(f"average of {window} s", row) for window, row in figures["average"].items()]
    rows.append(("ours, by default", figures["ours"]))
    for name, turned in figures["turned"].items():
        rows += [(f"ours, {name} {value}", row) for value, row in turned.items()]
    return "\n".join([head, columns, *map(line, rows), *_onset(figures["onset"])])


def _onset(found: Mapping[str, Any]) -> list[str]:
    lines = ["", f"{found['sequences']} expressions coming up from neutral (tools/smoothing/onset.py):"]
    ways = (way for way in found if way != "sequences")
    return lines + [
        f"{way:24} {found[way]['accuracy']:8.1%} of eight, {found[way]['six_way']:.1%} six-way" for way in ways
    ]


def settings_of(row: Mapping[str, Any]) -> str:
    return " ".join(f"{row[name]:g}" for name in CHOICES)


def line(named: tuple[str, Mapping[str, Any]]) -> str:
    name, row = named
    delay = "never" if row["delay_s"] is None else f"{row['delay_s']:.1f}"
    return f"{name:24} {delay:>8} {row['seen'] or 0:5.0%} {row['false_per_hour']:8.1f} {row['right']:11.1%}"
