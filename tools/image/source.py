"""From what somebody gives (IMAGE.img or IMAGE.img.xz) to a working copy in two files that may be changed, and back to
one. The original is only read.

The first file has the partition table and the boot partition, the second the root file system, which only so can grow.
"""

from __future__ import annotations

import lzma
import os
import shutil
from pathlib import Path
from typing import BinaryIO, cast

from tools.image import table
from tools.image.steps import Refusal, bar

XZ = b"\xfd7zXZ\x00"
OTHERS = (b"PK\x03\x04", b"\x1f\x8b", b"BZh", b"\x28\xb5\x2f\xfd")  # zip, gzip, bzip2, zstd
CHUNK = 4 * 2**20
ZEROS = bytes(CHUNK)
ROOM = 512 * 2**20  # that ought to be left on the disk


def split(source: Path, part: Path, root: Path, start: int) -> None:
    """Unpack or copy `source`: to `part` what is before byte `start`, to `root` the rest. Raises Refusal."""
    packed = is_packed(source)
    check_room(part, source.stat().st_size * (4 if packed else 1))
    words = "Unpacking the image" if packed else "Copying the image"
    try:
        with bar() as progress, progress.open(source, "rb", description=words) as raw:
            file = _unpacked(raw) if packed else raw
            with part.open("wb") as out:
                pour(file, out, start)
            with root.open("wb") as out:
                pour(file, out)
    except (lzma.LZMAError, EOFError) as error:
        raise Refusal(f"{source} is broken ({error}); download it again") from None
    except OSError as error:
        raise Refusal(f"{part} cannot be written ({(error.strerror or str(error)).lower()})") from None


def is_packed(source: Path) -> bool:
    """Whether the image is packed. Raises Refusal if unpacking takes a program that is missing."""
    with source.open("rb") as file:
        head = file.read(len(XZ))
    if head.startswith(OTHERS):
        raise Refusal(f"{source} is packed in another way than .xz; unpack it first")
    return head == XZ


def join(part: Path, root: Path) -> None:
    """Put the root file system behind the rest."""
    with part.open("r+b") as out, root.open("rb") as file:
        out.seek(0, os.SEEK_END)
        pour(file, out)


def _unpacked(file: BinaryIO) -> BinaryIO:
    return cast("BinaryIO", lzma.LZMAFile(file))


def pour(file: BinaryIO, out: BinaryIO, most: int = 2**63) -> None:
    """Copy at most that many bytes. Zeros become holes, so that the copy takes no more room than it has to."""
    while chunk := file.read(min(CHUNK, most)):
        most -= len(chunk)
        if chunk == ZEROS[: len(chunk)]:
            out.seek(len(chunk), os.SEEK_CUR)
        else:
            out.write(chunk)
    out.truncate()


def check_room(part: Path, needed: int) -> None:
    """Refuse if the disk of `part` has not `needed` bytes left, and some more."""
    free = shutil.disk_usage(part.parent).free
    if free < needed + ROOM:
        raise Refusal(
            f"the disk of {part.parent} has {free // 2**20} MB free, and this needs about {(needed + ROOM) // 2**20} MB"
        )


def peek(source: Path) -> table.Card:
    """The partitions of an image, before it is unpacked. Raises Refusal for what is not the image of a card."""
    size, packed = source.stat().st_size, is_packed(source)
    with source.open("rb") as file:
        try:
            head = (_unpacked(file) if packed else file).read(table.SECTOR)
        except (lzma.LZMAError, EOFError) as error:
            raise Refusal(f"{source} is broken ({error}); download it again") from None
    return table.read(head, 2**63 if packed else size)
