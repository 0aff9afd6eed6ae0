"""Files that a power cut leaves whole: replaced by a new one, or overwritten where they lie. `affetto boot` only.

Replacing suits a journalling file system. The boot partition is FAT, so its file is overwritten: that needs no free
space, and leaves nothing of the old content (as far as a flash card allows). A power cut may tear the write, so a
write-ahead log on a journalling file system holds both contents meanwhile, and the next start finishes the work.
"""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path

LARGEST = 65_536  # bytes; the template has 2,000


def read(path: Path) -> bytes:
    """The file, but at most `LARGEST` + 1 bytes of it. Raises OSError."""
    with path.open("rb") as file:
        return file.read(LARGEST + 1)


def replace(path: Path, content: bytes, mode: int | None = None) -> bool:
    """Make the file hold `content`; after a power cut it holds all of it or what it held before. Returns whether that
    changed anything. Raises OSError, and then nothing has changed."""
    with contextlib.suppress(OSError):
        if path.read_bytes() == content and mode in (None, path.stat().st_mode & 0o777):
            return False
    part = path.with_name(f"{path.name}.part")
    try:
        part.unlink(missing_ok=True)  # left by a power cut, and perhaps readable by others
        file = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666 if mode is None else 0o600)
        with open(file, "wb") as stream:
            stream.write(content)
            stream.flush()
            if mode is not None:
                os.fchmod(file, mode)
            os.fsync(file)
        os.replace(part, path)
    except OSError:
        with contextlib.suppress(OSError):
            part.unlink()
        raise
    sync_folder(path.parent)
    return True


def remove(path: Path) -> None:
    """Remove the file if it exists. Raises OSError."""
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make new names in the folder, renames and removals survive a power cut."""
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def overwrite(path: Path, old: bytes, new: bytes, wal: Path) -> None:
    """Write `new` over `old`, which is as long, without moving the file. `wal` is the write-ahead log, which only we
    can read. Raises OSError, and then nothing has changed."""
    with open(os.open(path, os.O_RDWR | os.O_CLOEXEC), "r+b", buffering=0) as file:  # first: it may be read-only
        replace(wal, json.dumps([str(path), old.hex(), new.hex()]).encode(), 0o600)
        os.pwrite(file.fileno(), new, 0)
        os.fsync(file.fileno())
    remove(wal)


def finish_overwrite(wal: Path) -> None:
    """Finish an overwrite that a power cut interrupted. A file that is a mixture of both contents, byte by byte, is
    ours to finish; anything else was written by somebody after us. Raises OSError."""
    if not wal.exists():
        return
    name, old, new = json.loads(wal.read_bytes())
    path, before, after = Path(name), bytes.fromhex(old), bytes.fromhex(new)
    now = read(path)
    if len(now) == len(after) and now != before and all(map(_is_one_of, now, before, after)):
        with open(os.open(path, os.O_RDWR | os.O_CLOEXEC), "r+b", buffering=0) as file:
            os.pwrite(file.fileno(), after, 0)
            os.fsync(file.fileno())
    remove(wal)


def _is_one_of(byte: int, before: int, after: int) -> bool:
    return byte in (before, after)
