"""The cover of a track, small enough to be sent over MQTT. Runs in the reader's process; reads the file and its folder.

Looked for in the file itself first (the front cover, if it says which picture is that), then beside it under the names
that players agree on. What is no small JPEG already is made one.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import mutagen
from mutagen.flac import Picture

LARGEST = 200_000  # bytes of a picture that is sent as it is
MOST_READ = 20_000_000  # bytes of a picture that is looked at
LARGEST_PX = 600
FRONT = 3  # the picture type "Cover (front)" in ID3, FLAC, Vorbis and ASF
STEMS = ("cover", "folder", "front", "album", "albumart")
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
JPEG = b"\xff\xd8\xff"


Loading = Callable[[], AbstractContextManager[None]]


def cover_of(path: Path, loading: Loading = contextlib.nullcontext) -> bytes:
    """The cover as JPEG of at most `LARGEST` bytes; nothing if there is none that can be read. OpenCV, if it is needed,
    is loaded within `loading()`."""
    for picture in (*_embedded(path), *_beside(path)):
        if small := shrink(picture, loading):
            return small
    return b""


def shrink(picture: bytes, loading: Loading = contextlib.nullcontext) -> bytes:
    """As JPEG, at most `LARGEST_PX` wide and high unless it is small enough as it is; nothing if it is no picture."""
    if picture.startswith(JPEG) and len(picture) <= LARGEST:
        return picture
    if not 0 < len(picture) <= MOST_READ:
        return b""
    with loading():
        from device.music.metadata import picture as pictures  # OpenCV takes 50 MB, and most covers need none of it

    for side_px in (LARGEST_PX, LARGEST_PX // 2):
        small = pictures.as_jpeg(picture, side_px)
        if len(small) <= LARGEST:
            return small
    return b""


def _embedded(path: Path) -> list[bytes]:
    """Pictures in the file, front covers first."""
    try:
        file = mutagen.File(path)
        found = list(_pictures(file)) if file is not None else []
    except Exception:  # whatever a damaged file makes mutagen trip over; the catalogue has told of it
        return []
    return [data for kind, data in sorted(found, key=lambda one: one[0] != FRONT)]


def _pictures(file: Any) -> Iterator[tuple[int, bytes]]:
    for flac in getattr(file, "pictures", ()):
        yield flac.type, bytes(flac.data)
    tags = file.tags or {}
    for key in list(tags.keys()):
        name = key.casefold()
        if name.startswith("apic"):  # ID3
            yield int(tags[key].type), bytes(tags[key].data)
        elif name == "covr":  # MP4
            yield from ((FRONT, bytes(one)) for one in tags[key])
        elif name == "metadata_block_picture":  # Ogg
            yield from map(_block, tags[key])
        elif name == "wm/picture":
            yield from (_asf(bytes(one.value)) for one in tags[key] if isinstance(one.value, bytes))
        elif name.startswith("cover art (front)"):  # APEv2: a file name, a zero, the picture
            yield FRONT, bytes(tags[key].value).partition(b"\0")[2]


def _block(text: str) -> tuple[int, bytes]:
    """A FLAC picture in base64."""
    with contextlib.suppress(binascii.Error, mutagen.MutagenError):
        picture: Any = Picture(base64.b64decode(text))  # type: ignore[no-untyped-call]
        return picture.type, bytes(picture.data)
    return -1, b""


def _asf(raw: bytes) -> tuple[int, bytes]:
    """One byte of type, four of length, MIME type and description in UTF-16 with zeros behind them, the picture."""
    length = int.from_bytes(raw[1:5], "little")
    return (raw[0] if raw else -1), raw[-length:] if 0 < length <= len(raw) - 5 else b""


def _beside(path: Path) -> Iterator[bytes]:
    """Pictures in the same folder, in the order of `STEMS`, whatever the case of their names."""
    try:
        names = {name.casefold(): name for name in sorted(os.listdir(path.parent), reverse=True)}
    except OSError:
        return
    for stem in STEMS:
        for suffix in SUFFIXES:
            if name := names.get(stem + suffix):
                with contextlib.suppress(OSError), open(path.parent / name, "rb") as file:
                    yield file.read(MOST_READ + 1)
