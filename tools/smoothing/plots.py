"""Draws what tools/smoothing/measure.py measured: delay against false switches and time right. Needs matplotlib."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from tools.model.files import write_atomically

INK, GRID = "#22262b", "#e7e9ec"
RAW, AVERAGE = "#22262b", "#4a7fb5"
TURNED = {"hold_s": "#c4372f", "dwell_s": "#e0893a", "margin": "#8d5aa8", "certainty": "#4f9d69"}
UNITS = {"hold_s": " s", "dwell_s": " s", "margin": "", "certainty": ""}
COUNTS = (10, 20, 50, 100, 200, 500, 1000, 2000)
LONGEST_S = 20.0  # beyond, nothing is drawn
DPI = 110


def draw(figures: Mapping[str, Any], path: Path) -> None:
    """Write one PNG with two charts; the folder is made if it is missing."""
    figure = Figure(figsize=(11, 5.2), layout="constrained")
    left, right = figure.subplots(1, 2, sharex=True)
    curves(left, figures, "false_per_hour")
    curves(right, figures, "right")
    left.set_yscale("log")
    left.set_yticks(COUNTS, [f"{count:,}" for count in COUNTS])
    left.minorticks_off()
    left.set_title("false switches an hour", loc="left", fontsize=10)
    right.yaxis.set_major_formatter(PercentFormatter(1, 0))
    right.set_title("share of time with the true mood", loc="left", fontsize=10)
    for axes in (left, right):
        axes.set_xlim(-0.4, LONGEST_S)
        axes.set_xlabel("median delay until a true change is reported, s", fontsize=9)
        tidy(axes)
    handles, names = left.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    made = (
        f"{figures['hours']} hours made from labelled faces ({figures['split']}), {figures['changes']} changes of mood"
    )
    figure.suptitle(f"Smoothing: {made}", x=0.01, ha="left", fontsize=11.5, color=INK, fontweight="bold")
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=DPI)
    write_atomically(path, content.getvalue())


def curves(axes: Axes, figures: Mapping[str, Any], key: str) -> None:
    """One figure over the delay, for every way and every setting of it."""
    one, best = figures["raw"], figures["ours"]
    axes.plot(
        [one["delay_s"]], [one[key]], "s", color=RAW, markersize=7, label="raw: the likeliest mood of each reading"
    )
    curve(axes, figures["average"], key, AVERAGE, "moving average, by its length", " s")
    for name, turned in figures["turned"].items():
        default = f"{figures['default'][name]:g}"
        label = f"ours, {name} from {next(iter(turned))} to {list(turned)[-1]} (default {default})"
        curve(axes, turned, key, TURNED[name], label, UNITS[name], beyond=best["delay_s"])
    axes.plot([best["delay_s"]], [best[key]], "*", color=INK, mec="white", ms=15, zorder=5, label="ours, by default")


def curve(
    axes: Axes,
    rows: Mapping[str, Any],
    key: str,
    colour: str,
    label: str,
    unit: str,
    *,
    beyond: float | None = None,
) -> None:
    """One line with a dot a value. With `beyond` only its ends are named, if they are not where the star is."""
    seen = [(value, row) for value, row in rows.items() if row["delay_s"] is not None and row["delay_s"] <= LONGEST_S]
    axes.plot(
        [row["delay_s"] for _, row in seen],
        [row[key] for _, row in seen],
        "o-",
        color=colour,
        markersize=4,
        label=label,
    )
    for at, (value, row) in enumerate(seen):
        if beyond is None or (at in (0, len(seen) - 1) and abs(row["delay_s"] - beyond) > 0.8):
            place = {"xy": (row["delay_s"], row[key]), "xytext": (5, 4), "textcoords": "offset points"}
            axes.annotate(f"{value}{unit}", fontsize=7.5, color=colour, **place)


def tidy(axes: Axes) -> None:
    axes.grid(color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=8, length=0)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
