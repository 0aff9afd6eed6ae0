"""Has tags and covers read in a process of its own, with limits on time and memory: see worker.py for how.

A `TagClient` belongs to the thread that uses it. The child is started for the first file; `close` ends it, and it is
started again for the next. `read_here` reads in this process instead, for those who look at files of their own making.
"""

from __future__ import annotations

import base64
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from device.errors import LibraryError
from device.music.metadata import tags
from device.music.metadata.tags import Tags
from device.music.workers.analysis_client import AnalysisClient, Limits

LIMITS = Limits(wall_s=30.0, cpu_s=20, memory_mb=256)

ReadTags = Callable[[Path], Tags]
"""Raises LibraryError for what is wrong with the file, and OSError if the disk does not let us read it."""


class TagClient(AnalysisClient):
    """Not thread-safe; like `AnalysisClient`, but for what files say of themselves."""

    def __init__(self, limits: Limits = LIMITS) -> None:
        """Starts nothing yet."""
        command = (sys.executable, "-m", "device.music.workers.tag_process")
        numbers = ("--cpu-s", str(limits.cpu_s), "--memory-mb", str(limits.memory_mb))
        super().__init__(Path(), limits=limits, command=(*command, *numbers))

    def tags(self, path: Path) -> Tags:
        """See `ReadTags`; ModelError if the child cannot be started."""
        read = self._ask("tags", path, _answer)
        if isinstance(read, Tags):
            return read
        problem, of_the_disk = read
        if of_the_disk:
            raise OSError(problem)
        raise LibraryError(problem)

    def cover(self, path: Path) -> bytes:
        """The cover as JPEG, small enough for MQTT; nothing if there is none. Raises LibraryError."""
        return self._ask("cover", path, lambda raw: base64.b64decode(str(raw), validate=True))


def read_here(path: Path) -> Tags:
    """See `ReadTags`; in this process, without limits."""
    try:
        return tags.read(path)
    except LibraryError as error:
        if isinstance(error.__cause__, OSError):
            raise OSError(str(error)) from error
        raise


def _answer(raw: Any) -> Tags | tuple[str, bool]:
    """What the child says of a file: tags, or what is wrong, and whether that is the disk's fault."""
    if isinstance(raw, dict) and set(raw) == {"problem", "of_the_disk"}:
        return str(raw["problem"])[:1000], raw["of_the_disk"] is True
    return tags.from_json(raw)
