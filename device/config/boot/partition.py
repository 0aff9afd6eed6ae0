"""Files that a power cut leaves whole: replaced by a new one, or overwritten where they lie. `affetto boot` only.

Replacing is for folders that keep a journal. Overwriting is for the boot partition: it needs no room, and leaves
nothing of what was there before (as far as a flash card lets anybody say that). What overwriting may tear is written
down beforehand in a folder with a journal, so that the next start can end it.
"""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path

LARGEST = 65_536  # bytes; nobody writes so many settings


def read(path: Path) -> bytes:
    """At most `LARGEST` bytes of it, and one more if there are more. Raises OSError."""
    with path.open("rb") as file:
        return file.read(LARGEST + 1)


def replace(path: Path, content: bytes, mode: int | None = None) -> bool:
    """Make the file hold `content`, now or, after a power cut, not at all; whether it did not hold it already. Raises
    OSError, and then nothing has changed."""
    with contextlib.suppress(OSError):
        if path.read_bytes() == content and mode in (None, path.stat().st_mode & 0o777):
            return False
    part = path.with_name(f"{path.name}.part")
    try:
        part.unlink(missing_ok=True)  # of an earlier power cut, and perhaps readable by others
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
    """Make sure that there is no such file. Raises OSError."""
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """What was made, renamed and removed in it is so after a power cut, too."""
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def overwrite(path: Path, old: bytes, new: bytes, promise: Path) -> None:
    """Put `new` over `old`, which is as long, without moving the file. `promise` is a file in a folder with a journal
    that says so meanwhile, for nobody else to read. Raises OSError, and then nothing has changed."""
    with open(os.open(path, os.O_RDWR | os.O_CLOEXEC), "r+b", buffering=0) as file:  # first: it may be read-only
        replace(promise, json.dumps([str(path), old.hex(), new.hex()]).encode(), 0o600)
        os.pwrite(file.fileno(), new, 0)
        os.fsync(file.fileno())
    remove(promise)


def keep_promise(promise: Path) -> None:
    """End what a power cut ended in the middle: if the file is neither as it was nor as it should be but a mixture of
    both, byte by byte, nobody but us has written it. Raises OSError."""
    if not promise.exists():
        return
    name, old, new = json.loads(promise.read_bytes())
    path, before, after = Path(name), bytes.fromhex(old), bytes.fromhex(new)
    now = read(path)
    if len(now) == len(after) and now != before and all(map(_is_one_of, now, before, after)):
        with open(os.open(path, os.O_RDWR | os.O_CLOEXEC), "r+b", buffering=0) as file:
            os.pwrite(file.fileno(), after, 0)
            os.fsync(file.fileno())
    remove(promise)


def _is_one_of(byte: int, before: int, after: int) -> bool:
    return byte in (before, after)
