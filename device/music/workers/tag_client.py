"""Has tags and covers read in a process of its own, with limits on time and memory: client.py says how.

A `TagClient` belongs to the thread that uses it. It starts its process for the first file; `close` ends it, and the
next file starts another. `read_here` reads in this process instead, for those who look at files of their own making.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from device.errors import LibraryError
from device.music.metadata import tags
from device.music.metadata.tags import Tags
from device.music.workers.client import ChildProcess, Connection, Limits, WorkerClient

LIMITS = Limits(wall_s=30.0, cpu_s=20, memory_mb=256)

ReadTags = Callable[[Path], Tags]
"""Raises LibraryError for what is wrong with the file, and OSError if the disk does not let us read it."""


class TagClient(WorkerClient):
    """Not thread-safe. See `WorkerClient.ask` for what its methods raise."""

    def __init__(self, limits: Limits = LIMITS, connection: Connection | None = None) -> None:
        """Starts nothing yet. `connection` leads to another process than the usual child."""
        command = (
            *(sys.executable, "-m", "device.music.workers.tag_process"),
            *("--cpu-s", str(limits.cpu_s), "--memory-mb", str(limits.memory_mb)),
        )
        super().__init__(connection or ChildProcess(command, limits), limits)

    def tags(self, path: Path) -> Tags:
        """What the file at `path` says of itself."""
        return self.ask(("tags", "tags"), path, Tags)

    def cover(self, path: Path) -> bytes:
        """The cover as JPEG, small enough for MQTT; nothing if there is none."""
        return self.ask(("cover", "cover"), path, bytes)


def read_here(path: Path) -> Tags:
    """See `ReadTags`; in this process, without limits."""
    try:
        return tags.read(path)
    except LibraryError as error:
        if isinstance(error.__cause__, OSError):
            raise OSError(str(error)) from error
        raise
