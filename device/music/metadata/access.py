"""Opens a file of unknown origin, reads pieces of it, and finds where the tags around its content begin and end.

Reads only the file it is given, any thread. Layouts: id3.org (ID3v2.4 structure), hydrogenaud.io (APEv2).
"""

from __future__ import annotations

import errno
import io
import os
import stat
from pathlib import Path
from typing import Any, BinaryIO

from device.errors import LibraryError
from device.music.metadata.tags import shown

MOST_TAGS = 16  # ID3v2 tags one after the other; damaged files may have endless ones


class Anonymous(io.BufferedReader):
    """A file without a name, because mutagen and FFmpeg would believe it: somebody may call a FLAC file song.mp3."""

    name = ""


def open_file(path: Path) -> BinaryIO:
    """Open a regular file without waiting: a FIFO that nobody writes to must not hang the process.

    Raises LibraryError if it is no file or empty, OSError (of the same kind, with a sentence) if it cannot be read.
    """
    try:
        number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        found = os.fstat(number)
    except OSError as error:
        raise type(error)(f"{shown(path)} cannot be read: {(error.strerror or str(error)).lower()}") from error
    if not stat.S_ISREG(found.st_mode) or found.st_size == 0:
        os.close(number)
        raise LibraryError(f"{shown(path)} is {'empty' if stat.S_ISREG(found.st_mode) else 'not a file'}")
    return Anonymous(io.FileIO(number))


class Pieces:
    """Pieces of an open file by their offset from `start`; beyond the end there is nothing, which is no error."""

    def __init__(self, descriptor: int, start: int = 0) -> None:
        self._descriptor, self._start = descriptor, start
        self.size = os.fstat(descriptor).st_size - start

    def at(self, offset: int, count: int) -> bytes:
        """`count` bytes from `offset`, fewer at the end. Raises OSError."""
        return os.pread(self._descriptor, max(0, count), self._start + offset) if offset >= 0 else b""

    def number(self, offset: int, count: int, order: str = "big") -> int:
        """The unsigned number of `count` bytes at `offset`. Raises OSError."""
        return int.from_bytes(self.at(offset, count), "little" if order == "little" else "big")


class _Rest(io.RawIOBase):
    """What follows a place in a file, as a file of its own."""

    def __init__(self, pieces: Pieces) -> None:
        super().__init__()
        self._pieces, self._offset = pieces, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        offset += {os.SEEK_SET: 0, os.SEEK_CUR: self._offset, os.SEEK_END: self._pieces.size}[whence]
        if offset < 0:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        self._offset = offset
        return offset

    def readinto(self, buffer: Any) -> int:
        data = self._pieces.at(self._offset, len(buffer))
        buffer[: len(data)] = data
        self._offset += len(data)
        return len(data)


def content_of(file: BinaryIO) -> Pieces:
    """What follows the ID3v2 tags before the file, which players skip in every format. Raises OSError."""
    return Pieces(file.fileno(), after_id3(Pieces(file.fileno())))


def as_file(pieces: Pieces) -> BinaryIO:
    """These pieces as a file of their own."""
    return Anonymous(_Rest(pieces))


def after_id3(file: Pieces) -> int:
    """Where the ID3v2 tags at the beginning end; sometimes there are several."""
    offset = 0
    for _ in range(MOST_TAGS):
        head = file.at(offset, 10)
        if len(head) < 10 or head[:3] != b"ID3" or max(head[6:10]) > 127:
            break
        length = head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]
        offset += 10 + length + (10 if head[5] & 0x10 else 0)
    return offset if offset < file.size else 0


def before_tags(file: Pieces) -> int:
    """Where the tags at the end begin: ID3v1, APEv2, or one before the other."""
    end = file.size
    for _ in range(4):
        footer = file.at(end - 32, 32)
        if file.at(end - 128, 3) == b"TAG":
            end -= 128
        elif footer.startswith(b"APETAGEX"):
            has_header = footer[23] & 0x80
            end -= int.from_bytes(footer[12:16], "little") + (32 if has_header else 0)
        else:
            break
    return end if end > 0 else file.size
