"""The disk image of the machine: where its partitions begin, what a kernel needs of it, and a layer to write on.

Reads the image, never writes it. The boot partition is read with mtools, the layer is made with qemu-img.
"""

from __future__ import annotations

import shutil
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path

SECTOR_BYTES = 512
ENTRY = struct.Struct("<B3xB3xII")  # one of the four in a master boot record: status, type, first sector, sectors
COMMAND_LINE = "console=ttyAMA0 root=LABEL=rootfs rw quiet"


class VmError(Exception):
    """What keeps the machine from being made or started, in a sentence that says what to do."""


@dataclass(frozen=True, slots=True)
class Partition:
    """A partition, in bytes from the start of the disk."""

    type: int
    begin: int
    length: int


@dataclass(frozen=True, slots=True)
class Kernel:
    """What qemu is given in place of a boot loader."""

    image: Path
    initrd: Path
    words: str


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


def take_kernel(image: Path, folder: Path) -> Kernel:
    """Copy kernel, initial file system and command line from the boot partition to `folder`."""
    begin = boot_partition(image).begin
    for name in ("vmlinuz", "initrd.img", "cmdline.txt"):
        done = run("mcopy", "-n", "-o", "-i", f"{image}@@{begin}", f"::{name}", str(folder / name))
        if done.returncode and name != "cmdline.txt":
            raise VmError(f"{image} has no {name} on its boot partition ({done.stderr.strip()})")
    words = folder / "cmdline.txt"
    return Kernel(
        folder / "vmlinuz", folder / "initrd.img", words.read_text().strip() if words.exists() else COMMAND_LINE
    )


def lay_over(image: Path, layer: Path) -> None:
    """A disk that starts as `image` and keeps all changes to itself."""
    kind = "qcow2" if first_bytes(image) == b"QFI\xfb" else "raw"
    done = run("qemu-img", "create", "-q", "-f", "qcow2", "-F", kind, "-b", str(image.resolve()), str(layer))
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
