"""Reads covers on a thread of its own, because the disk may be slow and the picture anybody's.

The thread only asks the process that reads files (tag_client.py) and puts a `CoverRead` into the inbox. It reads only
the cover that was asked for last: whoever skips through ten tracks wants one.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from device.domain import CoverRead, Event
from device.errors import LibraryError, WorkerError
from device.music.uri import path_of
from device.music.workers.tag_client import TagClient

log = logging.getLogger("affetto.covers")

IDLE_S = 30.0  # then the process is ended; a track is longer


class CoverReader(Protocol):
    """What `Covers` needs of a `TagClient`."""

    def cover(self, path: Path) -> bytes: ...
    def close(self) -> None: ...


class Covers:
    """Answers each `read` with one `CoverRead`, unless another came before it was begun."""

    def __init__(self, put: Callable[[Event], None], reader: CoverReader | None = None) -> None:
        self._put, self._reader = put, reader or TagClient()
        self._news = threading.Condition()
        self._wanted = ""
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="covers", daemon=True)
        self._thread.start()

    def read(self, uri: str) -> None:
        """Read the cover of the track at this `file://` URI; returns at once."""
        with self._news:
            self._wanted = uri
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
                if not self._news.wait_for(lambda: bool(self._wanted) or self._closing, IDLE_S):
                    self._reader.close()
                    continue
                uri, self._wanted = self._wanted, ""
                if self._closing:
                    break
            self._put(CoverRead(uri, self._cover(path_of(uri))))
        self._reader.close()

    def _cover(self, path: Path) -> bytes:
        try:
            return self._reader.cover(path)
        except (LibraryError, WorkerError, OSError) as error:
            log.info("no cover: %s", error)
            return b""
