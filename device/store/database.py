"""The database of what survives a restart: the `Memory` of settings and playback, and the history of listens.

One thread at a time uses a `Store` (see writer.py). It touches `state.db` in the data folder, and `place.bin` for the
position within the song, which moves too often for a database (position_journal.py). SQLite, because a power cut cannot
break its transactions. In WAL mode with `synchronous=FULL` a change is one append and one fsync: that is durable when
`write` returns, and the least a flash card can be asked to write (a rollback journal syncs two files and a folder).
Saving what is stored already writes nothing at all. A setting that nobody ever changed is never stored, so its default
in the settings still counts; a default that somebody changed there since the last start wins, as the newest word.

Nothing here stops the music. A damaged file is set aside and a new one begun; with a folder that cannot be written the
store forgets at the next restart: `problem` says both. A write that fails (a full disk) raises `StateError`; the store
goes on from memory, tries again at every change, and writes what it owes when it can.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import msgspec

from device.domain import Listen, Memory, MoodName, Outcome, PlaybackState, PolicyName
from device.errors import StateError
from device.store.position_journal import PositionJournal

FORMAT = 1
HISTORY_ROWS = 50_000  # some nine months of ten hours a day; 10 MB of memory
PRUNE_EVERY = 1_000
OWED_ROWS = 1_000  # listens kept for a disk that is full
DAMAGE = ("SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_ERROR")  # "error" stands for: other tables than ours

SCHEMA = """
CREATE TABLE IF NOT EXISTS memory (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS listens (
    id INTEGER PRIMARY KEY, track_key TEXT, profile TEXT, mood TEXT, outcome TEXT, at REAL, heard_s REAL
);
"""
SELECT = "SELECT track_key, profile, mood, outcome, at, heard_s FROM listens ORDER BY id"
INSERT = "INSERT INTO listens (track_key, profile, mood, outcome, at, heard_s) VALUES (?, ?, ?, ?, ?, ?)"
UPSERT = "INSERT INTO memory VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
PRUNE = (
    "DELETE FROM listens WHERE id <= (SELECT max(id) FROM listens) - ? AND outcome NOT IN ('banned', 'allowed')"
)
KEPT = (Outcome.BANNED, Outcome.ALLOWED)  # these lines never grow old


class Store:
    """The open `state.db` of one data folder. Make it with `Store.open`."""

    def __init__(
        self,
        path: Path,
        database: sqlite3.Connection,
        defaults: Memory,
        problem: str,
        keep: int,
        journal: PositionJournal | None = None,
    ) -> None:
        self._path = path
        self._database: sqlite3.Connection | None = database
        self._journal = journal
        self._keep = keep
        self.problem = problem
        """One sentence for the user if the file could not be used as it was; else empty."""
        database.execute(PRUNE, (keep,))
        self.memory = read_memory(heed_settings(database, encode_memory(defaults)), defaults)
        if journal is not None and journal.track_key == self.memory.track_key:
            self.memory = replace(self.memory, position_s=journal.position_s)
        """What is in effect: what was stored, and the defaults for the rest."""
        self._written = encode_memory(self.memory)
        self._history = list(read_history(database.execute(SELECT)))
        self.total = len(self._history)
        """How many listens there ever were, as far as this process knows."""
        self._owed: deque[Listen] = deque(maxlen=OWED_ROWS)

    @classmethod
    def open(cls, folder: Path, defaults: Memory, *, keep: int = HISTORY_ROWS) -> Store:
        """Opens or begins the store in `folder`, which is made if need be. Never fails: see `problem`."""
        path = folder / "state.db"
        problem = ""
        try:
            folder.mkdir(parents=True, exist_ok=True)
            try:
                return cls(path, connect(path), defaults, "", keep, PositionJournal(folder))
            except sqlite3.Error as error:
                if not is_damage(error):
                    raise
                problem = (
                    f"{path} was damaged ({error}); it is now {set_aside(path).name}, "
                    "and volume, switches and likes begin anew"
                )
            return cls(path, connect(path), defaults, problem, keep, PositionJournal(folder))
        except (OSError, sqlite3.Error) as error:
            problem = f"{path} cannot be used ({error}); what changes now is forgotten at the next restart"
        return cls(path, connect(":memory:"), defaults, problem, keep)

    @property
    def history(self) -> tuple[Listen, ...]:
        """All listens that are remembered, oldest first: the latest, and before them those that never grow old."""
        old = [line for line in self._history[: -self._keep] if line.outcome in KEPT]
        return (*old, *self._history[-self._keep :])

    def write(self, memory: Memory | None, listens: Iterable[Listen] = ()) -> None:
        """Makes the memory (None: as it is) and these lines survive a power cut; they do when this returns. Raises
        `StateError`: see the module."""
        self.memory = memory or self.memory
        for listen in listens:
            self._history.append(listen)
            self._owed.append(listen)
            self.total += 1
        if len(self._history) > self._keep + PRUNE_EVERY:
            self._history = list(self.history)
        self._write()
        if self._journal is not None:
            self._journal.write(self.memory.track_key, self.memory.position_s)

    def close(self) -> None:
        """Folds the write-ahead log into the file and closes it; calling it again does nothing."""
        if self._database is not None:
            self._database.close()
            self._database = None
        if self._journal is not None:
            with contextlib.suppress(StateError):  # said when it happened, or too late to matter
                self._journal.write(self.memory.track_key, self.memory.position_s)
            self._journal.close()
            self._journal = None

    def _write(self) -> None:
        memory = encode_memory(self.memory)
        changed = [(key, value) for key, value in memory.items() if self._written[key] != value]
        if self._database is None or not (changed or self._owed):
            return
        try:
            self._transact(self._database, changed)
        except sqlite3.Error as error:
            raise StateError(
                f"{self._path} cannot be written ({error}); the program goes on and tries again at every change"
            ) from error
        self._written = memory
        self._owed.clear()

    def _transact(self, database: sqlite3.Connection, changed: Iterable[tuple[str, str]]) -> None:
        database.execute("BEGIN IMMEDIATE")
        try:
            database.executemany(UPSERT, changed)
            for listen in self._owed:
                row = (listen.track_key, listen.profile, listen.mood, listen.outcome, listen.at, listen.heard_s)
                number = database.execute(INSERT, row).lastrowid
                if number is not None and number % PRUNE_EVERY == 0:
                    database.execute(PRUNE, (self._keep,))
            database.execute("COMMIT")
        except BaseException:
            if database.in_transaction:  # some errors, a full disk among them, have rolled back already
                database.execute("ROLLBACK")
            raise


def connect(path: Path | str) -> sqlite3.Connection:
    """Opens the file, checks it from end to end and brings it into form; raises `sqlite3.Error`."""
    database = sqlite3.connect(path, timeout=2.0, isolation_level=None, check_same_thread=False)
    try:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        (verdict,) = database.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise damage(str(verdict))
        (version,) = database.execute("PRAGMA user_version").fetchone()
        if version > FORMAT:
            raise damage(f"format {version} of a newer program")
        if version < FORMAT:
            database.executescript(f"BEGIN; {SCHEMA} PRAGMA user_version = {FORMAT}; COMMIT;")
    except BaseException:
        database.close()
        raise
    return database


def damage(words: str) -> sqlite3.DatabaseError:
    """An error like those of SQLite itself for a file that is no good."""
    error = sqlite3.DatabaseError(words)
    error.sqlite_errorname = "SQLITE_CORRUPT"
    return error


def is_damage(error: sqlite3.Error) -> bool:
    """Whether the file itself is no good, as opposed to the disk, the rights, or another program that holds it."""
    return str(getattr(error, "sqlite_errorname", "")).startswith(DAMAGE)


def set_aside(path: Path) -> Path:
    """Renames the file, with its log, to `.damaged`; an earlier one is replaced, so that they do not pile up."""
    aside = path.with_name(path.name + ".damaged")
    for suffix in ("", "-wal", "-shm"):
        Path(f"{aside}{suffix}").unlink(missing_ok=True)
        if Path(f"{path}{suffix}").exists():
            os.replace(f"{path}{suffix}", f"{aside}{suffix}")
    return aside


def heed_settings(database: sqlite3.Connection, defaults: Mapping[str, str]) -> list[tuple[Any, Any]]:
    """The rows of the memory, without those whose default was changed since the last start: the newest word counts,
    and that one was said in the settings. What the defaults were is kept beside them, as `default.` and the name."""
    rows = dict(database.execute("SELECT key, value FROM memory"))
    changed = {name for name, text in defaults.items() if rows.get(f"default.{name}") != text}
    outdated = {name for name in changed if f"default.{name}" in rows}
    if changed:
        with contextlib.suppress(sqlite3.Error):  # a full disk: said at the next change, and heeded at the next start
            database.execute("BEGIN IMMEDIATE")
            database.executemany("DELETE FROM memory WHERE key = ?", [(name,) for name in outdated])
            database.executemany(UPSERT, [(f"default.{name}", defaults[name]) for name in changed])
            database.execute("COMMIT")
        if database.in_transaction:
            database.execute("ROLLBACK")
    return [(key, text) for key, text in rows.items() if key not in outdated]


def encode_memory(memory: Memory) -> dict[str, str]:
    """Each field as the text that is stored for it in the database."""
    return {name: json.dumps(getattr(memory, name)) for name in TYPES}


def read_memory(rows: Iterable[tuple[Any, Any]], defaults: Memory) -> Memory:
    """The defaults, with what the rows say instead; rows that say nothing usable are as if they were not there."""
    usable: dict[str, Any] = {}
    for key, text in rows:
        if key in TYPES:
            with contextlib.suppress(msgspec.MsgspecError, RecursionError, TypeError):
                usable[key] = msgspec.json.decode(text, type=TYPES[key])
    return replace(defaults, **usable)


def read_history(rows: Iterable[tuple[Any, ...]]) -> Iterator[Listen]:
    """Listens from rows; what is none, is left out. Texts that repeat are kept once."""
    for track_key, profile, mood, outcome, at, heard_s in rows:
        try:
            yield Listen(
                sys.intern(track_key), sys.intern(profile), MoodName(mood), Outcome(outcome), float(at), float(heard_s)
            )
        except (ValueError, TypeError):
            continue


TYPES: Mapping[str, Any] = {
    "volume": Annotated[int, msgspec.Meta(ge=0, le=100)],
    "policy": PolicyName,
    "camera": bool,
    "room": str,
    "profile": str,
    "mood": MoodName | None,
    "playback": PlaybackState,
    "track_key": str,
    "camera_by": str,
    "known_as": str,
}
"""The fields of the memory that the database holds."""
