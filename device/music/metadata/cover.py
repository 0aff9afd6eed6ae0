"""The cover of a track, small enough to be sent over MQTT. Runs in the process that reads tags.

Reads the file and its folder. A picture in the file itself comes first (the front cover, if it says which picture is
that), then one beside it under the names that players agree on. What is not a small JPEG already becomes one.
"""

from __future__ import annotations

import base64
import contextlib
import os
import struct
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, BinaryIO

from mutagen import MutagenError
from mutagen._vorbis import VCommentDict
from mutagen.apev2 import APEBinaryValue, APEv2
from mutagen.asf import ASFTags
from mutagen.flac import Picture
from mutagen.id3 import ID3
from mutagen.mp4 import MP4Tags

from device.domain import LARGEST_COVER
from device.errors import LibraryError
from device.music.metadata.access import open_file
from device.music.metadata.layers import read_layers

LARGEST = LARGEST_COVER  # bytes; no cover is larger
MOST_READ = 20_000_000  # bytes of a picture that is looked at
SIDES_PX = (600, 300, 150, 75)  # the largest that fits is sent
FRONT = 3  # the picture type "Cover (front)" in ID3, FLAC, Vorbis and ASF
STEMS = ("cover", "folder", "front", "album", "albumart")
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
JPEG = b"\xff\xd8\xff"

Loading = Callable[[], AbstractContextManager[None]]


def cover_of(path: Path, most_bytes: int = LARGEST, loading: Loading = contextlib.nullcontext) -> bytes:
    """The cover as JPEG of at most `most_bytes`; nothing if none can be read and made small enough. PyAV and OpenCV, if
    they are needed, are loaded within `loading()`. Raises OSError."""
    for picture in (*_embedded(path, loading), *_beside(path)):
        if small := shrink(picture, most_bytes, loading):
            return small
    return b""


def shrink(picture: bytes, most_bytes: int = LARGEST, loading: Loading = contextlib.nullcontext) -> bytes:
    """The picture as it is if it is a JPEG of at most `most_bytes`, otherwise as a JPEG of the largest of `SIDES_PX`
    that is small enough; nothing if it is no picture, or none is."""
    if picture.startswith(JPEG) and len(picture) <= most_bytes:
        return picture
    if not 0 < len(picture) <= MOST_READ:
        return b""
    with loading():
        from device.music.metadata import picture as pictures  # OpenCV takes 50 MB, and most covers need none of it

    return pictures.as_jpeg(picture, SIDES_PX, most_bytes)


def _embedded(path: Path, loading: Loading) -> list[bytes]:
    """Pictures in the file, front covers first."""
    with contextlib.suppress(LibraryError), open_file(path) as file:
        layers = read_layers(file)
        tags = [pair for tags in layers.tags for pair in _pictures(tags)]
        found = [*_flac_pictures(layers.container), *tags]
        if not found and layers.container is None:
            return _attached(file, path, loading)
        return [data for kind, data in sorted(found, key=lambda one: one[0] != FRONT)]
    return []


def _attached(file: BinaryIO, path: Path, loading: Loading) -> list[bytes]:
    """The pictures of a file that only FFmpeg reads."""
    with loading():
        from device.music.metadata import ffmpeg
    with ffmpeg.opened(file, path) as container:
        return list(ffmpeg.pictures_of(container))


def _flac_pictures(container: Any) -> Iterator[tuple[int, bytes]]:
    for flac in getattr(container, "pictures", ()):
        yield flac.type, bytes(flac.data)


def _pictures(tags: Any) -> Iterator[tuple[int, bytes]]:
    """Type and data of each picture in one layer of tags."""
    match tags:
        case ID3():
            yield from ((int(frame.type), bytes(frame.data)) for frame in tags.getall("APIC"))
        case MP4Tags():
            yield from ((FRONT, bytes(one)) for one in tags.get("covr", ()))
        case APEv2():  # a file name, a zero, the picture
            front = tags.get("Cover Art (Front)")
            if isinstance(front, APEBinaryValue):
                yield FRONT, bytes(front.value).partition(b"\0")[2]
        case ASFTags():
            pictures = (one.value for one in tags.get("WM/Picture", ()))
            yield from (_asf(bytes(value)) for value in pictures if isinstance(value, bytes))
        case VCommentDict():
            yield from map(_block, tags.get("metadata_block_picture", ()))


def _block(text: str) -> tuple[int, bytes]:
    """A FLAC picture in base64."""
    with contextlib.suppress(ValueError, struct.error, MutagenError):
        picture: Any = Picture(base64.b64decode(text))
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
                with contextlib.suppress(OSError, LibraryError), open_file(path.parent / name) as file:
                    yield file.read(MOST_READ + 1)
