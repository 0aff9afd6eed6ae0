"""The results of `affetto bench`, as a table for people and as JSON for programs, with a description of the machine."""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from rich.console import Group
from rich.table import Table

MEANINGS = {
    "read": "take or decode a frame",
    "gate": "has anything moved?",
    "find": "face detector",
    "track": "assign faces to people",
    "score": "emotions of all faces in the frame",
    "frame, all stages": "one frame through the eye",
    "link": "from the eye to the conductor's inbox",
    "session": "decide on a reading",
    "start 1k": "index 1,000 tracks and 20,000 listens",
    "recommend 1k": "choose among 1,000 tracks",
    "recommend 1k for six": "choose for six people among 1,000 tracks",
    "start 10k": "index 10,000 tracks and 20,000 listens",
    "recommend 10k": "choose among 10,000 tracks",
    "recommend 10k for six": "choose for six people among 10,000 tracks",
    "start 100k": "index 100,000 tracks and 20,000 listens",
    "recommend 100k": "choose among 100,000 tracks",
    "recommend 100k for six": "choose for six people among 100,000 tracks",
    "load 10k": "load 10,000 tracks from catalogue.db",
    "load 100k": "load 100,000 tracks from catalogue.db",
    "command 100k": "carry out a command while 100,000 tracks and 50,000 listens load",
    "search 10k": "search 10,000 tracks after each letter",
    "search 100k": "search 100,000 tracks after each letter",
    "search 10k changed": "search 10,000 tracks for the first time after a change",
    "search 100k changed": "search 100,000 tracks for the first time after a change",
    "rescan 10k": "scan 10,000 files, none of them changed",
}


@dataclass(frozen=True, slots=True)
class Report:
    """All measurements. `stages` are in milliseconds for every frame (or decision), `models` in KiB."""

    machine: Mapping[str, str]
    source: str
    seconds: float
    frames: int
    faces: int
    first_reading_s: float
    stages: Mapping[str, Sequence[float]]
    processes: Mapping[str, Mapping[str, float]]
    models: Mapping[str, float]
    notes: Sequence[str]

    def as_json(self) -> dict[str, Any]:
        """The figures, with units in the names."""
        return {
            "machine": dict(self.machine),
            "source": self.source,
            "seconds": self.seconds,
            "frames": self.frames,
            "faces": self.faces,
            "first_reading_s": round(self.first_reading_s, 2),
            "stages": {
                name: {
                    "count": len(times),
                    "p50_ms": rounded(percentile(times, 50)),
                    "p95_ms": rounded(percentile(times, 95)),
                    "max_ms": rounded(percentile(times, 100)),
                }
                for name, times in self.stages.items()
            },
            "processes": {name: {k: round(v, 1) for k, v in cost.items()} for name, cost in self.processes.items()},
            "models_kib": {name: round(size, 1) for name, size in self.models.items()},
            "notes": list(self.notes),
        }


def percentile(values: Sequence[float], percent: float) -> float | None:
    """The nearest-rank percentile; None without values."""
    if not values:
        return None
    return sorted(values)[max(math.ceil(percent / 100 * len(values)), 1) - 1]


def rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def describe_machine() -> dict[str, str]:
    """The machine on which the figures were measured."""
    return {
        "board": _board(),
        "cores": str(os.cpu_count()),
        "memory": f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.1f} GiB",
        "load before": f"{os.getloadavg()[0]:.1f}",
        "system": f"{platform.freedesktop_os_release().get('PRETTY_NAME', platform.system())}, {platform.machine()}",
        "python": platform.python_version(),
        "runtime": next(filter(None, map(_package, ("ai-edge-litert", "tflite-runtime"))), "none"),
    }


def _board() -> str:
    try:
        return Path("/proc/device-tree/model").read_text().strip("\0\n")
    except OSError:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or "unknown")


def _package(name: str) -> str:
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        return ""


def show(report: Report) -> Group:
    """The report for people."""
    stages = Table("stage", "what it does", title="Time", title_justify="left")
    for name in ("times", "p50 ms", "p95 ms", "max ms"):
        stages.add_column(name, justify="right")
    for stage, times in report.stages.items():
        values = [percentile(times, percent) for percent in (50, 95, 100)]
        figures = ["-" if value is None else f"{value:.2f}" for value in values]
        stages.add_row(stage, MEANINGS.get(stage, ""), str(len(times)), *figures)
    costs = Table("process", title="Cost", title_justify="left")
    for name in ("CPU, % of a core", "memory MB", "at most MB"):
        costs.add_column(name, justify="right")
    for process, cost in report.processes.items():
        costs.add_row(process, *(f"{figure:.1f}" for figure in cost.values()))
    return Group(
        ", ".join(f"{name}: {value}" for name, value in report.machine.items()),
        f"{report.source}: {report.frames} frames with {report.faces} faces in {report.seconds:.0f} s; first reading "
        f"{report.first_reading_s:.1f} s after the camera was switched on",
        stages,
        costs,
        "Models: " + ", ".join(f"{name} {size:.0f} KiB" for name, size in report.models.items()),
        *(f"Note: {words}." for words in report.notes),
    )
