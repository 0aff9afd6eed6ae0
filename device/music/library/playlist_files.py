"""Keeps the catalogue's playlists up to date with the files, and writes playlists. On the scanner's thread.

A playlist belongs to a music folder. Where none can be written (a USB drive mounted read-only, a system that protects
itself), it goes to the folder `playlists` beside the catalogue, which is looked at too.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from device.errors import LibraryError
from device.music.library import playlists
from device.music.library.files.formats import ending_of
from device.music.library.files.listing import expand
from device.music.library.sql.database import Database
from device.music.metadata.tags import clean
from device.music.uri import SCHEME, path_of

OWN = "playlists"  # folder beside the catalogue
MODE = 0o644


class FoundList(NamedTuple):
    """A playlist file, and the number of the root that it is on (0: none, it is always here)."""

    path: bytes
    root: int
    size: int
    mtime_ns: int


class PlaylistFiles:
    """Belongs to the thread of its database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._own = os.fsencode(database.folder / OWN)

    def update(self, found: Iterable[FoundList], here: set[int]) -> bool:
        """Bring the catalogue up to date with these files and our own; `here` are the roots that are there. Returns
        whether anything changed. Raises LibraryError."""
        known = {path: (root, size, mtime_ns) for path, root, size, mtime_ns in self._database.known_playlists()}
        changed, seen = False, set[bytes]()
        for one in (*found, *self._own_files()):
            seen.add(one.path)
            if known.get(one.path) != (one.root, one.size, one.mtime_ns):
                changed = self._read(one) or changed
        gone = [path for path, (root, *_) in known.items() if path not in seen and root in {0, *here}]
        self._database.drop_playlists(gone)
        return changed or bool(gone)

    def write(self, name: str, uris: Sequence[str], folders: Sequence[Path]) -> None:
        """Write a playlist of these files and streams. One that has this name is replaced where it is. Raises
        LibraryError with a sentence."""
        if problem := playlists.name_problem(name):
            raise LibraryError(problem)
        strange = next((uri for uri in uris if not (uri.startswith(SCHEME) or playlists.is_address(uri))), None)
        if strange is not None:
            shown = clean(strange)[:80]
            raise LibraryError(f"{shown} is no address of a stream. Write one such as http://radio.example/live.")
        places = [os.path.dirname(path) for path in self._named(name)]
        places += [top for folder in folders for top in expand(folder) if os.path.isdir(top)]
        problem = ""
        for place in dict.fromkeys((*places, self._own)):
            old = next((path for path in self._named(name) if os.path.dirname(path) == place), None)
            path = old or os.path.join(place, os.fsencode(name) + b".m3u8")
            try:
                if place == self._own:
                    os.makedirs(place, exist_ok=True)
                self._replace(path, playlists.render(map(self._entry, uris), place))
            except OSError as error:
                problem = f"The playlist {name} cannot be written to {os.fsdecode(place)}: {error.strerror}."
                continue
            self._read(FoundList(path, self._root_of(path), 0, 0))
            return
        raise LibraryError(problem)

    def remove(self, name: str) -> None:
        """Delete the playlist with this name. Raises LibraryError with a sentence."""
        paths = self._named(name)
        if not paths:
            raise LibraryError(f"There is no playlist {name}.")
        try:
            os.unlink(paths[0])
        except FileNotFoundError:
            pass
        except OSError as error:
            raise LibraryError(f"The playlist {name} cannot be deleted: {error.strerror}.") from error
        self._database.drop_playlists(paths[:1])

    def _read(self, found: FoundList) -> bool:
        """Take over one file; whether it could be read."""
        try:
            with open(found.path, "rb") as file:
                content, status = file.read(playlists.LARGEST), os.fstat(file.fileno())
        except OSError:  # gone, or its disk is: the next scan knows
            return False
        lines = playlists.parse(content, os.path.dirname(found.path))
        rows = [(line.title, line.url, self._path(line)) for line in lines]
        facts = (found.path, found.root, playlists.name_of(found.path), status.st_size, status.st_mtime_ns)
        self._database.save_playlist(facts, rows)
        return True

    def _path(self, line: playlists.Line) -> bytes:
        """The first path that the catalogue knows; if none, the likeliest."""
        return next(filter(self._database.has_file, line.paths), line.paths[0] if line.paths else b"")

    def _own_files(self) -> list[FoundList]:
        found = []
        with contextlib.suppress(OSError), os.scandir(self._own) as listing:
            for entry in listing:
                if ending_of(entry.name) in playlists.ENDINGS and entry.is_file():
                    status = entry.stat()
                    found.append(FoundList(entry.path, 0, status.st_size, status.st_mtime_ns))
        return found

    def _named(self, name: str) -> list[bytes]:
        return [path for path, *_ in self._database.known_playlists() if playlists.name_of(path) == name]

    def _root_of(self, path: bytes) -> int:
        """The root that the file is on: the music folder that it is in, the longest one."""
        roots = sorted(self._database.roots().items(), key=lambda item: -len(item[0].folder))
        return next((number for root, (number, _) in roots if path.startswith(root.folder.rstrip(b"/") + b"/")), 0)

    def _entry(self, uri: str) -> tuple[str, bytes | str]:
        if not uri.startswith(SCHEME):
            return "", uri
        path = os.fsencode(path_of(uri))
        row = self._database.file(path)
        title = "" if row is None else f"{row.artist} - {row.title}" if row.artist else row.title
        return title, path

    def _replace(self, path: bytes, content: bytes) -> None:
        """Write the whole file or nothing. Raises OSError."""
        handle, temporary = tempfile.mkstemp(prefix=b".", suffix=b".tmp", dir=os.path.dirname(path))
        try:
            with open(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fchmod(file.fileno(), MODE)
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
