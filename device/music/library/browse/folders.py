"""The folders of the library, from the paths of its files: one seek in the database for each folder, nothing stored."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from device.domain.library import Folder
from device.music.metadata.tags import shown
from device.music.uri import path_of, uri_of

NEXT = """
SELECT path FROM files JOIN roots ON roots.id = files.root AND roots.present
WHERE path > ? AND path < ? AND files.present AND problem = '' AND is_music ORDER BY path LIMIT 1
"""
TOPS = "SELECT DISTINCT folder FROM roots WHERE id AND present ORDER BY folder"
AFTER = b"0"  # the byte that follows "/"


def inside(db: sqlite3.Connection, uri: str) -> tuple[Folder, ...]:
    """The folders directly inside the one at `uri`, or the music folders."""
    if uri:
        top = os.fsencode(path_of(uri)).rstrip(b"/")
        return tuple(folder_of(path, os.path.basename(path)) for path in _children(db, top))
    tops = [bytes(folder) for (folder,) in db.execute(TOPS)]
    return tuple(folder_of(top, top) for top in tops if _first(db, top + b"/", top + AFTER) is not None)


def folder_of(path: bytes, name: bytes) -> Folder:
    """A folder under this name."""
    return Folder(uri_of(path), shown(Path(os.fsdecode(name))))


def _children(db: sqlite3.Connection, top: bytes) -> Iterator[bytes]:
    """Folders inside `top` that hold music somewhere, in the order of their paths."""
    low, high = top + b"/", top + AFTER
    while (path := _first(db, low, high)) is not None:
        name, slash, _ = path[len(top) + 1 :].partition(b"/")
        child = top + b"/" + name
        if slash:
            yield child
        low = child + AFTER if slash else path


def _first(db: sqlite3.Connection, low: bytes, high: bytes) -> bytes | None:
    """The first file between two paths."""
    row = db.execute(NEXT, (low, high)).fetchone()
    return None if row is None else bytes(row[0])
