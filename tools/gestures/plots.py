"""Draws how the heads in a video moved, with the gestures marked. Needs matplotlib."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

LEAST = 16  # samples of a head that is drawn


def draw(
    samples: Mapping[int, Sequence[tuple[float, float, float, float]]],
    made: Sequence[tuple[float, int, str]],
    folder: Path,
) -> Path:
    """Write `gestures.png`: two lines over time, and a mark at each gesture (time, face, name)."""
    folder.mkdir(parents=True, exist_ok=True)
    shape, (above, below) = plt.subplots(2, 1, figsize=(10, 4.5), sharex=True, layout="constrained")
    for number, values in samples.items():
        if len(values) < LEAST:
            continue
        times = [value[0] for value in values]
        for axes, at in ((above, 2), (below, 1)):
            middle = sum(value[at] for value in values) / len(values)
            heights = [(value[at] - middle) / value[3] for value in values]
            axes.plot(times, heights, label=f"face {number}", linewidth=0.9)
    for axes, name, words in ((above, "nod", "down"), (below, "shake", "to the side")):
        for at_s, _, gesture in made:
            if gesture == name:
                axes.axvline(at_s, color="#c0392b", linewidth=1.2, label=name)
        axes.set_ylabel(f"{words}, eye distances", fontsize=8)
        axes.spines[["top", "right"]].set_visible(False)
    below.set_xlabel("seconds", fontsize=8)
    above.set_title("heads, and the gestures seen in them", fontsize=10)
    path = folder / "gestures.png"
    shape.savefig(path, dpi=90)
    plt.close(shape)
    return path
