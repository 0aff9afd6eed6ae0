"""Music files as FFmpeg's libraries see them, through PyAV: the only module that imports it.

Runs in the processes that read music files. FFmpeg gets an open file and may use only the demuxers of music formats, so
that a playlist in disguise cannot make it open other files or the network.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import av
import av.error
import av.logging

from device.errors import LibraryError
from device.music.metadata.access import Pieces, as_file, content_of
from device.music.metadata.tags import shown

DEMUXERS = (
    "mp3,flac,ogg,mov,mp4,m4a,3gp,3g2,mj2,wav,w64,aiff,asf,aac,matroska,webm,avi,wv,ape,mpc,mpc8,tta,caf,ac3,eac3,dts,"
    "au,amr,dsf,mpeg,mpegts"
)
PICTURES = ("mjpeg", "png", "webp")
MOST_ERRORS = 50  # packets that cannot be read, before the rest is given up
ROUNDING = 0.05  # share of the length that is lost where formats round the length of packets
MOST_TEXTS = 200
LONGEST_TEXT = 10_000

# Tags of any encoding: PyAV 19 takes them by itself, and no longer knows the word for it.
TOLERANT: dict[str, Any] = {"metadata_errors": "ignore"} if int(av.__version__.partition(".")[0]) < 19 else {}

av.logging.set_level(av.logging.PANIC)  # what FFmpeg says of a damaged file is for its developers


class Unreadable(LibraryError):
    """FFmpeg does not understand the file."""


@contextmanager
def opened(file: BinaryIO, path: Path) -> Iterator[Any]:
    """PyAV's container of an open file. What goes wrong within becomes `Unreadable`, which names `path`, OSError if it
    is the disk's fault, or MemoryError."""
    try:
        with closing(_container(file)) as container:
            yield container
    except av.error.MemoryError as error:
        raise MemoryError from error
    except (av.error.FFmpegError, ValueError) as error:
        detail = getattr(error, "strerror", None) or str(error)
        raise Unreadable(f"{shown(path)} is damaged or not music ({str(detail)[:100].lower()})") from error


def _container(file: BinaryIO) -> Any:
    whole, content = Pieces(file.fileno()), content_of(file)
    try:
        return _open(whole)
    except (av.error.FFmpegError, ValueError):
        if content.size == whole.size:
            raise
        return _open(content)  # FFmpeg itself skips ID3 in few formats


def _open(pieces: Pieces) -> Any:
    options = {"format_whitelist": DEMUXERS, "protocol_whitelist": "file"}
    return av.open(_Source(pieces), "r", options=options, buffer_size=1 << 16, **TOLERANT)


class _Source:
    """What PyAV reads from. A seek that makes no sense gets an error number: PyAV would print an exception."""

    name = ""

    def __init__(self, pieces: Pieces) -> None:
        self._file = as_file(pieces)
        self.read, self.tell = self._file.read, self._file.tell

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        try:
            return self._file.seek(offset, whence)
        except (OSError, ValueError, OverflowError):
            return -errno.EINVAL


def sound_of(container: Any, path: Path) -> Any:
    """The audio stream that players choose. Raises LibraryError if there is none."""
    stream = container.streams.best("audio")
    if stream is None:
        raise LibraryError(f"{shown(path)} holds no sound")
    return stream


def texts_of(container: Any) -> dict[str, str]:
    """The tags of the file and of its sound, under FFmpeg's names."""
    stream = container.streams.best("audio")
    found = {**(stream.metadata if stream is not None else {}), **container.metadata}
    return {str(name): str(text)[:LONGEST_TEXT] for name, text in list(found.items())[:MOST_TEXTS]}


def pictures_of(container: Any) -> Iterator[bytes]:
    """Pictures that come with the sound, such as covers."""
    for stream in container.streams.video:
        if stream.codec_context.name in PICTURES:  # PyAV 14 does not say which streams are attached
            container.seek(0)
            packet = next(container.demux(stream), None)
            if packet is not None and packet.size:
                yield bytes(packet)


def measure(container: Any, stream: Any, budget_s: float) -> float | None:
    """Seconds of sound by the times of each packet, without decoding any; None if there is no packet, 0 if it takes
    longer than `budget_s` to find out."""
    deadline = time.monotonic() + budget_s
    total, starts, ends, whole = 0, list[int](), list[int](), True
    for packet in packets_of(container, stream):
        if time.monotonic() > deadline:
            return 0.0
        if not packet.size:
            continue
        length = packet.duration or 0
        total, whole = total + length, whole and length > 0
        if packet.pts is not None:
            starts = [min([*starts, packet.pts])]
            ends = [max([*ends, packet.pts + length])]
    span = ends[0] - starts[0] if ends else 0
    if not total and not span:
        return None
    if not whole or abs(span - total) < ROUNDING * total:
        total = max(span, total)  # packets of Matroska last whole milliseconds
    return float(total * stream.time_base)


def packets_of(container: Any, stream: Any) -> Iterator[Any]:
    """The packets of one stream, the last ones perhaps empty; damaged ones are passed over, as players do."""
    for _ in range(MOST_ERRORS):
        try:
            yield from container.demux(stream)
            return
        except av.error.MemoryError:
            raise
        except (av.error.FFmpegError, IndexError):  # IndexError: PyAV does not expect a stream that begins late
            continue
