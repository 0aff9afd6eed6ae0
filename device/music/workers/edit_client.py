"""Has tags edited, and the sound of files compared, in a process of its own with limits: client.py says how."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

from device.music.metadata.editing import Fields, Found
from device.music.metadata.tags import Tags
from device.music.workers.client import ChildProcess, Limits, WorkerClient

LIMITS = Limits(wall_s=600.0, cpu_s=120, memory_mb=256)


class EditClient(WorkerClient):
    """Not thread-safe. See `WorkerClient.ask` for what its methods raise."""

    def __init__(self, limits: Limits = LIMITS) -> None:
        """Starts nothing yet."""
        command = (
            *(sys.executable, "-m", "device.music.workers.edit_process"),
            *("--cpu-s", str(limits.cpu_s), "--memory-mb", str(limits.memory_mb)),
        )
        super().__init__(ChildProcess(command, limits), limits)

    def find(self, path: Path) -> Found:
        """The tags of the file that say something of stars or moods."""
        return self.ask(("find",), path, Found)

    def edit(self, path: Path, fields: Fields) -> Found:
        """Give these fields of the copy at `path` these texts. Returns what is there now."""
        return self.ask(("edit",), path, Found, fields=msgspec.json.encode(fields).decode())

    def tags(self, path: Path) -> Tags:
        """What the file at `path` says of itself."""
        return self.ask(("tags",), path, Tags)

    def digest(self, path: Path) -> str:
        """A digest of the compressed sound."""
        return self.ask(("digest",), path, str)
