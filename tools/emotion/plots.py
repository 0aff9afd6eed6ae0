"""Draws what tools/emotion/measure.py measured: confusion, recall, reliability, the hard set. Needs matplotlib."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from tools.labelled.emotions import EMOTIONS
from tools.model.files import write_atomically

INK, FAINT, GRID = "#22262b", "#767d86", "#e7e9ec"
COLOURS = {"ours": "#c4372f", "fer": "#4a7fb5", "cyanora": "#74bfa9"}
NAMES = {"ours": "Affetto", "fer": "fer", "cyanora": "cyanora"}
DPI = 110

Figures = Mapping[str, Any]


def draw(folder: Path, figures: Figures) -> None:
    """Write three or four PNG files into `folder`, which is made if it is missing."""
    save(draw_confusion(figures), folder / "confusion.png")
    save(draw_recall(figures), folder / "recall.png")
    save(draw_reliability(figures), folder / "reliability.png")
    if "hard" in figures:
        save(draw_hard(figures), folder / "hard.png")


def save(figure: Figure, path: Path) -> None:
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=DPI)
    write_atomically(path, content.getvalue())


def rows_of(figures: Figures) -> dict[str, Figures]:
    return {"ours": figures, **figures.get("peers", {})}


def draw_confusion(figures: Figures) -> Figure:
    """Each row is what was true, in shares; the numbers are faces."""
    figure, axes = _panel((7.4, 6.4), f"What was seen in {figures['clear_faces']} faces, by what their voters saw")
    counts = np.array([figures["confusion"][name] for name in EMOTIONS])
    shares = counts / np.maximum(1, counts.sum(1, keepdims=True))
    axes.imshow(shares, cmap="Reds", vmin=0, vmax=1.15)
    for (row, column), count in np.ndenumerate(counts):
        colour = "white" if shares[row, column] > 0.6 else INK
        axes.text(column, row, str(count or ""), ha="center", va="center", fontsize=9, color=colour)
    axes.set_xticks(range(len(EMOTIONS)), EMOTIONS, rotation=35, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(EMOTIONS)), EMOTIONS)
    _finish(axes, "the model says", "the voters said")
    axes.grid(visible=False)
    return figure


def draw_recall(figures: Figures) -> Figure:
    """Recall of every emotion; peers beside it, for the emotions that they know."""
    figure, axes = _panel((9.6, 4.6), f"Share of the faces of each emotion that was recognised ({figures['split']})")
    rows = rows_of(figures)
    wide = 0.8 / len(rows)
    for place, (name, row) in enumerate(rows.items()):
        x = np.arange(len(EMOTIONS)) + (place - (len(rows) - 1) / 2) * wide
        values = [row["recall"][emotion] or 0 for emotion in EMOTIONS]
        axes.bar(x, values, wide * 0.9, color=COLOURS[name], label=NAMES[name])
        if name == "ours":
            for at, value in zip(x, values, strict=True):
                axes.text(at, value + 0.01, f"{value:.0%}", ha="center", fontsize=8, color=INK)
    faces = [sum(figures["confusion"][emotion]) for emotion in EMOTIONS]
    axes.set_xticks(range(len(EMOTIONS)), [f"{name}\n{n} faces" for name, n in zip(EMOTIONS, faces, strict=True)])
    _finish(axes, "", "recall")
    axes.set_ylim(0, 1.05)
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    if len(rows) > 1:
        axes.legend(frameon=False, labelcolor=INK, loc="upper right", ncols=len(rows), bbox_to_anchor=(1, 1.13))
    return figure


def draw_reliability(figures: Figures) -> Figure:
    """How often the model was right when it was so sure; the diagonal is what its probabilities claim."""
    figure, axes = _panel((6.4, 5.6), f"How sure it was and how often right: off by {figures['ece']:.1%} on the mean")
    bins = figures["reliability"]
    sure, right, faces = (np.array([one[key] for one in bins]) for key in ("sure", "right", "faces"))
    axes.plot([0, 1], [0, 1], "--", color=FAINT, lw=1.2, label="as sure as right")
    spread = 1.96 * np.sqrt(np.maximum(right * (1 - right), 0.01) / faces)
    axes.errorbar(sure, right, spread, color=COLOURS["ours"], lw=1.8, elinewidth=1, marker="o", ms=5, label="Affetto")
    below = axes.twinx()
    below.bar(sure, faces, 0.05, color=GRID, zorder=0)
    below.set_ylim(0, 3.2 * max(faces))
    below.set_yticks([])
    below.spines[:].set_visible(False)
    axes.set_zorder(below.get_zorder() + 1)
    axes.patch.set_visible(False)
    _finish(axes, "probability of the emotion it named (bars: how many faces)", "share in which it was right")
    axes.set(xlim=(0, 1), ylim=(0, 1))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1))
    axes.legend(frameon=False, labelcolor=INK, loc="upper left")
    return figure


def draw_hard(figures: Figures) -> Figure:
    """Accuracy by severity, a panel a corruption; severity 0 is the face as it is."""
    figure = Figure(figsize=(12, 5.4), layout="constrained")
    figure.supxlabel("severity; 0 is the face as it is", fontsize=9, color=FAINT)
    mean = figures["hard"]["mean"]
    _title(figure, f"Accuracy in bad pictures, by severity ({mean:.1%} on the mean; peers on their seven emotions)")
    kinds = list(figures["hard"]["by_severity"])
    panels = np.ravel(figure.subplots(2, (len(kinds) + 1) // 2, sharex=True, sharey=True))
    for axes, kind in zip(panels, kinds, strict=False):
        for name, row in rows_of(figures).items():
            clean = row["accuracy"] if name == "ours" else row["accuracy_7_classes"]
            values = [clean, *row["hard"]["by_severity"][kind]]
            axes.plot(range(len(values)), values, "o-", color=COLOURS[name], ms=3.5, lw=1.6, label=NAMES[name])
        axes.set_title(kind, loc="left", fontsize=10, color=INK)
        _finish(axes, "", "")
        axes.set_xticks(range(6))
        axes.set_ylim(0, 1)
        axes.yaxis.set_major_formatter(PercentFormatter(1))
    if len(rows_of(figures)) > 1:
        figure.legend(*panels[0].get_legend_handles_labels(), frameon=False, ncols=3, loc="outside lower right")
    return figure


def _panel(size: tuple[float, float], title: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=size, layout="constrained")
    _title(figure, title)
    return figure, figure.subplots()


def _title(figure: Figure, words: str) -> None:
    figure.suptitle(words, x=0.01, ha="left", color=INK, fontsize=11.5, fontweight="bold")


def _finish(axes: Axes, x: str, y: str) -> None:
    axes.set_xlabel(x, color=FAINT)
    axes.set_ylabel(y, color=FAINT)
    axes.grid(color=GRID)
    axes.set_axisbelow(True)
    axes.tick_params(colors=FAINT, labelcolor=INK, length=0)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("bottom", "left"):
        axes.spines[side].set_color(GRID)
