"""What was made of the database, kept until the database changes. One thread at a time asks; see `Kept.soon`."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from typing import Generic, TypeVar

from device.music.library.steps import Pace, hurry

PATIENCE_S = 0.02  # for a new value, when there is an older one
PAUSE_S = 0.004  # of the thread, after each 2 ms of work: a search meanwhile takes half as long again, not ten times

T = TypeVar("T")


class Kept(Generic[T]):
    """What `read` makes of the database; it calls its second argument often, to give way to other threads. The value
    may be `fresh_s` old, because a scan changes the database again and again. `connect` opens a connection of its own
    for the thread of `soon`; None: not now."""

    def __init__(
        self,
        read: Callable[[sqlite3.Connection, Callable[[], None]], T],
        fresh_s: float,
        connect: Callable[[], sqlite3.Connection | None] = lambda: None,
    ) -> None:
        self._read, self._fresh_s, self._connect = read, fresh_s, connect
        self._found: tuple[T, int, float] | None = None  # the value, the version it is of, and when (monotonic)
        self._thread: threading.Thread | None = None

    def __call__(self, db: sqlite3.Connection) -> T:
        """The value; reads the database first if it has changed."""
        version = _version(db)
        if self._found is None or self._is_old(version):
            self._found = self._read(db, hurry), version, time.monotonic()
        return self._found[0]

    def soon(self, db: sqlite3.Connection) -> T:
        """The value, at once. If the database has changed, a thread reads it, and a moment later this is the new one;
        only the very first value keeps the caller waiting."""
        version = _version(db)
        if self._is_old(version):
            self._begin(version)
        if self._thread is not None:
            self._thread.join(None if self._found is None else PATIENCE_S)
        return self(db) if self._found is None else self._found[0]

    def warm(self, db: sqlite3.Connection) -> None:
        """Let a thread read the database now, so that the first caller does not wait."""
        if self._found is None:
            self._begin(_version(db))

    def forget(self) -> None:
        """The database is another one."""
        self._found = self._thread = None

    def _is_old(self, version: int) -> bool:
        found = self._found
        return found is not None and found[1] != version and time.monotonic() - found[2] >= self._fresh_s

    def _begin(self, version: int) -> None:
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._renew, args=(version,), name="library names", daemon=True)
            self._thread.start()

    def _renew(self, version: int) -> None:
        """On the thread. A database that cannot be read leaves the value as it is; the next caller tries again."""
        with contextlib.suppress(sqlite3.Error, OSError):
            if (own := self._connect()) is not None:
                with closing(own):
                    found = self._read(own, Pace(PAUSE_S)), version, time.monotonic()
                if self._thread is threading.current_thread():
                    self._found = found


def _version(db: sqlite3.Connection) -> int:
    """Changes whenever another connection has written; compare only those of one connection."""
    return int(db.execute("PRAGMA data_version").fetchone()[0])
