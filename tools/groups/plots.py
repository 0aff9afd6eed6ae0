"""Draws what `tools/groups/measure.py` found: satisfaction, misery and fairness for each strategy. Needs matplotlib."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

PANELS = {
    "mean": "mean satisfaction, %",
    "least": "the least satisfied of a sitting, %",
    "misery": "songs that somebody cannot bear, %",
    "spread": "most minus least satisfied in a sitting",
}
GREY, PLAIN, FAIR = "#9aa5b1", "#4f81bd", "#c0392b"


def draw(figures: Mapping[str, Any], folder: Path) -> list[Path]:
    """One picture with everything (`groups.png`); returns what was written."""
    folder.mkdir(parents=True, exist_ok=True)
    settings = figures["settings"]
    ways = list(next(iter(settings.values()))["ways"])
    plot, rows = plt.subplots(
        len(PANELS), len(settings), figsize=(2.1 * len(settings) + 2.6, 9.5), sharey=True, sharex="row", squeeze=False,
        layout="constrained",
    )  # fmt: skip
    for axes, name in zip(rows[0], settings, strict=True):
        axes.set_title(name, fontsize=10)
    for axes_row, (key, title) in zip(rows, PANELS.items(), strict=True):
        for axes, setting in zip(axes_row, settings.values(), strict=True):
            bars(axes, [setting["ways"][way][key] for way in ways], ways)
        axes_row[len(settings) // 2].set_xlabel(title, fontsize=9)
    count = f"{figures['households']} simulated households a setting, {figures['songs']} songs each; 95% intervals"
    plot.suptitle(f"One choice for several people: {count}", fontsize=11)
    path = folder / "groups.png"
    plot.savefig(path, dpi=90)
    plt.close(plot)
    return [path]


def bars(axes: Axes, values: list[Mapping[str, float]], ways: list[str]) -> None:
    places = np.arange(len(ways))[::-1]
    colours = [GREY if way in ("random", "one profile") else FAIR if "fair" in way else PLAIN for way in ways]
    means, halves = [one["mean"] for one in values], [one["half"] for one in values]
    axes.barh(places, means, 0.7, xerr=halves, color=colours, error_kw={"elinewidth": 0.8, "ecolor": "#555555"})
    axes.set_yticks(places, ways, fontsize=8)
    axes.set_xlim(0, None)
    axes.tick_params(axis="x", labelsize=8)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
