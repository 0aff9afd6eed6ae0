"""The offsets between two loudspeakers over time, as a picture."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tools.rooms.offsets import Floats

AIM_MS = 1.0


def draw(found: Floats, figures: Mapping[str, float], path: Path) -> None:
    """Write a PNG: each offset, the aim, and how often each size came."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(10, 3.6), width_ratios=(4, 1), sharey=True)
    late_ms = found[:, 1] * 1000
    left.plot(found[:, 0] / 60, late_ms, ".", markersize=3)
    left.axhline(AIM_MS, color="gray", linewidth=0.8, linestyle="--")
    left.axhline(-AIM_MS, color="gray", linewidth=0.8, linestyle="--")
    left.set_xlabel("minutes")
    left.set_ylabel("second loudspeaker later than the first (ms)")
    left.set_title(
        f"p95 {figures['p95_ms']} ms, max {figures['max_ms']} ms; sound card {figures['skew_ppm']:g} ppm off, "
        f"network {figures['delay_ms']:g} ± {figures['jitter_ms']:g} ms",
        fontsize=9,
    )
    right.hist(late_ms, bins=60, orientation="horizontal")
    right.set_xlabel("snippets")
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
