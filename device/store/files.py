"""Opens SQLite files so that a damaged one never stops the program. Any thread; a connection has one at a time."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

DAMAGE = ("SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_ERROR")  # the last one means tables that are not ours


def connect(path: Path | str, schema: str, version: int, synchronous: str) -> sqlite3.Connection:
    """Open the file, check all of it and create the tables of `schema`. Raises `sqlite3.Error`."""
    database = sqlite3.connect(path, timeout=2.0, isolation_level=None, check_same_thread=False)
    try:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute(f"PRAGMA synchronous = {synchronous}")
        (verdict,) = database.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise damage(str(verdict))
        (found,) = database.execute("PRAGMA user_version").fetchone()
        if found > version:
            raise damage(f"format {found} of a newer version of Affetto")
        if found < version:
            database.executescript(f"BEGIN; {schema} PRAGMA user_version = {version}; COMMIT;")
    except BaseException:
        database.close()
        raise
    return database


def damage(message: str) -> sqlite3.DatabaseError:
    """An error like SQLite's own for a damaged file."""
    error = sqlite3.DatabaseError(message)
    error.sqlite_errorname = "SQLITE_CORRUPT"
    return error


def is_damage(error: sqlite3.Error) -> bool:
    """Whether the file itself is damaged, as opposed to a problem with the disk, permissions or another program."""
    return str(getattr(error, "sqlite_errorname", "")).startswith(DAMAGE)


def set_aside(path: Path) -> Path:
    """Rename the file and its log to `.damaged`, replacing earlier ones so that they do not pile up."""
    aside = path.with_name(path.name + ".damaged")
    for suffix in ("", "-wal", "-shm"):
        Path(f"{aside}{suffix}").unlink(missing_ok=True)
        if Path(f"{path}{suffix}").exists():
            os.replace(f"{path}{suffix}", f"{aside}{suffix}")
    return aside
