"""Analyses music files in a separate process, which a hostile file may crash without harm to the music.

`AnalysisClient` belongs to the thread that waits for it (library/analysis_queue.py). client.py says how it talks to its
process, analysis_process.py is that process.
"""

from __future__ import annotations

import sys
from pathlib import Path

from device.music.track_mood import TrackMood
from device.music.workers.client import LIMITS, ChildProcess, Connection, Limits, WorkerClient

JOBS = ("analyse", "analyse")  # a second attempt, for the case that something else killed the process


class AnalysisClient(WorkerClient):
    """Not thread-safe. `pid` is the child's, None while there is none."""

    def __init__(self, models_dir: Path, *, limits: Limits = LIMITS, connection: Connection | None = None) -> None:
        """Starts nothing yet. `connection` leads to another process than the usual child."""
        command = (
            *(sys.executable, "-m", "device.music.workers.analysis_process", "--models", str(models_dir)),
            *("--cpu-s", str(limits.cpu_s), "--memory-mb", str(limits.memory_mb)),
        )
        super().__init__(connection or ChildProcess(command, limits), limits)

    def analyse(self, path: Path) -> TrackMood:
        """What the file at `path` sounds like. See `WorkerClient.ask` for what it raises."""
        return self.ask(JOBS, path, TrackMood)
