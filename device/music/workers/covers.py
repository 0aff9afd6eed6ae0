"""Reads covers on a thread of its own, because the disk may be slow.

The thread asks the process that reads files (tag_client.py) and puts a `CoverRead` into the inbox. It reads only the
cover that was asked for last: whoever skips through ten tracks wants one.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from device.domain import LARGEST_COVER, CoverRead, Event
from device.errors import LibraryError, WorkerError
from device.music.uri import path_of
from device.music.workers.tag_client import TagClient

log = logging.getLogger("affetto.covers")

IDLE_S = 30.0  # then the process ends; a track is longer


class CoverReader(Protocol):
    """What `Covers` needs of a `TagClient`."""

    def cover(self, path: Path, most_bytes: int) -> bytes: ...
    def close(self) -> None: ...


class Covers:
    """Answers each `read` with one `CoverRead`, unless another came before it began."""

    def __init__(self, put: Callable[[Event], None], reader: CoverReader | None = None) -> None:
        self._put, self._reader = put, reader or TagClient()
        self._news = threading.Condition()
        self._wanted: tuple[str, int] | None = None
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="covers", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether the thread works as it should."""
        return self._thread.is_alive() or self._closing

    def read(self, uri: str, most_bytes: int = LARGEST_COVER) -> None:
        """Read the cover of the track at this `file://` URI, as JPEG of at most `most_bytes`; returns at once."""
        with self._news:
            self._wanted = uri, most_bytes
            self._news.notify()

    def close(self) -> None:
        """End the thread, unless a disk keeps it; idempotent."""
        with self._news:
            self._closing = True
            self._news.notify()
        self._thread.join(1.0)

    def _run(self) -> None:
        while True:
            with self._news:
                if not self._news.wait_for(lambda: self._wanted is not None or self._closing, IDLE_S):
                    self._reader.close()
                    continue
                wanted, self._wanted = self._wanted, None
                if self._closing or wanted is None:
                    break
            uri, most_bytes = wanted
            self._put(CoverRead(uri, self._cover(path_of(uri), most_bytes)))
        self._reader.close()

    def _cover(self, path: Path, most_bytes: int) -> bytes:
        """The cover; nothing if it cannot be read, which never stops the music."""
        try:
            return self._reader.cover(path, most_bytes)
        except (LibraryError, WorkerError, OSError) as error:
            log.info("No cover of %s: %s", path, error)
            return b""
