"""Draws what tools/faces/measure.py counted: curves, recall by size and kind, landmark errors. Needs matplotlib."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from tools.faces.measuring.matching import MASKED, UNMASKED, Match, count_alarms, curve, landmark_errors, recall
from tools.faces.measuring.seen import Seen, match
from tools.model.files import write_atomically

INK, FAINT, GRID = "#22262b", "#767d86", "#e7e9ec"
COLOURS = {"ours": "#c4372f", "yunet_n": "#4a7fb5", "yunet_s": "#74bfa9", "blazeface": "#c9a227"}
NAMES = {"ours": "Affetto", "yunet_n": "YuNet n", "yunet_s": "YuNet s", "blazeface": "BlazeFace"}
DPI = 130
LOWEST_RATE = 0.003  # of false boxes a picture, that is drawn
WORST_ERROR = 0.4  # of the distance between the eyes; the histogram's last bin takes what is beyond

Figures = Mapping[str, Mapping[str, Any]]


def draw(folder: Path, seen: Mapping[str, Seen], figures: Figures) -> None:
    """Write up to five PNG files into `folder`, which is made if missing; `figures` has a `threshold` a detector."""
    thresholds = {name: float(row["threshold"]) for name, row in figures.items()}
    save(draw_precision(seen, thresholds), folder / "precision_recall.png")
    save(draw_landmarks(seen, thresholds), folder / "landmark_error.png")
    save(draw_false_boxes(seen, thresholds), folder / "recall_over_false_boxes.png")
    if any(one.hard for one in seen.values()):
        save(draw_alarms(seen, thresholds), folder / "recall_against_alarms.png")
        save(draw_recall(figures), folder / "recall_by_size.png")


def save(figure: Figure, path: Path) -> None:
    content = io.BytesIO()
    figure.savefig(content, format="png")
    write_atomically(path, content.getvalue())


def draw_precision(seen: Mapping[str, Seen], thresholds: Mapping[str, float]) -> Figure:
    """Precision against recall; a dot at the threshold that each detector comes with."""
    parts = [("faces of the split", "people")]
    parts += [("hard set", "hard")] if any(one.hard for one in seen.values()) else []
    figure, axes = _panels(len(parts), "Precision and recall; dots: each detector's own threshold")
    for one, (title, part) in zip(axes, parts, strict=True):
        for name, own in seen.items():
            _draw_precision(one, name, match(getattr(own, part)), thresholds[name])
        _finish(one, title, "recall: share of the faces that are found", "precision: share of the finds that are faces")
        one.set(xlim=(0, 1.01), ylim=(0.7, 1.005))
        one.xaxis.set_major_formatter(PercentFormatter(1))
        one.yaxis.set_major_formatter(PercentFormatter(1))
    axes[0].legend(frameon=False, labelcolor=INK, loc="lower left")
    return figure


def _draw_precision(axes: Axes, name: str, matches: Sequence[Match], threshold: float) -> None:
    faces = max(1, sum(m.width_px is not None for m in matches))
    scores, hits, alarms = curve(matches)
    precision = hits / np.maximum(1, hits + alarms)
    axes.plot(hits / faces, precision, color=COLOURS[name], label=NAMES[name], lw=1.8)
    above = int((scores >= threshold).sum())
    if above:
        axes.plot(hits[above - 1] / faces, precision[above - 1], "o", color=COLOURS[name], ms=7, mec="white")


def draw_false_boxes(seen: Mapping[str, Seen], thresholds: Mapping[str, float]) -> Figure:
    """Recall of unmasked and masked faces over the false boxes a picture; dots: each detector's own threshold."""
    figure, axes = _panels(2, "Recall over false boxes a picture; dots: each detector's own threshold")
    for name, own in seen.items():
        everything, pictures = own.everything(), len(own.people) + len(own.backgrounds)
        scores, _, alarms = curve(everything)
        rates = np.maximum(alarms / max(1, pictures), LOWEST_RATE)
        at = max(LOWEST_RATE, count_alarms(everything, thresholds[name]) / max(1, pictures))
        for one, tag in zip(axes, (UNMASKED, MASKED), strict=True):
            faces = [m for m in everything if tag in m.tags and m.width_px is not None]
            found = np.sort([m.score for m in faces])
            share = 1 - np.searchsorted(found, scores) / max(1, len(faces))
            one.plot(rates, share, color=COLOURS[name], label=NAMES[name], lw=1.8)
            one.plot(at, recall(faces, thresholds[name]), "o", color=COLOURS[name], ms=8, mec="white")
            _finish(one, f"{len(faces)} {tag} faces", f"false boxes a picture, {pictures} pictures", "recall")
    for one in axes:
        one.set(xscale="log", xlim=(LOWEST_RATE, 3), ylim=(0, 1.01))
        one.set_xticks([0.01, 0.03, 0.1, 0.3, 1.0], ["0.01", "0.03", "0.1", "0.3", "1"])
        one.minorticks_off()
        one.axvline(0.1, color=FAINT, lw=0.8, ls=":")
        one.yaxis.set_major_formatter(PercentFormatter(1))
    axes[0].legend(frameon=False, labelcolor=INK, loc="lower right")
    return figure


def draw_alarms(seen: Mapping[str, Seen], thresholds: Mapping[str, float]) -> Figure:
    """Recall against the number of false alarms (FROC); a dot at the threshold that each detector comes with."""
    figure, axes = _panels(1, "Recall against false alarms; dots: each one's own threshold")
    empty = len(next(iter(seen.values())).backgrounds)
    for name, own in seen.items():
        hard = match(own.hard)
        scores, _, alarms = curve(own.alarms())
        steps = np.flatnonzero(np.diff(alarms, append=np.inf) > 0)
        steps = steps[alarms[steps] <= 400]
        recalls = [recall(hard, float(scores[step])) for step in steps]
        axes[0].plot(np.maximum(0.5, alarms[steps]), recalls, color=COLOURS[name], label=NAMES[name], lw=1.8)
        at = max(0.5, count_alarms(own.alarms(), thresholds[name]))
        axes[0].plot(at, recall(hard, thresholds[name]), "o", color=COLOURS[name], ms=8, mec="white")
    pictures = len(next(iter(seen.values())).hard)
    _finish(axes[0], "", f"false alarms in {empty} backgrounds and {pictures} hard pictures", "recall on the hard set")
    axes[0].set(xscale="log", ylim=(0, 1.01), xlim=(0.45, 420))
    axes[0].set_xticks([0.5, 1, 3, 10, 30, 100, 300], ["0", "1", "3", "10", "30", "100", "300"])
    axes[0].minorticks_off()
    axes[0].yaxis.set_major_formatter(PercentFormatter(1))
    axes[0].legend(frameon=False, labelcolor=INK, loc="lower right")
    return figure


def draw_recall(figures: Figures) -> Figure:
    """Recall on the hard set by size and by kind: solid at equal false alarms, outlined at each one's threshold."""
    figure, axes = _panels(2, "Recall on the hard set: solid at equal false alarms, outlined at own threshold")
    for one, part, title in zip(axes, ("by_width_px", "kinds"), ("by width of the face, px", "by kind"), strict=True):
        groups = list(figures["ours"]["hard"][part])
        wide = 0.8 / len(figures)
        for place, (name, row) in enumerate(figures.items()):
            x = np.arange(len(groups)) + (place - (len(figures) - 1) / 2) * wide
            own = [row["hard"][part][group]["recall"] for group in groups]
            equal = [row["equal_alarms"][part][group] for group in groups] if "equal_alarms" in row else own
            one.bar(x, equal, wide * 0.9, color=COLOURS[name], label=NAMES[name])
            one.bar(x, own, wide * 0.9, color="none", edgecolor=INK, lw=0.8)
        counts = [figures["ours"]["hard"][part][group]["faces"] for group in groups]
        labels = [group.replace("90-1000", "90+").replace(" ", "\n") for group in groups]
        one.set_xticks(range(len(groups)), [f"{a}\n{b} faces" for a, b in zip(labels, counts, strict=True)])
        _finish(one, title, "", "recall")
        one.set_ylim(0, 1)
        one.yaxis.set_major_formatter(PercentFormatter(1))
    figure.legend(
        *axes[0].get_legend_handles_labels(), frameon=False, ncols=4, loc="outside lower right", labelcolor=INK
    )
    return figure


def draw_landmarks(seen: Mapping[str, Seen], thresholds: Mapping[str, float]) -> Figure:
    """How far the landmarks lie from the true ones, on the split's faces."""
    figure, axes = _panels(1, "Landmark error on the split's faces; the line is the mean")
    bins = np.linspace(0, WORST_ERROR, 41)
    for name, own in seen.items():
        errors = landmark_errors(match(own.people), thresholds[name])
        if not errors or name == "blazeface":  # it has no mouth corners
            continue
        axes[0].hist(np.minimum(errors, WORST_ERROR - 1e-6), bins, histtype="step", color=COLOURS[name], lw=1.8)
        mean = float(np.mean(errors))
        axes[0].axvline(mean, color=COLOURS[name], lw=1.2, ls="--", label=f"{NAMES[name]}: {mean:.1%}")
    _finish(axes[0], "", "mean distance of the five landmarks, share of the distance between the eyes", "faces")
    axes[0].xaxis.set_major_formatter(PercentFormatter(1))
    axes[0].set_xlim(0, WORST_ERROR)
    if axes[0].lines:
        axes[0].legend(frameon=False, labelcolor=INK)
    return figure


def _panels(count: int, title: str) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(6.4 * count + (1.2 if count == 1 else 0), 5.2), dpi=DPI, layout="constrained")
    figure.suptitle(title, x=0.01, ha="left", color=INK, fontsize=12, fontweight="bold")
    return figure, list(np.ravel(figure.subplots(1, count)))


def _finish(axes: Axes, title: str, x: str, y: str) -> None:
    axes.set_title(title, loc="left", color=INK, fontsize=10.5)
    axes.set_xlabel(x, color=FAINT)
    axes.set_ylabel(y, color=FAINT)
    axes.grid(color=GRID)
    axes.set_axisbelow(True)
    axes.tick_params(colors=FAINT, labelcolor=INK)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("bottom", "left"):
        axes.spines[side].set_color(GRID)
