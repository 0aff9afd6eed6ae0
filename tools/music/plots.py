"""Draws what tools/music/measure.py measured: confusion, the clips in the plane, calibration."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from device.music.analysis import TrackMood
from tools.music.data import QUADRANTS, Labelled

COLOURS = ("tab:orange", "tab:red", "tab:blue", "tab:green")
BINS = 8


def draw(folder: Path, moods: Sequence[TrackMood], labels: Labelled, figures: dict[str, Any]) -> None:
    """Write `music.png` into `folder`."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    folder.mkdir(parents=True, exist_ok=True)
    figure, axes = pyplot.subplots(1, 4, figsize=(20, 5))
    _plane(axes[0], moods, labels)
    if labels.quadrants is not None:
        _confusion(axes[1], np.array(figures["confusion"]))
        _recall(axes[2], figures["recall"])
        _calibration(axes[3], np.array([mood.quadrants for mood in moods]), labels.quadrants)
    figure.tight_layout()
    figure.savefig(folder / "music.png", dpi=90)
    pyplot.close(figure)


def _plane(axis: Any, moods: Sequence[TrackMood], labels: Labelled) -> None:
    said = np.array([(mood.affect.valence, mood.affect.arousal) for mood in moods])
    if labels.quadrants is None:
        axis.scatter(*said.T, s=12)
    else:
        for number, name in enumerate(QUADRANTS):
            axis.scatter(*said[labels.quadrants == number].T, s=12, color=COLOURS[number], label=name)
        axis.legend(title="true quadrant")
    axis.axhline(0, color="gray", lw=0.5)
    axis.axvline(0, color="gray", lw=0.5)
    axis.set(xlim=(-1, 1), ylim=(-1, 1), xlabel="valence", ylabel="arousal", title="where each clip is put")


def _confusion(axis: Any, confusion: np.ndarray) -> None:
    axis.imshow(confusion / np.maximum(confusion.sum(1, keepdims=True), 1), cmap="Blues", vmin=0, vmax=1)
    for row, column in np.ndindex(4, 4):
        axis.text(column, row, confusion[row, column], ha="center", va="center")
    axis.set(xticks=range(4), yticks=range(4), xticklabels=QUADRANTS, yticklabels=QUADRANTS)
    axis.set(xlabel="said", ylabel="true", title="confusion")


def _recall(axis: Any, recall: dict[str, float]) -> None:
    axis.bar(list(recall), list(recall.values()), color=COLOURS)
    axis.set(ylim=(0, 1), title="recall of each quadrant")


def _calibration(axis: Any, shares: np.ndarray, truth: np.ndarray) -> None:
    sure, right = shares.max(1), shares.argmax(1) == truth
    edges = np.linspace(0.25, 1, BINS + 1)
    bins = np.clip(np.digitize(sure, edges) - 1, 0, BINS - 1)
    for number in set(bins.tolist()):
        inside = bins == number
        axis.scatter(sure[inside].mean(), right[inside].mean(), s=8 * inside.sum(), color="tab:blue")
    axis.plot((0.25, 1), (0.25, 1), color="gray", lw=0.7)
    axis.set(xlabel="how sure it was", ylabel="how often it was right", title="calibration", xlim=(0.2, 1), ylim=(0, 1))
