"""Finds music files in folders. Any thread; reads folders, opens no file, writes nothing.

Paths are bytes, as the kernel has them: a name that is no UTF-8 is still a name. A *place* is what comes and goes as a
whole: a music folder (its path ends with a slash then), or a drive that is mounted there or below.
"""

from __future__ import annotations

import glob
import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

SUFFIXES = frozenset(b".mp3 .flac .ogg .oga .opus .m4a .aac .wav .wave .aif .aiff .aifc .wma".split())
ENDS = 64 * 1024  # bytes at either end of a file that its former key is made of


@dataclass(frozen=True, slots=True)
class Found:
    """A file that may be music. `folders` are the names from the music folder, included, down to the file's own."""

    path: bytes
    folders: tuple[bytes, ...]
    size: int
    mtime_ns: int
    place: bytes


def expand(folder: Path) -> list[bytes]:
    """The absolute folders that an entry of `music.folders` means: `*` in it stands for any name that is there now, as
    in /media/*/*. An entry without `*` means itself, there or not."""
    top = os.path.abspath(os.fsencode(folder))
    if b"*" not in top:
        return [top]
    pattern = glob.escape(top).replace(b"[*]", b"*")
    return sorted(path for path in glob.glob(pattern) if os.path.isdir(path))


@dataclass(slots=True)
class FolderWalk:
    """One walk through the music folders. Links are followed, but no folder is entered twice: links may form loops.

    `meanwhile` is called for each folder: others may want something of the thread, and walking a slow disk takes long.
    """

    problems: list[str] = field(default_factory=list)
    places: set[bytes] = field(default_factory=set)
    meanwhile: Callable[[], None] = lambda: None
    _entered: set[tuple[int, int]] = field(default_factory=set)

    def files(self, folders: Iterable[Path]) -> list[Found]:
        """Everything that is named like music, each path once, sorted by path."""
        found: dict[bytes, Found] = {}
        for folder in folders:
            for top in expand(folder):
                if os.path.isdir(top):
                    found.update((file.path, file) for file in self._walk(top))
                else:
                    self.problems.append(
                        f"{_shown(top)} is no folder that can be read: plug its disk in, or correct music.folders"
                    )
        return [found[path] for path in sorted(found)]

    def _walk(self, top: bytes) -> Iterator[Found]:
        place = top if os.path.ismount(top) else os.path.join(top, b"")
        waiting: list[tuple[bytes, tuple[bytes, ...], bytes, int]] = [(top, (os.path.basename(top),), place, -1)]
        while waiting:
            folder, names, place, drive = waiting.pop()
            self.meanwhile()
            here = self._enter(folder)
            if here is None:
                continue
            if drive not in (-1, here.st_dev):
                place = folder
            self.places.add(place)
            for name, status in self._entries(folder):
                path = os.path.join(folder, name)
                if stat.S_ISDIR(status.st_mode):
                    waiting.append((path, (*names, name), place, here.st_dev))
                elif stat.S_ISREG(status.st_mode) and os.path.splitext(name)[1].lower() in SUFFIXES:
                    yield Found(path, names, status.st_size, status.st_mtime_ns, place)

    def _enter(self, folder: bytes) -> os.stat_result | None:
        """None if it cannot be entered, or was already."""
        try:
            here = os.stat(folder)
        except OSError as error:
            self._cannot_read(folder, error)
            return None
        if (here.st_dev, here.st_ino) in self._entered:
            return None
        self._entered.add((here.st_dev, here.st_ino))
        return here

    def _entries(self, folder: bytes) -> Iterator[tuple[bytes, os.stat_result]]:
        """What a folder holds, without hidden files (macOS leaves "._song.mp3" everywhere) and dead links."""
        try:
            names = sorted(os.listdir(folder))
        except OSError as error:
            self._cannot_read(folder, error)
            return
        for name in names:
            if not name.startswith(b"."):
                try:
                    yield name, os.stat(os.path.join(folder, name))
                except OSError:
                    continue  # a link to nothing, or gone since the listing

    def _cannot_read(self, folder: bytes, error: OSError) -> None:
        self.problems.append(f"{_shown(folder)} cannot be read: {(error.strerror or str(error)).lower()}")


def former_key_of(path: bytes, size: int) -> str:
    """How format 1 of the catalogue named content, tags and all: to recognise what it remembered. Raises OSError."""
    digest = hashlib.blake2b(str(size).encode(), digest_size=16)
    with open(path, "rb") as file:
        digest.update(file.read(ENDS))
        if size > ENDS:
            file.seek(max(ENDS, size - ENDS))
            digest.update(file.read(ENDS))
    return digest.hexdigest()


def _shown(path: bytes) -> str:
    return path.decode("utf-8", "replace")
