"""How to reach a position in a file exactly: with which demuxer, or by decoding up to it. Reads headers.

libVLC's own demuxers estimate where a time is in a file of variable bit rate, and land up to minutes away. The one of
FFmpeg (`avformat`) goes by the time stamps of the packets. Two kinds of files have no stamps to go by: a chained Ogg
file, whose clock starts again with each song, and a WAV file whose header gives a wrong byte rate, as many with ADPCM
do. libVLC decodes those from the beginning, faster than they play, and we drop what comes before the place.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import BinaryIO

LONGEST_S = 100 * 3600.0  # no track is longer
HEAD_BYTES = 64 * 1024
TAIL_BYTES = 128 * 1024  # two of the longest Ogg pages

OGG_PAGE = struct.Struct("<4sBBqI")  # "OggS", version, flags, granule position, serial number (RFC 3533)
OGG_FIRST = 2  # the flag of a page that begins a stream
WAV_FORMAT = struct.Struct("<HHIIH")  # tag, channels, rate, bytes a second, bytes a block (RIFF specification)
WAV_EVEN = frozenset({1, 3, 6, 7, 0xFFFE})  # PCM, float, A-law, mu-law: a block is one sample
WAV_MP3 = 0x55  # has frames of its own to go by


@dataclass(frozen=True, slots=True)
class Approach:
    """What libVLC is to do: use avformat or its own demuxers, begin at `jump_s`; then drop `drop_s` of the sound."""

    avformat: bool = False
    jump_s: float = 0.0
    drop_s: float = 0.0


def approach(path: Path, start_s: float) -> Approach:
    """The way to `start_s` in this file. May wait for a slow disk. A file that cannot be read is left to libVLC."""
    start_s = min(max(0.0, start_s), LONGEST_S)
    try:
        with path.open("rb") as file:
            return _approach(file, start_s)
    except OSError:
        return Approach(avformat=start_s > 0, jump_s=start_s)


def _approach(file: BinaryIO, start_s: float) -> Approach:
    head = file.read(HEAD_BYTES)
    if head.startswith(b"OggS"):
        if not is_chained(head, _tail(file)):
            return Approach(avformat=True, jump_s=start_s)  # libVLC's own drops the first sounds of Opus and FLAC
        return Approach(avformat=start_s > 0, drop_s=start_s)
    if start_s == 0:
        return Approach()  # libVLC's own honour what an encoder says about the padding at both ends
    match byte_rate(head):
        case ByteRate.RIGHT:
            return Approach(jump_s=start_s)  # avformat plays the last block when the place lies behind the end
        case ByteRate.WRONG:
            return Approach(drop_s=start_s)
        case ByteRate.NONE:
            return Approach(avformat=True, jump_s=start_s)


def _tail(file: BinaryIO) -> bytes:
    size = file.seek(0, 2)
    file.seek(max(0, size - TAIL_BYTES))
    return file.read(TAIL_BYTES)


def is_chained(head: bytes, tail: bytes) -> bool:
    """Whether the last page of an Ogg file belongs to a stream that did not begin at the file's start."""
    first = {serial for flags, serial in _pages(head) if flags & OGG_FIRST}
    last = [serial for _, serial in _pages(tail)][-1:]
    return bool(first and last) and last[0] not in first


def _pages(data: bytes) -> list[tuple[int, int]]:
    """The flags and serial number of each Ogg page that begins in here."""
    pages, at = [], data.find(b"OggS")
    while 0 <= at <= len(data) - OGG_PAGE.size:
        _, version, flags, _, serial = OGG_PAGE.unpack_from(data, at)
        if version == 0:
            pages.append((flags, serial))
        at = data.find(b"OggS", at + 4)
    return pages


class ByteRate(Enum):
    """Whether the byte rate of a WAV header leads to the place of a time; NONE: it is not needed."""

    NONE = "none"
    RIGHT = "right"
    WRONG = "wrong"


def byte_rate(head: bytes) -> ByteRate:
    """What the byte rate in this header is worth; NONE for what is no WAV file."""
    at = head.find(b"fmt ") + 8
    if head[:4] not in (b"RIFF", b"RF64") or head[8:12] != b"WAVE" or not 8 <= at <= len(head) - WAV_FORMAT.size:
        return ByteRate.NONE
    tag, _, rate, bytes_a_second, block = WAV_FORMAT.unpack_from(head, at)
    if tag == WAV_MP3:
        return ByteRate.NONE
    return ByteRate.RIGHT if tag in WAV_EVEN and bytes_a_second == rate * block else ByteRate.WRONG
