"""The disk image of the machine: where its partitions are. Only reads."""

from __future__ import annotations

import shutil
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path

SECTOR_BYTES = 512
FAT = (0x0B, 0x0C, 0x0E, 0xEF)
LINUX = 0x83
ENTRY = struct.Struct("<B3xB3xII")  # one of the four in a master boot record: status, type, first sector, sectors


class VmError(Exception):
    """Why there is no machine, in a sentence that says what to do."""


@dataclass(frozen=True, slots=True)
class Partition:
    """A partition, in bytes from the start of the disk."""

    type: int
    begin: int
    length: int


def partitions(record: bytes) -> list[Partition]:
    """Those of a master boot record (the first 512 bytes of a disk). Raises VmError if it is none."""
    if len(record) < SECTOR_BYTES or record[510:512] != b"\x55\xaa":
        raise VmError("this is no disk image: its first sector has no partition table")
    found = (ENTRY.unpack_from(record, 446 + 16 * number) for number in range(4))
    return [Partition(kind, first * SECTOR_BYTES, count * SECTOR_BYTES) for _, kind, first, count in found if count]


def boot_partition(image: Path) -> Partition:
    """The FAT partition of an image. Raises VmError."""
    return _partition(image, FAT, "boot partition (FAT)")


def linux_partition(image: Path) -> Partition:
    """The partition with the root file system. Raises VmError."""
    return _partition(image, (LINUX,), "partition for Linux")


def _partition(image: Path, types: tuple[int, ...], words: str) -> Partition:
    try:
        with image.open("rb") as file:
            found = partitions(file.read(SECTOR_BYTES))
    except OSError as error:
        raise VmError(f"{image} cannot be read: {(error.strerror or str(error)).lower()}") from error
    fitting = next((one for one in found if one.type in types), None)
    if fitting is None:
        raise VmError(f"{image} has no {words}; make an image with: python tools/build_image.py --debian trixie")
    return fitting


def run(*command: str) -> subprocess.CompletedProcess[str]:
    """Run a program to its end. Raises VmError if it is not installed."""
    if shutil.which(command[0]) is None:
        raise VmError(f"{command[0]} is missing: apt-get install qemu-system-arm nbdkit mtools openssh-client")
    return subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
