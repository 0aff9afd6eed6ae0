"""Looks into catalogue.db for surfaces: the implementation of `domain.library.Library`.

It has a read-only connection of its own, so it works in any process and never waits for the scanner (SQLite's WAL).
A lock lets one thread in at a time; every answer takes some milliseconds. While there is no database, or one of
another version, the answers are empty. Lists of names and points are kept until the database changes (kept.py,
names.py, points.py); single tracks and searches always come from the disk. After a change, a search does not wait for
the names of artists and albums: a thread reads them, while the letters are typed.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from device.domain import Track
from device.domain.affect import MoodName
from device.domain.library import (
    PAGE,
    Album,
    Artist,
    Entry,
    Folder,
    Hits,
    Listing,
    PlanePoints,
    Playlist,
    Selection,
)
from device.music.library.browse import folders, points
from device.music.library.browse.kept import Kept
from device.music.library.browse.names import Names, place
from device.music.library.fold import words_of
from device.music.library.sql import browse_queries, playlist_queries
from device.music.library.sql.catalogue_file import NAME
from device.music.library.sql.schema import FORMAT
from device.music.library.tracks import track_of
from device.music.uri import path_of, uri_of

WAIT_S = 1.0  # for another program that holds the whole file, which nobody does for long
FRESH_S = 10.0
MOST = 1000  # items of one answer

T = TypeVar("T")


class Browser:
    """See `Library`. Opens the database when it is needed; `close` ends that."""

    def __init__(self, data_dir: Path, fresh_s: float = FRESH_S) -> None:
        """`fresh_s`: while a scan writes, names and points may be this old."""
        self._path = data_dir / NAME
        self._lock = threading.Lock()
        self._db: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None  # device and inode of the open file
        self._names = Kept(Names.read, fresh_s, self._connect)
        self._points = Kept(points.read, fresh_s)

    def close(self) -> None:
        """Close the database; idempotent. A later question opens it again."""
        with self._lock:
            self._close()

    def warm(self) -> Browser:
        """Begin to read the names of artists and albums, so that the first search does not wait for them."""
        self._ask(self._names.warm, None)
        return self

    # --- Library ---

    def search(self, words: str, limit: int = PAGE) -> Hits:
        """See `Library`."""
        found, limit = words_of(words), min(limit, MOST)
        if not found or limit <= 0:
            return Hits()

        def ask(db: sqlite3.Connection) -> Hits:
            names = self._names.soon(db)
            tracks: dict[str, Track] = {}
            for match in browse_queries.matches(found):
                if len(tracks) < limit:
                    rows = db.execute(browse_queries.SEARCH, (match, limit + len(tracks)))
                    tracks |= {track.key: track for track in _tracks(rows) if track.key not in tracks}
            return Hits(
                names.find_artists(found, limit), names.find_albums(found, limit), tuple(tracks.values())[:limit]
            )

        return self._ask(ask, Hits())

    def artists(self, offset: int = 0, limit: int = PAGE) -> Listing[Artist]:
        """See `Library`."""
        return self._ask(lambda db: _part(self._names(db).artists, offset, limit), Listing())

    def albums(self, artist: str | None = None, offset: int = 0, limit: int = PAGE) -> Listing[Album]:
        """See `Library`."""

        def ask(db: sqlite3.Connection) -> Listing[Album]:
            names = self._names(db)
            return _part(names.albums if artist is None else names.albums_with(artist), offset, limit)

        return self._ask(ask, Listing())

    def moods(self) -> dict[MoodName, int]:
        """See `Library`."""
        return points.count_moods(self.points())

    def folders(self, uri: str = "") -> tuple[Folder, ...]:
        """See `Library`."""
        return self._ask(lambda db: folders.inside(db, uri), ())

    def playlists(self) -> tuple[Playlist, ...]:
        """See `Library`."""

        def ask(db: sqlite3.Connection) -> tuple[Playlist, ...]:
            found = [Playlist(uri_of(path), name, count) for path, name, count in db.execute(playlist_queries.LIST)]
            return tuple(sorted(found, key=lambda one: place(one.name)))

        return self._ask(ask, ())

    def entries(self, playlist: str) -> tuple[Entry, ...]:
        """See `Library`."""

        def ask(db: sqlite3.Connection) -> tuple[Entry, ...]:
            rows = db.execute(playlist_queries.OF_ONE, (os.fsencode(path_of(playlist)),)).fetchall()
            return tuple(
                Entry(url or uri_of(path), title, _by_key(db, key) if key else None)
                for _, _, title, url, path, key in rows
            )

        return self._ask(ask, ())

    def tracks(self, selection: Selection, offset: int = 0, limit: int = PAGE) -> Listing[Track]:
        """See `Library`."""
        limit, offset = max(0, min(limit, MOST)), max(0, offset)
        if selection.playlist is not None:
            tracks = [entry.track for entry in self.entries(selection.playlist) if entry.track is not None]
            return Listing(tuple(tracks[offset : offset + limit]), len(tracks))

        def ask(db: sqlite3.Connection) -> Listing[Track]:
            if selection.mood is not None or browse_queries.is_plain(selection):
                numbers = points.with_mood(self._points(db), selection.mood)
                numbers = browse_queries.narrow(db, numbers, selection)
                shown = numbers[offset : offset + limit]
                return Listing(tuple(_in_order(db, shown)), len(numbers))
            where, order, values = browse_queries.selected(selection)
            (total,) = db.execute(browse_queries.COUNT.format(where=where), values).fetchone()
            rows = db.execute(browse_queries.LIST.format(where=where, order=order), (*values, limit, offset))
            return Listing(_tracks(rows), total)

        return self._ask(ask, Listing())

    def track(self, key: str) -> Track | None:
        """See `Library`."""
        return self._one("files.key = ?", key)

    def track_at(self, uri: str) -> Track | None:
        """See `Library`."""
        return self._one("files.path = ?", os.fsencode(path_of(uri)))

    def numbered(self, number: int) -> Track | None:
        """See `Library`."""
        return self._one("files.path = (SELECT path FROM entries WHERE id = ?)", number)

    def points(self) -> PlanePoints:
        """See `Library`."""
        return self._ask(self._points, PlanePoints())

    # --- The database ---

    def _one(self, where: str, value: object) -> Track | None:
        def ask(db: sqlite3.Connection) -> Track | None:
            rows = db.execute(browse_queries.LIST.format(where=where, order="links, path"), (value, 1, 0))
            return next(iter(_tracks(rows)), None)

        return self._ask(ask, None)

    def _ask(self, question: Callable[[sqlite3.Connection], T], nothing: T) -> T:
        """The answer; `nothing` while the database cannot be read. Whatever is wrong with it, the scanner reports."""
        with self._lock:
            try:
                db = self._opened()
                return nothing if db is None else question(db)
            except (sqlite3.DatabaseError, OSError, KeyError, TypeError, ValueError):
                self._close()
                return nothing

    def _opened(self) -> sqlite3.Connection | None:
        """The connection to the file that has the name now: a damaged one may have been replaced."""
        try:
            status = os.stat(self._path)
        except OSError:
            self._close()
            return None
        if self._file != (status.st_dev, status.st_ino):
            self._close()
            self._db = self._connect()
            self._file = status.st_dev, status.st_ino
        if self._db is not None and self._db.execute("PRAGMA user_version").fetchone()[0] != FORMAT:
            self._close()
        return self._db

    def _connect(self) -> sqlite3.Connection:
        """Raises sqlite3.Error."""
        address = f"file:{quote(os.fsencode(self._path))}?mode=ro"
        return sqlite3.connect(address, uri=True, timeout=WAIT_S, check_same_thread=False, isolation_level=None)

    def _close(self) -> None:
        if self._db is not None:
            with contextlib.suppress(sqlite3.Error):
                self._db.close()
        self._db = self._file = None
        self._names.forget()
        self._points.forget()


def _tracks(rows: Iterable[tuple[Any, ...]]) -> tuple[Track, ...]:
    names: dict[str, str] = {}
    return tuple(track_of(row, names) for row in rows)


def _by_key(db: sqlite3.Connection, key: str) -> Track | None:
    rows = db.execute(browse_queries.LIST.format(where="files.key = ?", order="links, path"), (key, 1, 0))
    return next(iter(_tracks(rows)), None)


def _in_order(db: sqlite3.Connection, numbers: Sequence[int]) -> Iterable[Track]:
    """The tracks with these numbers, in their order."""
    where = "files.path = (SELECT path FROM entries WHERE id = ?)"
    for number in numbers:
        yield from _tracks(db.execute(browse_queries.LIST.format(where=where, order="path"), (number, 1, 0)))


def _part(items: Sequence[T], offset: int, limit: int) -> Listing[T]:
    offset, limit = max(0, offset), max(0, min(limit, MOST))
    return Listing(tuple(items[offset : offset + limit]), len(items))
