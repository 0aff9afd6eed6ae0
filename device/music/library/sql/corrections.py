"""Reads which moods people set by hand, for a backup. Any thread, any process; opens the database for a moment."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

from device.errors import LibraryError
from device.music.library.sql.catalogue_file import NAME


def read_corrections(data_dir: Path) -> dict[str, str]:
    """The mood of each corrected track, by its key. Raises LibraryError."""
    path = data_dir / NAME
    if not path.exists():
        return {}
    try:
        with contextlib.closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=2.0)) as db:
            return dict(db.execute("SELECT key, mood FROM user_moods"))
    except sqlite3.Error as error:
        raise LibraryError(f"{path} cannot be read ({error})") from error
