"""The partition table of a card image: a DOS master boot record with a boot and a root partition.

Raspberry Pi OS names its root by the signature of the disk (PARTUUID=<signature>-02), and grows the last partition at
the first boot. So growing here changes one number: how many sectors the last partition has.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

from tools.image.steps import Refusal

SECTOR = 512
ENTRIES, ENTRY = 446, struct.Struct("<B3sB3sII")
FAT = {0x0B, 0x0C, 0x0E, 0x06}
LINUX, GPT = 0x83, 0xEE


@dataclass(frozen=True, slots=True)
class Partition:
    """One entry: its place among the four, its type, and where it lies, in bytes."""

    index: int
    type: int
    start: int
    size: int

    @property
    def end(self) -> int:
        return self.start + self.size


@dataclass(frozen=True, slots=True)
class Card:
    """The two partitions of a card."""

    boot: Partition
    root: Partition


def read(record: bytes, size: int) -> Card:
    """The partitions that the first sector of an image of `size` bytes names. Raises Refusal for any other disk."""
    if len(record) < SECTOR or record[510:512] != b"\x55\xaa":
        raise Refusal("this is not the image of a disk (it has no partition table)")
    found = [_entry(record, index) for index in range(4)]
    parts = [part for part in found if part.size]
    if any(part.type == GPT for part in parts):
        raise Refusal("this image has a GPT, and those of Raspberry Pi OS have a DOS partition table")
    if [part.type in FAT for part in parts] != [True, False] or parts[1].type != LINUX:
        raise Refusal("this is not an image of Raspberry Pi OS, which has a FAT partition and then a Linux one")
    boot, root = parts
    if root.start < boot.end:
        raise Refusal("the partitions of this image overlap")
    if root.end > size:
        raise Refusal(f"this image is cut off: it has {size} bytes, and its partitions need {root.end}")
    return Card(boot, root)


def look(path: Path) -> Card:
    """The partitions of an image file."""
    with path.open("rb") as file:
        return read(file.read(SECTOR), path.stat().st_size)


def _entry(record: bytes, index: int) -> Partition:
    _flag, _first, kind, _last, start, sectors = ENTRY.unpack_from(record, ENTRIES + index * ENTRY.size)
    return Partition(index, kind, start * SECTOR, sectors * SECTOR)


def grow(path: Path, card: Card, size: int) -> None:
    """Say in the table that the root partition is `size` bytes large (a multiple of 512)."""
    with path.open("r+b") as file:
        file.seek(ENTRIES + card.root.index * ENTRY.size + 12)
        file.write(struct.pack("<I", size // SECTOR))


def make(boot: int, root: int, signature: bytes) -> bytes:
    """The first sector of a new card: a boot partition of `boot` bytes at 4 MiB, a root one of `root` bytes after it.
    `signature` are 4 bytes."""
    record = bytearray(SECTOR)
    record[440:444] = signature
    start = 4 * 2**20 // SECTOR
    for index, (kind, size) in enumerate(((0x0C, boot), (LINUX, root))):
        nowhere = b"\xfe\xff\xff"  # beyond what cylinders, heads and sectors can say
        ENTRY.pack_into(record, ENTRIES + index * ENTRY.size, 0, nowhere, kind, nowhere, start, size // SECTOR)
        start += size // SECTOR
    record[510:512] = b"\x55\xaa"
    return bytes(record)
