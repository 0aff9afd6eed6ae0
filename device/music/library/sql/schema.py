"""The schema of catalogue.db: its tables, the upgrade from older formats, and the renaming of a damaged file.

Used by database.py alone, on its thread.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from device.music.library.sql import playlist_queries, search_schema
from device.music.uri import uri_of

FORMAT = 7

DOUBTFUL = "CREATE INDEX doubtful_analyses ON analyses (key) WHERE doubt != ''"

# SQLite checks the types (STRICT), so that what is read can be believed. `uri` is made from `path`, and kept because
# quoting 100,000 paths takes most of the second that a start may take.
TABLES = (
    """CREATE TABLE files (
    path BLOB PRIMARY KEY, root INTEGER NOT NULL, links INTEGER NOT NULL, size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL, ctime_ns INTEGER NOT NULL, key TEXT NOT NULL, uri TEXT NOT NULL, title TEXT NOT NULL,
    artist TEXT NOT NULL, album TEXT NOT NULL, duration_s REAL NOT NULL, tag_mood TEXT, folder_mood TEXT, gain_db REAL,
    peak REAL, problem TEXT NOT NULL, is_music INTEGER NOT NULL, present INTEGER NOT NULL, legacy_key INTEGER NOT NULL,
    album_artist TEXT NOT NULL DEFAULT '', genre TEXT NOT NULL DEFAULT '', number INTEGER NOT NULL DEFAULT 0,
    rating REAL
) STRICT, WITHOUT ROWID""",
    "CREATE INDEX files_by_key ON files (key, present, root)",
    "CREATE INDEX bad_files ON files (path) WHERE problem != ''",
    """CREATE TABLE roots (
    id INTEGER PRIMARY KEY, folder BLOB NOT NULL, mount BLOB NOT NULL, present INTEGER NOT NULL, UNIQUE (folder, mount)
) STRICT""",
    """CREATE TABLE analyses (
    key TEXT PRIMARY KEY, model TEXT NOT NULL, problem TEXT NOT NULL, valence REAL NOT NULL, arousal REAL NOT NULL,
    uncertainty REAL NOT NULL, tempo_bpm REAL NOT NULL, features BLOB NOT NULL, loudness_lufs REAL,
    moved_valence REAL, moved_arousal REAL, doubt TEXT NOT NULL DEFAULT ''
) STRICT, WITHOUT ROWID""",
    "CREATE INDEX failed_analyses ON analyses (key) WHERE problem != ''",
    DOUBTFUL,
    "CREATE TABLE user_moods (key TEXT PRIMARY KEY, mood TEXT NOT NULL) STRICT, WITHOUT ROWID",
    "CREATE TABLE aliases (alias TEXT PRIMARY KEY, key TEXT NOT NULL) STRICT, WITHOUT ROWID",
    "INSERT INTO roots VALUES (0, x'', x'', 1)",
)

# Format 1 knew files alone, and other keys. Titles and moods are there until all files are read again.
FROM_1 = (
    """INSERT INTO files SELECT path, 0, 0, size, mtime_ns, 0, key, as_uri(path), title, artist, album, duration_s,
    tag_mood, folder_mood, NULL, NULL, problem, 1, present, 1, '', '', 0, NULL FROM files_old""",
    "DROP TABLE files_old",
)
OUTDATED_CTIME_NS = 1
"""Of files that a scan must read again, although they did not change. No file is so old."""

# Format 2 called roots places, analyses sounds and users' moods words, and did not note links and ctime. The program
# that wrote it also knew less about lengths and gains.
FROM_2 = (
    f"""INSERT INTO files SELECT path, place, 0, size, mtime_ns, {OUTDATED_CTIME_NS}, key, uri, title, artist, album,
    duration_s, tag_mood, folder_mood, gain_db, peak, problem, 1, present, former, '', '', 0, NULL FROM files_old""",
    "INSERT OR IGNORE INTO roots SELECT id, top, top, present FROM places",
    "INSERT INTO analyses SELECT *, NULL, NULL, '' FROM sounds",
    "INSERT INTO user_moods SELECT * FROM words",
    "INSERT INTO aliases SELECT * FROM aliases_old",
    "DROP TABLE files_old",
    "DROP TABLE aliases_old",
    "DROP TABLE places",
    "DROP TABLE sounds",
    "DROP TABLE words",
)

# Format 3 knew less of the tags, and could not search.
FROM_3 = (
    "ALTER TABLE files ADD COLUMN album_artist TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE files ADD COLUMN genre TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE files ADD COLUMN number INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE files ADD COLUMN rating REAL",
    f"UPDATE files SET ctime_ns = {OUTDATED_CTIME_NS} WHERE is_music AND problem = ''",
)

# Format 5 did not know where people's corrections move a track; `library/relatives.py` fills these columns.
FROM_5 = (
    "ALTER TABLE analyses ADD COLUMN moved_valence REAL",
    "ALTER TABLE analyses ADD COLUMN moved_arousal REAL",
)

# Format 6 did not note what is no music.
FROM_6 = ("ALTER TABLE analyses ADD COLUMN doubt TEXT NOT NULL DEFAULT ''", DOUBTFUL)
REPLACED = ("files_by_key", "bad_files")  # indexes of older formats whose names this one uses


def prepare(db: sqlite3.Connection) -> sqlite3.Connection:
    """Bring the file into this format, and return its connection.

    A format of a newer program raises `sqlite3.DatabaseError`, so that the caller sets the file aside and does not
    overwrite it: it holds what people said.
    """
    try:
        search_schema.add_functions(db)
        db.execute("PRAGMA journal_mode = WAL")  # `affetto scan` and the conductor can read while the other writes
        db.execute("PRAGMA synchronous = FULL")  # what people said survives a power cut
        (found,) = db.execute("PRAGMA user_version").fetchone()
        if found > FORMAT:
            raise sqlite3.DatabaseError(f"format {found} of a newer version of Affetto")
        if found < FORMAT:
            with db:
                db.execute("BEGIN IMMEDIATE")
                _upgrade(db)
    except BaseException:
        db.close()
        raise
    return db


def _upgrade(db: sqlite3.Connection) -> None:
    """Create the tables, and take over what an older format holds. Another program may have done it just now."""
    (found,) = db.execute("PRAGMA user_version").fetchone()
    if found == FORMAT:
        return
    if found < 4:
        for statement in (*(FROM_3 if found == 3 else _renew(db, found)), *search_schema.TABLES):
            db.execute(statement)
    for statement in playlist_queries.TABLES if found < 5 else ():
        db.execute(statement)
    for statement in (*(FROM_5 if found < 6 else ()), *FROM_6) if found >= 3 else ():
        db.execute(statement)
    db.execute(f"PRAGMA user_version = {FORMAT}")


def _renew(db: sqlite3.Connection, found: int) -> tuple[str, ...]:
    """Make room for this format's tables; returns the statements that create and fill them."""
    before = {str(name) for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    takes_over = FROM_1 if found == 1 and "files" in before else FROM_2 if found == 2 else ()
    for name in REPLACED:
        db.execute(f"DROP INDEX IF EXISTS {name}")
    for name in before & {"files", "aliases"}:
        db.execute(f"ALTER TABLE {name} RENAME TO {name}_old" if takes_over else f"DROP TABLE {name}")
    db.create_function("as_uri", 1, uri_of, deterministic=True)
    return (*TABLES, *takes_over)


def is_damaged(error: sqlite3.Error) -> bool:
    """Whether the file itself is no good, as opposed to the disk, the permissions, another program that holds the file,
    or a defect of ours."""
    return type(error) is sqlite3.DatabaseError or (
        isinstance(error, sqlite3.OperationalError) and ("decode" in str(error) or "no such" in str(error))
    )


def move_aside(path: Path, why: str) -> str:
    """Rename the file, with its journal. Returns the sentence that says so. Raises OSError."""
    number = 1
    while (aside := path.with_name(f"{path.name}.broken-{number}")).exists():
        number += 1
    os.rename(path, aside)
    for suffix in ("-journal", "-wal", "-shm"):
        journal = path.with_name(f"{path.name}{suffix}")
        if journal.exists():  # SQLite would apply it to the new file
            journal.rename(aside.with_name(f"{aside.name}{suffix}"))
    return f"{path} could not be used ({why}); Affetto renamed it to {aside.name} and created a new one."
