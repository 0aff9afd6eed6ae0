"""The form of catalogue.db: its tables, how older forms become this one, and how a damaged file is set aside.

Used by database.py alone, on its thread.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from urllib.parse import quote_from_bytes

FORMAT = 2

# Types are checked by SQLite (STRICT), so that what is read can be believed. `uri` is what `path` comes to: quoting
# 100,000 paths would take most of the second that a start may take.
TABLES = (
    """CREATE TABLE files (
    path BLOB PRIMARY KEY, place INTEGER NOT NULL, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
    key TEXT NOT NULL, uri TEXT NOT NULL, title TEXT NOT NULL, artist TEXT NOT NULL, album TEXT NOT NULL,
    duration_s REAL NOT NULL, tag_mood TEXT, folder_mood TEXT, gain_db REAL, peak REAL,
    problem TEXT NOT NULL, present INTEGER NOT NULL, former INTEGER NOT NULL
) STRICT, WITHOUT ROWID""",
    "CREATE INDEX files_by_key ON files (key)",
    "CREATE INDEX bad_files ON files (path) WHERE problem != ''",
    "CREATE TABLE places (id INTEGER PRIMARY KEY, top BLOB NOT NULL UNIQUE, present INTEGER NOT NULL) STRICT",
    """CREATE TABLE sounds (
    key TEXT PRIMARY KEY, model TEXT NOT NULL, problem TEXT NOT NULL, valence REAL NOT NULL, arousal REAL NOT NULL,
    uncertainty REAL NOT NULL, tempo_bpm REAL NOT NULL, features BLOB NOT NULL, loudness_lufs REAL
) STRICT, WITHOUT ROWID""",
    "CREATE INDEX unheard ON sounds (key) WHERE problem != ''",
    "CREATE TABLE words (key TEXT PRIMARY KEY, mood TEXT NOT NULL) STRICT, WITHOUT ROWID",
    "CREATE TABLE aliases (alias TEXT PRIMARY KEY, key TEXT NOT NULL) STRICT, WITHOUT ROWID",
)
NAMES = ("files", "places", "sounds", "words", "aliases")

FROM_1 = """
INSERT INTO files SELECT path, 0, size, mtime_ns, key, as_uri(path), title, artist, album, duration_s, tag_mood,
    folder_mood, NULL, NULL, problem, present, 1 FROM files_1
"""


def uri_of(path: bytes) -> str:
    """The `file://` URI of a path, in which any byte of it survives."""
    return "file://" + quote_from_bytes(path)


def prepared(db: sqlite3.Connection) -> sqlite3.Connection:
    """With the tables of this format. Format 1 is taken over; one that nobody knows is a `sqlite3.DatabaseError`, so
    that the file is moved aside and not overwritten: the words of people are in it."""
    try:
        db.execute(
            "PRAGMA journal_mode = WAL"
        )  # who reads never waits for who writes: `affetto scan` and the conductor
        db.execute("PRAGMA synchronous = FULL")  # what people said survives a power cut
        (found,) = db.execute("PRAGMA user_version").fetchone()
        if found > FORMAT:
            raise sqlite3.DatabaseError(f"format {found} of a newer program")
        if found < FORMAT:
            with db:
                db.execute("BEGIN IMMEDIATE")
                _bring_into_form(db, found)
    except BaseException:
        db.close()
        raise
    return db


def _bring_into_form(db: sqlite3.Connection, found: int) -> None:
    """From format 1, files are read anew for what it did not keep; titles and moods are there until that is done."""
    old = found == 1 and bool(db.execute("SELECT 1 FROM sqlite_master WHERE name = 'files'").fetchone())
    if old:
        db.execute("ALTER TABLE files RENAME TO files_1")
    for name in NAMES:
        db.execute(f"DROP TABLE IF EXISTS {name}")
    for statement in TABLES:
        db.execute(statement)
    db.execute("INSERT INTO places VALUES (0, x'', 1)")
    if old:
        db.create_function("as_uri", 1, uri_of, deterministic=True)
        db.execute(FROM_1)
        db.execute("DROP TABLE files_1")
    db.execute(f"PRAGMA user_version = {FORMAT}")


def is_damage(error: sqlite3.Error) -> bool:
    """Whether the file itself is no good, as opposed to the disk, the rights, or another program that holds it."""
    return not isinstance(error, sqlite3.OperationalError) or "decode" in str(error)


def move_aside(path: Path, why: str) -> str:
    """Renames the file, with its journal; the sentence that says so. Raises OSError."""
    number = 1
    while (aside := path.with_name(f"{path.name}.broken-{number}")).exists():
        number += 1
    os.rename(path, aside)
    for suffix in ("-journal", "-wal", "-shm"):
        journal = path.with_name(f"{path.name}{suffix}")
        if journal.exists():  # SQLite would apply it to the new file
            journal.rename(aside.with_name(f"{aside.name}{suffix}"))
    return f"{path} cannot be used ({why}): it was moved to {aside.name} and is made anew"
