"""Draws what `tools/recommend/measure.py` found: skips, learning, and the way to a better mood. Needs matplotlib."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

COLOURS = {"random": "#9aa5b1", "most played": "#d9a441", "NextOne": "#4f81bd", "Affetto": "#c0392b"}
LETTERS = {"random": "(a) random", "most played": "(b) most played", "NextOne": "(c) NextOne", "Affetto": "(d) Affetto"}
BLOCK = 50


def draw(figures: Mapping[str, Any], folder: Path) -> list[Path]:
    """One picture with everything (`recommend.png`); returns what was written."""
    folder.mkdir(parents=True, exist_ok=True)
    settings, lift = figures["settings"], figures["lift"]
    shape = plt.figure(figsize=(11, 8.2), layout="constrained")
    above, below = shape.subfigures(2, 1, height_ratios=[1, 1])
    left, right = above.subplots(1, 2, sharey=True)
    bars(left, settings, "skips", "songs skipped, %")
    bars(right, settings, "repeats", "heard in the last 24 hours already, %")
    right.tick_params(left=False)
    above.legend(*left.get_legend_handles_labels(), loc="outside upper center", ncols=4, frameon=False, fontsize=8)
    one, two, three = below.subplots(1, 3)
    usual = settings.get("usual") or next(iter(settings.values()))
    learning(one, usual)
    trade(two, usual)
    if lift:
        cheering(three, next(iter(lift.values())))
    else:
        three.axis("off")
    count = f"{figures['listeners']} simulated listeners a setting, {figures['songs']} songs each; 95% intervals"
    shape.suptitle(f"Choosing songs: {count}", fontsize=11)
    path = folder / "recommend.png"
    shape.savefig(path, dpi=90)
    plt.close(shape)
    return [path]


def bars(axes: Axes, settings: Mapping[str, Any], key: str, title: str) -> None:
    names = list(settings)
    places = np.arange(len(names))[::-1]
    for number, (chooser, colour) in enumerate(COLOURS.items()):
        rows = [settings[name]["choosers"][chooser][key] for name in names]
        axes.barh(
            places + 0.3 - 0.2 * number,
            [row["mean"] for row in rows],
            0.19,
            xerr=[row["half"] for row in rows],
            color=colour,
            label=LETTERS[chooser],
            error_kw={"elinewidth": 0.8, "ecolor": "#555555"},
        )
    axes.set_yticks(places, names, fontsize=8)
    axes.set_xlim(0, 100)
    axes.set_title(title, fontsize=9)
    tidy(axes)


def learning(axes: Axes, setting: Mapping[str, Any]) -> None:
    for chooser, colour in COLOURS.items():
        curve = 100 * np.array(setting["choosers"][chooser]["curve"])
        axes.plot(BLOCK * (np.arange(len(curve)) + 0.5), curve, color=colour, label=LETTERS[chooser])
    axes.set_ylim(0, None)
    axes.set_xlabel("songs heard", fontsize=8)
    axes.set_title("skipped as it learns, % (usual)", fontsize=9)
    tidy(axes)


def trade(axes: Axes, setting: Mapping[str, Any]) -> None:
    """Skips against how much of the library is ever heard."""
    for chooser, colour in COLOURS.items():
        row = setting["choosers"][chooser]
        axes.errorbar(
            row["coverage"]["mean"],
            row["skips"]["mean"],
            xerr=row["coverage"]["half"],
            yerr=row["skips"]["half"],
            fmt="o",
            color=colour,
            elinewidth=0.8,
        )
        axes.annotate(LETTERS[chooser], (row["coverage"]["mean"], row["skips"]["mean"]), (5, 5), fontsize=8,
                      textcoords="offset points")  # fmt: skip
    axes.set_xlim(0, 115)
    axes.set_ylim(0, None)
    axes.set_xlabel("different songs, % of what could be", fontsize=8)
    axes.set_title("skipped, %, and variety (usual)", fontsize=9)
    tidy(axes)


def cheering(axes: Axes, lift: Mapping[str, Any]) -> None:
    styles = {"matching": ":", "better mood at once": "--", "lift": "-"}
    for way, row in lift["ways"].items():
        chooser, _, what = way.partition(", ")
        if chooser in ("random", "Affetto"):
            axes.plot(np.arange(60), row["valence"], styles[what], color=COLOURS[chooser], label=way, linewidth=1.3)
    axes.axhline(0.3, color="#bbbbbb", linewidth=0.8)
    axes.set_xlabel("minutes", fontsize=8)
    axes.set_title("valence of a gloomy listener (usual)", fontsize=9)
    axes.legend(frameon=False, fontsize=7, loc="upper left")
    axes.set_ylim(None, 0.75)
    tidy(axes)


def tidy(axes: Axes) -> None:
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
