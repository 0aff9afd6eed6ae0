"""The disk image of the machine: where its partitions begin, and a layer to write on. Never writes the image."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path

SECTOR_BYTES = 512
CARD_BYTES = 8 << 30
ENTRY = struct.Struct("<B3xB3xII")  # one of the four in a master boot record: status, type, first sector, sectors


class VmError(Exception):
    """What keeps the machine from being made or started, in a sentence that says what to do."""


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
    """The FAT partition of an image."""
    with image.open("rb") as file:
        found = partitions(file.read(SECTOR_BYTES))
    fat = next((one for one in found if one.type in (0x0B, 0x0C, 0x0E, 0xEF)), None)
    if fat is None:
        raise VmError(
            f"{image} has no boot partition (FAT); make one with: python tools/build_image.py --debian trixie"
        )
    return fat


def lay_over(image: Path, layer: Path) -> None:
    """A disk that starts as `image`, as large as a small card, and keeps all changes to itself."""
    kind = "qcow2" if first_bytes(image) == b"QFI\xfb" else "raw"
    info = run("qemu-img", "info", "--output=json", str(image))
    if info.returncode:
        raise VmError(f"{image} cannot be read: {info.stderr.strip()}")
    size = str(max(json.loads(info.stdout)["virtual-size"], CARD_BYTES))
    done = run("qemu-img", "create", "-q", "-f", "qcow2", "-F", kind, "-b", str(image.resolve()), str(layer), size)
    if done.returncode:
        raise VmError(f"no layer could be laid over {image}: {done.stderr.strip()}")


def first_bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(4)


def run(*command: str) -> subprocess.CompletedProcess[str]:
    """Run a program to its end. Raises VmError if it is not installed."""
    if shutil.which(command[0]) is None:
        raise VmError(f"{command[0]} is missing: apt-get install qemu-system-arm qemu-utils mtools openssh-client")
    return subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
