"""Finds music files in folders, and names their content. Any thread; reads folders and files, writes nothing.

Paths are bytes, as the kernel has them: a name that is no UTF-8 is still a name.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

SUFFIXES = frozenset(b".mp3 .flac .ogg .oga .opus .m4a .aac .wav .wave .aif .aiff .aifc .wma".split())
ENDS = 64 * 1024  # bytes at either end of a file that its key is made of


@dataclass(frozen=True, slots=True)
class Found:
    """A file that may be music. `folders` are the names from the music folder, included, down to the file's own."""

    path: bytes
    folders: tuple[bytes, ...]
    size: int
    mtime_ns: int


@dataclass(slots=True)
class Search:
    """One walk through the music folders. Links are followed, but no folder is entered twice: links may form loops."""

    problems: list[str] = field(default_factory=list)
    _entered: set[tuple[int, int]] = field(default_factory=set)

    def files(self, folders: Iterable[Path]) -> list[Found]:
        """Everything that is named like music, each path once, sorted by path."""
        found: dict[bytes, Found] = {}
        for folder in folders:
            top = os.path.abspath(os.fsencode(folder))
            if os.path.isdir(top):
                found.update((file.path, file) for file in self._walk(top))
            else:
                self.problems.append(
                    f"{_shown(top)} is no folder that can be read: plug its disk in, or correct music.folders"
                )
        return [found[path] for path in sorted(found)]

    def _walk(self, top: bytes) -> Iterator[Found]:
        waiting: list[tuple[bytes, tuple[bytes, ...]]] = [(top, (os.path.basename(top),))]
        while waiting:
            folder, names = waiting.pop()
            for name, status in self._entries(folder):
                path = os.path.join(folder, name)
                if stat.S_ISDIR(status.st_mode):
                    waiting.append((path, (*names, name)))
                elif stat.S_ISREG(status.st_mode) and os.path.splitext(name)[1].lower() in SUFFIXES:
                    yield Found(path, names, status.st_size, status.st_mtime_ns)

    def _entries(self, folder: bytes) -> Iterator[tuple[bytes, os.stat_result]]:
        """What a folder holds, without hidden files (macOS leaves "._song.mp3" everywhere) and dead links."""
        try:
            here = os.stat(folder)
            if (here.st_dev, here.st_ino) in self._entered:
                return
            self._entered.add((here.st_dev, here.st_ino))
            names = sorted(os.listdir(folder))
        except OSError as error:
            self.problems.append(f"{_shown(folder)} cannot be read: {(error.strerror or str(error)).lower()}")
            return
        for name in names:
            if not name.startswith(b"."):
                try:
                    yield name, os.stat(os.path.join(folder, name))
                except OSError:
                    continue  # a link to nothing, or gone since the listing


def key_of(path: bytes, size: int) -> str:
    """A name for the content of a file, the same wherever it is moved: a hash of its size and its two ends.

    The whole file would take minutes from a slow disk. Raises OSError.
    """
    digest = hashlib.blake2b(str(size).encode(), digest_size=16)
    with open(path, "rb") as file:
        digest.update(file.read(ENDS))
        if size > ENDS:
            file.seek(max(ENDS, size - ENDS))
            digest.update(file.read(ENDS))
    return digest.hexdigest()


def _shown(path: bytes) -> str:
    return path.decode("utf-8", "replace")
