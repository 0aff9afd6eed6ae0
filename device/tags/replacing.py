"""Replaces a file by an edited copy, so that at every moment one of the two is there as a whole.

The copy lies beside the file under a hidden name, so no scan takes it for music. It gets the file's owner, mode, times
and extended attributes. Who has the old file open, such as the player, goes on reading that.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

from device.errors import LibraryError
from device.music.metadata.tags import shown

COPY = ".affetto-tags-"
PIECE = 1 << 20
STEPS = ("copied", "edited", "attributes", "synced", "noted", "renamed")
"""What has been done when `reached` is called; a power cut may come after each."""


def replace_file(
    path: Path,
    edit: Callable[[Path], object],
    note: Callable[[], object],
    reached: Callable[[str], object] = lambda step: None,
) -> os.stat_result:
    """Let `edit` change a copy of the file, call `note`, and put the copy in the file's place. Returns what the file is
    now. Raises LibraryError if that cannot be done without harm, OSError for the disk, and whatever `edit` raises; then
    the file is as it was."""
    before = _examined(path)
    copy = path.with_name(f"{COPY}{os.getpid()}")
    try:
        _copy(path, copy)
        reached("copied")
        edit(copy)
        reached("edited")
        os.chown(copy, before.st_uid, before.st_gid)
        shutil.copystat(path, copy)
        reached("attributes")
        _sync(copy)
        reached("synced")
        if _identity(os.lstat(path)) != _identity(before):
            raise LibraryError(f"{shown(path)} has just been changed by another program; run the command again later")
        note()
        reached("noted")
        os.replace(copy, path)
        reached("renamed")
        _sync(path.parent)
        return os.lstat(path)
    finally:
        copy.unlink(missing_ok=True)


def remove_leftovers(folder: Path) -> None:
    """Remove copies that a power cut left in this folder. Only while no other process edits tags."""
    with contextlib.suppress(OSError):
        for entry in os.scandir(folder):
            if entry.name.startswith(COPY) and entry.is_file(follow_symlinks=False):
                os.unlink(entry.path)


def _examined(path: Path) -> os.stat_result:
    status = os.lstat(path)
    if not stat.S_ISREG(status.st_mode):
        raise LibraryError(f"{shown(path)} is not a file")
    if status.st_nlink > 1:
        raise LibraryError(f"{shown(path)} has {status.st_nlink} names (hard links); a new file would separate them")
    if os.geteuid() not in (0, status.st_uid):
        raise LibraryError(f"{shown(path)} belongs to another user; run the command as that user or as root")
    if not status.st_mode & stat.S_IWUSR:
        raise LibraryError(f"{shown(path)} is write-protected")
    return status


def _identity(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _copy(path: Path, copy: Path) -> None:
    number = os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with open(path, "rb", buffering=0) as source, open(number, "wb", buffering=0) as target:
        shutil.copyfileobj(source, target, PIECE)


def _sync(path: Path) -> None:
    number = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(number)
    finally:
        os.close(number)
