"""Draws what `tools/effects/measure.py` found: the gain in each world, and how it grows. Needs matplotlib."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

WEEK = 5  # days that one point of the curve covers
SHOWN = 3  # worlds with a curve


def draw(figures: Mapping[str, Any], folder: Path) -> Path:
    """`effects.png`: on the left the difference in each world, on the right the days of the first worlds."""
    folder.mkdir(parents=True, exist_ok=True)
    worlds = figures["worlds"]
    shape, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    gaps = [row["difference"]["well"] for row in worlds.values()]
    places = np.arange(len(worlds))[::-1]
    left.barh(places, [gap["mean"] for gap in gaps], xerr=[gap["half"] for gap in gaps], color="#4f81bd")
    left.set_yticks(places, list(worlds), fontsize=8)
    left.axvline(0, color="#555555", linewidth=0.8)
    left.set_title("what learning adds to the mood (95% intervals)", fontsize=9)
    for number, (name, row) in enumerate(list(worlds.items())[:SHOWN]):
        for style, way in ((":", "before"), ("-", "learnt")):
            days = np.array(row["curve"][way])
            weeks = days[: len(days) // WEEK * WEEK].reshape(-1, WEEK).mean(axis=1)
            right.plot(WEEK * (np.arange(len(weeks)) + 0.5), weeks, style, color=f"C{number}", label=f"{name}, {way}")
    right.set_xlabel("days", fontsize=8)
    right.set_title("how well the days go", fontsize=9)
    right.legend(frameon=False, fontsize=7)
    path = folder / "effects.png"
    shape.savefig(path, dpi=90)
    plt.close(shape)
    return path
