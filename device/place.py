"""Where the music is, kept on disk every few seconds for the day the power fails, with as little wear as can be.

Only the main thread uses a `Place`; it touches `place.bin` in the data folder and nothing else. A database would write
several blocks and sync twice for each change. This is one file of a fixed size with two slots, each in a block of its
own, written in turn and in place. Each slot carries a number and a checksum, so that a write that the power cut broke
leaves the one before it. On ext4 a write costs 11 KiB all told (its own 4, and the journal's for the time of change),
so that one every `STEP_S` comes to less than 3 MB an hour; every 5 s would be 8.
"""

from __future__ import annotations

import os
import zlib
from pathlib import Path

from device.errors import StateError

SLOT_BYTES = 4096  # what a disk writes at least
TEXT_BYTES = 512  # of it, what is used
SLOTS = 2
STEP_S = 14.0  # a song that has gone on by less is not worth a write; the player tells every 5 s


class Place:
    """The open `place.bin`. `track_key` and `position_s` are what it says; empty and 0 if nothing usable."""

    def __init__(self, folder: Path) -> None:
        """Opens or makes it. Raises OSError."""
        self._path = folder / "place.bin"
        self._file: int | None = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        self._number, self.track_key, self.position_s = 0, "", 0.0
        for slot in range(SLOTS):
            self._read(os.pread(self._file, TEXT_BYTES, slot * SLOT_BYTES))
        if os.fstat(self._file).st_size != SLOTS * SLOT_BYTES:
            os.pwrite(self._file, bytes(SLOTS * SLOT_BYTES), 0)  # no holes: filling one later writes much more
            os.truncate(self._file, SLOTS * SLOT_BYTES)

    def write(self, track_key: str, position_s: float) -> None:
        """Makes it survive a power cut, unless that is known well enough. Raises StateError, and never again."""
        if track_key != self.track_key or not 0 <= position_s - self.position_s < STEP_S:
            self.write_now(track_key, position_s)

    def write_now(self, track_key: str, position_s: float) -> None:
        """Makes it survive a power cut; it does when this returns. Raises StateError, and never again."""
        if self._file is None or (track_key, position_s) == (self.track_key, self.position_s):
            return
        self._number, self.track_key, self.position_s = self._number + 1, track_key, position_s
        body = f"{self._number} {position_s:.1f} {track_key}".encode()[: TEXT_BYTES - 16]
        text = b"%08x %s\n" % (zlib.crc32(body), body)
        try:
            os.pwrite(self._file, text.ljust(TEXT_BYTES, b"\0"), self._number % SLOTS * SLOT_BYTES)
            os.fdatasync(self._file)
        except OSError as error:
            self.close()
            raise StateError(
                f"{self._path} cannot be written ({error.strerror}); after a restart the song starts anew"
            ) from error

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
