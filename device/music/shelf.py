"""The catalogue's memory: one SQLite file with what was read from each music file, so that it need not be read again.

Only a cache of what is on the disks: whatever is wrong with it, the music plays. A damaged file is moved aside and
begun anew; where none can be written it lives in memory. Belongs to the thread that opened it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass
from pathlib import Path

from device.domain import MoodName
from device.errors import LibraryError

NAME = "catalogue.db"
VERSION = 1
TABLE = """
CREATE TABLE files (
    path BLOB PRIMARY KEY, size INTEGER, mtime_ns INTEGER, key TEXT, title TEXT, artist TEXT, album TEXT,
    duration_s REAL, tag_mood TEXT, folder_mood TEXT, problem TEXT, present INTEGER
) WITHOUT ROWID
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known of one file. `problem` says why it cannot be played, if so; `present`: it was there last time."""

    path: bytes
    size: int
    mtime_ns: int
    key: str
    title: str
    artist: str
    album: str
    duration_s: float
    tag_mood: MoodName | None
    folder_mood: MoodName | None
    problem: str
    present: bool = True


class Shelf:
    """`problem` is a sentence if the catalogue could not be opened as it was."""

    def __init__(self, folder: Path) -> None:
        """Never fails: see `problem`."""
        self.problem = ""
        self._path = folder / NAME
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._db = self._connect()
        except (OSError, sqlite3.OperationalError) as error:
            self.problem = f"{self._path} cannot be used ({error}): the library is read again at every start"
            self._db = _prepared(sqlite3.connect(":memory:"))

    def entries(self) -> dict[bytes, Entry]:
        """All files ever seen, by path; none if the catalogue was damaged."""
        try:
            return {row[0]: _entry(row) for row in self._db.execute("SELECT * FROM files")}
        except (sqlite3.DatabaseError, ValueError, TypeError):
            self._begin_anew()
            return {}

    def save(self, changed: Iterable[Entry]) -> None:
        """Keep these entries. Raises LibraryError, for instance when the disk is full; what was kept before stays."""
        rows = [astuple(entry) for entry in changed]
        if not rows:
            return
        try:
            with self._db:
                self._db.executemany(f"INSERT OR REPLACE INTO files VALUES ({','.join('?' * len(rows[0]))})", rows)
        except sqlite3.OperationalError as error:
            raise LibraryError(
                f"{self._path} cannot be written ({error}): make room, or the library is read again at the next start"
            ) from error
        except sqlite3.DatabaseError as error:
            self._begin_anew()
            raise LibraryError(self.problem) from error

    def close(self) -> None:
        """Close the file; idempotent."""
        self._db.close()

    def _connect(self) -> sqlite3.Connection:
        try:
            return _prepared(sqlite3.connect(self._path, timeout=10))
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError:
            self._move_aside()
            return _prepared(sqlite3.connect(self._path, timeout=10))

    def _begin_anew(self) -> None:
        self._db.close()
        try:
            self._move_aside()
            self._db = _prepared(sqlite3.connect(self._path, timeout=10))
        except (OSError, sqlite3.DatabaseError) as error:
            self.problem = f"{self._path} is damaged and cannot be replaced ({error}): delete it"
            self._db = _prepared(sqlite3.connect(":memory:"))

    def _move_aside(self) -> None:
        number = 1
        while (aside := self._path.with_name(f"{NAME}.broken-{number}")).exists():
            number += 1
        self._path.rename(aside)
        journal = self._path.with_name(f"{NAME}-journal")
        if journal.exists():  # SQLite would apply it to the new file
            journal.rename(aside.with_name(f"{aside.name}-journal"))
        self.problem = f"{self._path} was damaged: it was moved to {aside.name} and is made anew"


def _prepared(db: sqlite3.Connection) -> sqlite3.Connection:
    """With the table of this version; one of another version is only a cache and dropped."""
    try:
        db.text_factory = lambda raw: raw.decode("utf-8", "replace")
        (version,) = db.execute("PRAGMA user_version").fetchone()
        if version != VERSION:
            with db:
                db.execute("DROP TABLE IF EXISTS files")
                db.execute(TABLE)
                db.execute(f"PRAGMA user_version = {VERSION}")
    except BaseException:
        db.close()
        raise
    return db


def _entry(row: tuple[object, ...]) -> Entry:
    """Raises ValueError or TypeError for a row that this program cannot have written."""
    path, size, mtime_ns, key, title, artist, album, duration_s, tag_mood, folder_mood, problem, present = row
    texts = (key, title, artist, album, problem)
    if not (isinstance(path, bytes) and isinstance(size, int) and isinstance(mtime_ns, int)):
        raise TypeError("not a file's row")
    if not (isinstance(duration_s, float) and all(isinstance(text, str) for text in texts)):
        raise TypeError("not a file's row")
    return Entry(
        path,
        size,
        mtime_ns,
        str(key),
        str(title),
        str(artist),
        str(album),
        duration_s,
        None if tag_mood is None else MoodName(str(tag_mood)),
        None if folder_mood is None else MoodName(str(folder_mood)),
        str(problem),
        bool(present),
    )


def changes(before: Mapping[bytes, Entry], now: Mapping[bytes, Entry]) -> list[Entry]:
    """The entries of `now` that `before` has not, or has otherwise."""
    return [entry for path, entry in now.items() if before.get(path) != entry]
