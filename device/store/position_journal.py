"""Where the music is, kept on disk every few seconds for the day the power fails, with as little wear as can be.

One thread at a time uses a `PositionJournal`; it touches `place.bin` in the data folder and nothing else. A database
would write several blocks and sync twice for each change. This is one file of a fixed size with two slots, each in a
block of its own, written in turn and in place. Each slot carries a number and a checksum: after a power cut in the
middle of a write, the slot before it counts. Writes go past the page cache (O_DIRECT), because then a disk gets the 512
bytes that changed and not the 4096 around them, and they are on the disk when they return (O_DSYNC).

What is left is the time of change, which ext4 puts into its journal: 12 KiB for each of its commits. With commits every
5 s, as ext4 comes, all that the program writes is some 7 MB an hour; the unit affetto-disk.service makes it commit less
often, and then it is 3 (tools/measure_wear.py).
"""

from __future__ import annotations

import errno
import mmap
import os
import zlib
from pathlib import Path

from device.errors import StateError

SLOT_BYTES = 4096  # so that no slot shares a block of the file system with the other
TEXT_BYTES = 512  # of it, what is used: a sector, which disks write whole or not at all
SLOTS = 2


class PositionJournal:
    """The open `place.bin`. `track_key` and `position_s` are what it says; empty and 0 if nothing usable."""

    def __init__(self, folder: Path) -> None:
        """Opens or makes it. Raises OSError."""
        self._path = folder / "place.bin"
        self._number, self.track_key, self.position_s = 0, "", 0.0
        self._prepare()
        self._sector = mmap.mmap(-1, TEXT_BYTES)  # O_DIRECT wants memory that is aligned as the disk is
        self._file: int | None = self._open(os.O_DIRECT)

    def _prepare(self) -> None:
        """Read what is there, and see to it that the file has all its blocks: filling a hole later writes much more."""
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            for slot in range(SLOTS):
                self._read(os.pread(file, TEXT_BYTES, slot * SLOT_BYTES))
            if os.fstat(file).st_size != SLOTS * SLOT_BYTES:
                os.pwrite(file, bytes(SLOTS * SLOT_BYTES), 0)
                os.truncate(file, SLOTS * SLOT_BYTES)
                os.fsync(file)
        finally:
            os.close(file)

    def _open(self, direct: int) -> int:
        """Some file systems do not know O_DIRECT."""
        try:
            return os.open(self._path, os.O_WRONLY | os.O_DSYNC | os.O_CLOEXEC | direct)
        except OSError as error:
            if error.errno != errno.EINVAL or not direct:
                raise
            return self._open(0)

    def write(self, track_key: str, position_s: float) -> None:
        """Makes it survive a power cut; it does when this returns. Raises StateError, and never again."""
        if self._file is None or (track_key, position_s) == (self.track_key, self.position_s):
            return
        self._number, self.track_key, self.position_s = self._number + 1, track_key, position_s
        body = f"{self._number} {position_s:.1f} {track_key}".encode()[: TEXT_BYTES - 16]
        text = b"%08x %s\n" % (zlib.crc32(body), body)
        self._sector[:] = text.ljust(TEXT_BYTES, b"\0")
        try:
            self._put(self._number % SLOTS * SLOT_BYTES)
        except OSError as error:
            self.close()
            raise StateError(
                f"{self._path} cannot be written ({error.strerror}); after a restart the song starts anew"
            ) from error

    def _put(self, offset: int) -> None:
        """Some know it, but not for so little as a sector: a disk of 4096-byte sectors for instance."""
        assert self._file is not None
        try:
            os.pwritev(self._file, [self._sector], offset)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            os.close(self._file)
            self._file = None
            self._file = self._open(0)
            os.pwritev(self._file, [self._sector], offset)

    def close(self) -> None:
        """Calling it again does nothing."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _read(self, text: bytes) -> None:
        """Take the slot's word, if it is whole and newer than what is known."""
        checksum, _, rest = text.rstrip(b"\0").removesuffix(b"\n").partition(b" ")
        try:
            if int(checksum, 16) != zlib.crc32(rest):
                return
            number, position_s, track_key = rest.decode().split(" ", 2)
            if int(number) > self._number:
                self._number, self.track_key, self.position_s = int(number), track_key, float(position_s)
        except ValueError:
            return
