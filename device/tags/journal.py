"""What `affetto tags` wrote into files, and what was there before: `written_tags.db` in the data folder.

A row is on the disk before its file changes, so that `affetto tags undo` knows of every change, also after a power cut.
SQLite with `synchronous=FULL`. One process at a time: see `Journal.open`.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import msgspec

from device.errors import LibraryError
from device.music.metadata.editing import Fields, Wish

NAME, LOCK = "written_tags.db", "written_tags.lock"
TABLE = """CREATE TABLE IF NOT EXISTS written (
    path BLOB PRIMARY KEY, wish TEXT NOT NULL, state TEXT NOT NULL, before TEXT NOT NULL, after TEXT NOT NULL
) STRICT, WITHOUT ROWID"""
SAVE = "INSERT OR REPLACE INTO written VALUES (?, ?, ?, ?, ?)"


@dataclass(frozen=True, slots=True)
class Entry:
    """One file. `wish`: what was wanted last. `state`: size and change time of the file when it was as wished (empty:
    perhaps it never got that far). `before`: the first texts of each field that was changed; `after`: all fields that
    this program may have written, the latest last."""

    path: Path
    wish: Wish
    state: str
    before: Fields = field(default_factory=dict)
    after: tuple[Fields, ...] = ()


class Journal:
    """Close it to let another process write."""

    def __init__(self, database: sqlite3.Connection, lock: int) -> None:
        self._database, self._lock = database, lock

    @classmethod
    def open(cls, data_dir: Path) -> Self:
        """Raises LibraryError if the folder cannot be used, or another process writes tags."""
        try:
            lock = os.open(data_dir / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        except OSError as error:
            why = (error.strerror or str(error)).lower()
            raise LibraryError(f"{data_dir / LOCK} cannot be written ({why}); run the command as root") from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            database = sqlite3.connect(data_dir / NAME, isolation_level=None)
            database.execute("PRAGMA synchronous = FULL")
            database.execute(TABLE)
        except BlockingIOError as error:
            os.close(lock)
            raise LibraryError("Another affetto tags runs; wait until it has ended") from error
        except sqlite3.Error as error:
            os.close(lock)
            raise LibraryError(f"{data_dir / NAME} cannot be used ({error})") from error
        return cls(database, lock)

    def close(self) -> None:
        """Let another process write."""
        self._database.close()
        os.close(self._lock)

    def entry(self, path: Path) -> Entry | None:
        """What was written into this file."""
        return next(self._entries("WHERE path = ?", os.fsencode(path)), None)

    def entries(self) -> Iterator[Entry]:
        """All files into which something was written, in the order of paths."""
        return iter([entry for entry in self._entries("ORDER BY path") if entry.after])

    def save(self, entry: Entry) -> None:
        """Keep this entry; it is on the disk when this returns. Raises LibraryError."""
        texts = (msgspec.json.encode(one).decode() for one in (entry.before, entry.after))
        wish = msgspec.json.encode(entry.wish).decode()
        try:
            self._database.execute(SAVE, (os.fsencode(entry.path), wish, entry.state, *texts))
        except sqlite3.Error as error:
            raise LibraryError(f"{NAME} cannot be written ({error})") from error

    def drop(self, path: Path) -> None:
        """Forget this file."""
        self._database.execute("DELETE FROM written WHERE path = ?", (os.fsencode(path),))

    def _entries(self, where: str, *values: object) -> Iterator[Entry]:
        for path, wish, state, before, after in self._database.execute(f"SELECT * FROM written {where}", values):
            yield Entry(
                Path(os.fsdecode(path)), msgspec.json.decode(wish, type=Wish), state,
                msgspec.json.decode(before, type=Fields), msgspec.json.decode(after, type=tuple[Fields, ...]),
            )  # fmt: skip


def state_of(status: os.stat_result) -> str:
    """What a file is, as far as a later run has to know. Every edit changes it."""
    return f"{status.st_size} {status.st_ctime_ns}"
