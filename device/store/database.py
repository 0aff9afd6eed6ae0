"""The database that survives a restart: the `Memory` of settings and playback, and the history of listens.

One thread at a time uses a `Store` (see writer.py). It writes `state.db` in the data folder, and `place.bin` for the
position within the song, which changes too often for a database (position_journal.py). SQLite, because its transactions
survive a power cut. In WAL mode with `synchronous=FULL`, a change is one append and one fsync: it is durable when
`write` returns, with the least wear of a flash card (a rollback journal syncs two files and a folder). Unchanged values
are not written. A setting that nobody ever changed is not stored, so its default from the configuration still counts. A
default that somebody has changed since the last start overrides the stored value, because it is the newest.

Nothing here stops the music. A damaged file is renamed, and a new one created. If the folder cannot be written, the
data is lost at the next restart. `problem` reports both. A write that fails (a full disk) raises `StateError`; the
store keeps the data in memory, retries at every change, and writes all pending data when it can.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import msgspec

from device.domain import (
    Alarm,
    Context,
    Erasure,
    Listen,
    Memory,
    MoodName,
    Outcome,
    PlaybackState,
    PolicyName,
    Requests,
    ScheduleMemory,
    SchedulePlan,
)
from device.errors import StateError
from device.store.files import connect, is_damage, set_aside
from device.store.position_journal import PositionJournal

FORMAT = 1
HISTORY_ROWS = 50_000  # some nine months of ten hours a day; 10 MB of memory
PRUNE_EVERY = 1_000
PENDING_ROWS = 1_000  # listens that wait while the disk is full

SCHEMA = """
CREATE TABLE IF NOT EXISTS memory (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS listens (
    id INTEGER PRIMARY KEY, track_key TEXT, profile TEXT, mood TEXT, outcome TEXT, at REAL, heard_s REAL
);
"""
SELECT = "SELECT track_key, profile, mood, outcome, at, heard_s FROM listens ORDER BY id"
INSERT = "INSERT INTO listens (track_key, profile, mood, outcome, at, heard_s) VALUES (?, ?, ?, ?, ?, ?)"
DELETE = "DELETE FROM listens WHERE track_key = ? AND profile = ? AND outcome = ? AND at = ?"
UPSERT = "INSERT INTO memory VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
PRUNE = (
    "DELETE FROM listens WHERE id <= (SELECT max(id) FROM listens) - ? AND outcome NOT IN ('banned', 'allowed')"
)
KEPT = (Outcome.BANNED, Outcome.ALLOWED)  # these listens are never pruned


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
        """A sentence for the user if the file was not usable; otherwise empty."""
        database.execute(PRUNE, (keep,))
        self.memory = read_memory(drop_outdated(database, encode_memory(defaults)), defaults)
        if journal is not None and journal.track_key == self.memory.track_key:
            self.memory = replace(self.memory, position_s=journal.position_s)
        """The values in effect: the stored ones, and the defaults for the rest."""
        self._written = encode_memory(self.memory)
        self._history = list(read_history(database.execute(SELECT)))
        self.total = len(self._history)
        """The number of listens so far, as known to this process."""
        self._pending: deque[Listen] = deque(maxlen=PENDING_ROWS)

    @classmethod
    def open(cls, folder: Path, defaults: Memory, *, keep: int = HISTORY_ROWS) -> Store:
        """Open or create the store in `folder`, and the folder if necessary. Never fails: see `problem`."""
        path = folder / "state.db"
        problem = ""
        try:
            folder.mkdir(parents=True, exist_ok=True)
            try:
                return cls(path, connect(path, SCHEMA, FORMAT, "FULL"), defaults, "", keep, PositionJournal(folder))
            except sqlite3.Error as error:
                if not is_damage(error):
                    raise
                problem = (
                    f"{path} was damaged ({error}); it is now {set_aside(path).name}, "
                    "and volume, switches and likes start from the defaults"
                )
            return cls(path, connect(path, SCHEMA, FORMAT, "FULL"), defaults, problem, keep, PositionJournal(folder))
        except (OSError, sqlite3.Error) as error:
            problem = f"{path} cannot be used ({error}); changes will be lost at the next restart"
        return cls(path, connect(":memory:", SCHEMA, FORMAT, "FULL"), defaults, problem, keep)

    @property
    def history(self) -> tuple[Listen, ...]:
        """The listens, oldest first: the latest ones, preceded by older ones that are never pruned."""
        old = [line for line in self._history[: -self._keep] if line.outcome in KEPT]
        return (*old, *self._history[-self._keep :])

    def write(self, memory: Memory | None, listens: Iterable[Listen] = ()) -> None:
        """Store the memory (None: unchanged) and these listens; they are durable when this returns. Raises
        `StateError`: see the module."""
        self.memory = memory or self.memory
        for listen in listens:
            self._history.append(listen)
            self._pending.append(listen)
            self.total += 1
        if len(self._history) > self._keep + PRUNE_EVERY:
            self._history = list(self.history)
        self._write()
        if self._journal is not None:
            self._journal.write(self.memory.track_key, self.memory.position_s)

    def erase(self, erasure: Erasure) -> None:
        """Delete the listens that `erasure` covers, so that nothing of them remains in the file. Raises StateError;
        they are gone from memory in any case."""
        gone = [listen for listen in self._history if erasure.covers(listen)]
        self._history = [listen for listen in self._history if not erasure.covers(listen)]
        self._pending = deque((one for one in self._pending if not erasure.covers(one)), maxlen=PENDING_ROWS)
        if self._database is None or not gone:
            return
        try:
            self._database.execute("PRAGMA secure_delete = ON")
            self._database.executemany(DELETE, {(one.track_key, one.profile, one.outcome, one.at) for one in gone})
            self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.Error as error:
            words = f"{self._path} cannot be written ({error}), so it still has the data; delete them again later"
            raise StateError(words) from error

    def close(self) -> None:
        """Merge the write-ahead log into the file and close it. Idempotent."""
        if self._database is not None:
            self._database.close()
            self._database = None
        if self._journal is not None:
            with contextlib.suppress(StateError):  # reported earlier, or too late to matter
                self._journal.write(self.memory.track_key, self.memory.position_s)
            self._journal.close()
            self._journal = None

    def _write(self) -> None:
        memory = encode_memory(self.memory)
        changed = [(key, value) for key, value in memory.items() if self._written[key] != value]
        if self._database is None or not (changed or self._pending):
            return
        try:
            self._transact(self._database, changed)
        except sqlite3.Error as error:
            raise StateError(
                f"{self._path} cannot be written ({error}); the program continues and retries at every change"
            ) from error
        self._written = memory
        self._pending.clear()

    def _transact(self, database: sqlite3.Connection, changed: Iterable[tuple[str, str]]) -> None:
        database.execute("BEGIN IMMEDIATE")
        try:
            database.executemany(UPSERT, changed)
            for listen in self._pending:
                row = (listen.track_key, listen.profile, listen.mood, listen.outcome, listen.at, listen.heard_s)
                number = database.execute(INSERT, row).lastrowid
                if number is not None and number % PRUNE_EVERY == 0:
                    database.execute(PRUNE, (self._keep,))
            database.execute("COMMIT")
        except BaseException:
            if database.in_transaction:  # some errors, such as a full disk, roll back by themselves
                database.execute("ROLLBACK")
            raise


def drop_outdated(database: sqlite3.Connection, defaults: Mapping[str, str]) -> list[tuple[Any, Any]]:
    """The rows of the memory, without those whose default somebody has changed since the last start, because the newest
    value counts. The table also holds the defaults of the last start, as `default.` and the name."""
    rows = dict(database.execute("SELECT key, value FROM memory"))
    changed = {name for name, text in defaults.items() if rows.get(f"default.{name}") != text}
    outdated = {name for name in changed if f"default.{name}" in rows}
    if changed:
        with contextlib.suppress(sqlite3.Error):  # a full disk: the next change reports it, the next start retries
            database.execute("BEGIN IMMEDIATE")
            database.executemany("DELETE FROM memory WHERE key = ?", [(name,) for name in outdated])
            database.executemany(UPSERT, [(f"default.{name}", defaults[name]) for name in changed])
            database.execute("COMMIT")
        if database.in_transaction:
            database.execute("ROLLBACK")
    return [(key, text) for key, text in rows.items() if key not in outdated]


def encode_memory(memory: Memory) -> dict[str, str]:
    """Each field as text for the database."""
    return {name: json.dumps(msgspec.to_builtins(getattr(memory, name))) for name in TYPES}


def read_memory(rows: Iterable[tuple[Any, Any]], defaults: Memory) -> Memory:
    """The defaults, overridden by the rows. Ignores unusable rows. Before there could be several profiles, the row
    `profile` held the name of the only one."""
    usable: dict[str, Any] = {}
    found = dict(rows)
    if "profiles" not in found and "profile" in found:
        found["profiles"] = f"[{found['profile']}]"
    for key, text in found.items():
        if key in TYPES:
            with contextlib.suppress(msgspec.MsgspecError, RecursionError, TypeError):
                usable[key] = msgspec.json.decode(text, type=TYPES[key])
    return replace(defaults, **usable)


def read_history(rows: Iterable[tuple[Any, ...]]) -> Iterator[Listen]:
    """Listens from rows. Leaves out unusable rows, and shares texts that repeat."""
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
    "group": str,
    "profiles": Annotated[tuple[str, ...], msgspec.Meta(min_length=1)],
    "guests": bool,
    "mood": MoodName | None,
    "playback": PlaybackState,
    "track_key": str,
    "camera_by": str,
    "muted": bool,
    "known_as": str,
    "requests": Requests,
    "context": Context,
    "alarms": tuple[Alarm, ...],
    "schedule": ScheduleMemory,
    "plan": SchedulePlan,
}
"""The fields of the memory that are in the database."""
