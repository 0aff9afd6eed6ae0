"""The entries of one folder that may be music, in the order of their paths. Reads the folder, opens no file."""

from __future__ import annotations

import fnmatch
import glob
import os
from collections.abc import Collection, Iterable, Iterator
from enum import Enum
from pathlib import Path

from device.music.library import steps
from device.music.library.files import formats
from device.music.library.files.ignored import MARK, Ignored


class Entry(Enum):
    """What an entry of a folder is."""

    FILE = 1
    FOLDER = 2
    LINK = 3


def expand(folder: Path, skip: Collection[bytes] = ()) -> list[bytes]:
    """The absolute folders that an entry of `music.folders` means: `*` in it stands for any name that is there now, as
    in /media/*/*. An entry without `*` means itself, there or not. Folders in `skip` and all below count as absent;
    nothing looks into them."""
    top = os.path.abspath(os.fsencode(folder))
    found = [b"/"]
    for name in top.strip(b"/").split(b"/"):
        found = [path for above in found for path in _named(above, name) if path not in skip]
    return sorted(path for path in found if os.path.isdir(path)) if b"*" in top else found


def _named(folder: bytes, name: bytes) -> list[bytes]:
    """The paths in a folder that a name means, which may hold `*`."""
    if b"*" not in name:
        return [os.path.join(folder, name)]
    try:
        names = fnmatch.filter(os.listdir(folder), glob.escape(name).replace(b"[*]", b"*"))
    except OSError:
        return []
    return [os.path.join(folder, one) for one in names if not one.startswith(b".")]


def list_folder(folder: bytes, ignored: Ignored) -> Iterator[tuple[Entry, bytes]]:
    """What each name in the folder is, and the name. Hidden and ignored names are left out, and all names of a folder
    with .nomedia. Reads the folder at once. Raises OSError."""
    with os.scandir(folder) as listing:
        wanted = list(_wanted(listing, ignored))
    return steps.sort(wanted, key=_place)


def _wanted(listing: Iterable[os.DirEntry[bytes]], ignored: Ignored) -> Iterator[tuple[Entry, bytes]]:
    found = list(listing)
    if all(entry.name != MARK for entry in found):
        for entry in found:
            if not formats.is_hidden(entry.name) and not ignored.name(entry.name):
                yield _kind(entry), entry.name


def _kind(entry: os.DirEntry[bytes]) -> Entry:
    try:
        if entry.is_symlink():
            return Entry.LINK
        return Entry.FOLDER if entry.is_dir(follow_symlinks=False) else Entry.FILE
    except OSError:  # some file systems have to look at the file for that, and cannot
        return Entry.FILE


def _place(entry: tuple[Entry, bytes]) -> bytes:
    """What sorts like the path of the entry, or of the files below."""
    return entry[1] + b"/" if entry[0] is Entry.FOLDER else entry[1]
