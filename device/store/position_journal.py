"""The position in the music, stored every few seconds in case the power fails, with little wear of the disk.

One thread at a time uses a `PositionJournal`; it writes only `place.bin` in the data folder. A database would write
several blocks and sync twice for each change. This file has a fixed size and two slots, each in a block of its own,
which are overwritten in turn. Each slot carries a number and a checksum: if a power cut interrupts a write, the other
slot counts. Writes bypass the page cache (O_DIRECT), so that the disk gets only the 512 bytes that changed, and they
are on the disk when the call returns (O_DSYNC).

Each write also changes the file's modification time, and ext4 then writes 12 KiB at each commit of its journal. With
ext4's default of a commit every 5 s, the program writes some 7 MB an hour; with the longer interval of
affetto-disk.service it is 3 (tools/measure_wear.py).
"""

from __future__ import annotations

import errno
import mmap
import os
import zlib
from pathlib import Path

from device.errors import StateError

SLOT_BYTES = 4096  # so that no slot shares a block of the file system with the other
TEXT_BYTES = 512  # the used part of a slot: one sector, which disks write whole or not at all
SLOTS = 2


class PositionJournal:
    """The open `place.bin`. `track_key` and `position_s` are its content; empty and 0 if unusable."""

    def __init__(self, folder: Path) -> None:
        """Open or create the file. Raises OSError."""
        self._path = folder / "place.bin"
        self._number, self.track_key, self.position_s = 0, "", 0.0
        self._prepare()
        self._sector = mmap.mmap(-1, TEXT_BYTES)  # O_DIRECT needs aligned memory
        self._file: int | None = self._open(os.O_DIRECT)

    def _prepare(self) -> None:
        """Read the file, and allocate all its blocks: filling a hole later would write much more."""
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
        """Open the file without O_DIRECT if the file system does not support it."""
        try:
            return os.open(self._path, os.O_WRONLY | os.O_DSYNC | os.O_CLOEXEC | direct)
        except OSError as error:
            if error.errno != errno.EINVAL or not direct:
                raise
            return self._open(0)

    def write(self, track_key: str, position_s: float) -> None:
        """Store the position; it is durable when this returns. Raises StateError once; later calls do nothing."""
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
                f"{self._path} cannot be written ({error.strerror}); after a restart the song starts from its beginning"
            ) from error

    def _put(self, offset: int) -> None:
        """Write one slot; without O_DIRECT if it does not work for one sector (on disks with 4096-byte sectors)."""
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
        """Close the file. Idempotent."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _read(self, text: bytes) -> None:
        """Use this slot if it is intact and newer than the other one."""
        checksum, _, rest = text.rstrip(b"\0").removesuffix(b"\n").partition(b" ")
        try:
            if int(checksum, 16) != zlib.crc32(rest):
                return
            number, position_s, track_key = rest.decode().split(" ", 2)
            if int(number) > self._number:
                self._number, self.track_key, self.position_s = int(number), track_key, float(position_s)
        except ValueError:
            return
