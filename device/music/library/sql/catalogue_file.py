"""The file catalogue.db: a connection that survives what can happen to a file.

A damaged database never stops the music: it is renamed, and a new one is created. If the folder cannot be written, or
the disk is full, the database is in memory. Belongs to the thread that opened it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from device.errors import LibraryError
from device.music.library import steps
from device.music.library.sql import schema

NAME = "catalogue.db"
LOCK_S = 10.0  # how long to wait while another program writes
Values = Sequence[object] | Mapping[str, object]
Answer = TypeVar("Answer")


class CatalogueFile:
    """`problem` is a sentence if the file could not be used as it was; `db` is the connection that serves now."""

    def __init__(self, folder: Path) -> None:
        """Never fails: see `problem`."""
        self.problem = ""
        self._path = folder / NAME
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self.db = self._connect()
        except (OSError, sqlite3.OperationalError) as error:
            self.problem = f"{self._path} cannot be used ({_why(error)}); Affetto reads all music at every start."
            self.db = schema.prepare(sqlite3.connect(":memory:"))

    def or_anew(self, make: Callable[[], Answer], nothing: Answer) -> Answer:
        """What `make` makes of rows; if this program cannot have written them, start again and return `nothing`."""
        try:
            return make()
        except (ValueError, TypeError, KeyError) as error:
            self._begin_anew(f"it has an invalid row: {error}")
            return nothing

    def rows(self, question: str, values: Values = ()) -> Iterator[tuple[Any, ...]]:
        """Row by row: no other thread has to wait until thousands are read or freed."""
        pace = steps.Pace()
        try:
            for row in self.db.execute(question, values):
                pace()
                yield row
        except sqlite3.DatabaseError as error:
            self._cannot_read(error)

    def all(self, question: str, values: Values = ()) -> list[tuple[Any, ...]]:
        """All rows at once, for questions with few."""
        return list(self.rows(question, values))

    def _cannot_read(self, error: sqlite3.DatabaseError) -> None:
        if schema.is_damaged(error):
            self._begin_anew(str(error))
        elif isinstance(error, sqlite3.OperationalError):
            self.problem = f"{self._path} cannot be read ({error})."
        else:
            raise error

    def _begin_anew(self, why: str) -> None:
        """Set a damaged file aside; `problem` says so."""
        self.db.close()
        try:
            self.problem = schema.move_aside(self._path, why)
            self.db = schema.prepare(sqlite3.connect(self._path, timeout=LOCK_S))
        except (OSError, sqlite3.DatabaseError) as error:
            self.problem = f"{self._path} is damaged and cannot be replaced ({_why(error)}); delete it."
            self.db = schema.prepare(sqlite3.connect(":memory:"))

    def write(self, statement: str, rows: Iterable[Sequence[object]]) -> None:
        """Carry out the statement for all rows or for none. Without rows, write nothing. On a full disk, go on in
        memory: see `problem`. Raises LibraryError if another program holds the file."""
        listed = list(rows)
        if not listed:
            return
        try:
            self._transact(statement, listed)
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise LibraryError(f"Another program is writing {self._path}; Affetto tries again later.") from error
            self._continue_in_memory(str(error))
            self._transact(statement, listed)
        except sqlite3.DatabaseError as error:
            if not schema.is_damaged(error):
                raise
            self._begin_anew(str(error))
            raise LibraryError(self.problem) from error

    def _transact(self, statement: str, rows: list[Sequence[object]]) -> None:
        with self.db:
            self.db.executemany(statement, rows)

    def _continue_in_memory(self, why: str) -> None:
        """A full disk costs what is learnt from now on, at the next start; the music plays."""
        memory = sqlite3.connect(":memory:")
        try:
            self.db.backup(memory)
            memory = schema.prepare(memory)
        except sqlite3.Error:  # the disk does not even let us read
            memory = schema.prepare(sqlite3.connect(":memory:"))
        self.db.close()
        self.db = memory
        self.problem = (
            f"{self._path} cannot be written ({why}); free some space, or new results are lost at the next start."
        )

    def _connect(self) -> sqlite3.Connection:
        try:
            return schema.prepare(sqlite3.connect(self._path, timeout=LOCK_S))
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError) and not schema.is_damaged(error):
                raise
            self.problem = schema.move_aside(self._path, str(error))
            return schema.prepare(sqlite3.connect(self._path, timeout=LOCK_S))

    def close(self) -> None:
        """Close the file; idempotent."""
        self.db.close()


def _why(error: Exception) -> str:
    """The reason, without the number that Python puts before it."""
    return (error.strerror or str(error)).lower() if isinstance(error, OSError) else str(error)
