"""Identifies the sound in a file, so that its history survives moving, renaming and tagging.

The key is a hash of three pieces of the sound as it is stored (beginning, middle, end) and of its length; what taggers
rewrite is stepped over: ID3v1, ID3v2 and APEv2 around MPEG streams, FLAC's metadata blocks, the chunks of WAV and AIFF
other than the sound, MP4's and ASF's headers, and, in Ogg, the comment packets with the page numbers that change with
them. Some 200 KiB are read, whatever the size: a full hash of a library would keep an SD card busy for hours. A file
whose layout is not understood is named by its own three pieces, tags and all. Two files that differ only elsewhere
would share a key; with compressed sound that does not happen by chance.

Reads the file it is given, any thread. Layouts: id3.org (ID3v2.4 structure), RFC 9639 (FLAC), RFC 3533 and 7845 (Ogg,
Opus), ISO/IEC 14496-12 (MP4), Microsoft's ASF specification and RIFF, Apple's AIFF-C.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from itertools import islice

from device.music.metadata.access import Pieces, after_id3, before_tags
from device.music.metadata.ogg import HEAD, page_of, pages

PIECE = 64 * 1024
MOST_PARTS = 10_000  # chunks, atoms or blocks that are stepped over; a hostile file may have endless empty ones
HEADER_PAGES = 4096  # Ogg pages before the sound: pictures in comments may fill many

Span = tuple[int, int]
"""Where something begins in a file, and where it ends, in bytes."""

ASF_HEADER = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
ASF_DATA = bytes.fromhex("3626b2758e66cf11a6d900aa0062ce6c")


def key_of(path: bytes) -> str:
    """32 hexadecimal digits for the sound in the file. Raises OSError."""
    digest = hashlib.blake2b(digest_size=16)
    with open(path, "rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        for piece in _pieces(Pieces(file.fileno()), size):
            digest.update(len(piece).to_bytes(8, "little"))
            digest.update(piece)
    return digest.hexdigest()


def _pieces(file: Pieces, size: int) -> Iterator[bytes]:
    head = file.at(0, 16)
    if head.startswith(b"OggS"):
        pieces = list(_ogg_pieces(file, size))
        if pieces:
            yield b"ogg"
            yield from pieces
            return
    kind, extra, span = _sound(file, head, size)
    start, end = span if 0 <= span[0] < span[1] <= size else (0, size)
    yield kind
    yield extra
    yield str(end - start).encode()
    yield file.at(start, min(PIECE, end - start))
    if end - start > PIECE:
        yield file.at(max(start + PIECE, end - PIECE), min(PIECE, end - start - PIECE))
    if end - start > 2 * PIECE:
        yield file.at((start + end - PIECE) // 2, PIECE)


def _sound(file: Pieces, head: bytes, size: int) -> tuple[bytes, bytes, Span]:
    """The kind of file, what of its head belongs to the sound, and where the sound is."""
    if head[:4] in (b"RIFF", b"RF64") and head[8:12] == b"WAVE":
        return b"wav", b"", _chunk(file, size, b"data", "little")
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return b"aiff", b"", _chunk(file, size, b"SSND", "big")
    if head[4:8] == b"ftyp":
        return b"mp4", b"", _largest_atom(file, size)
    if head == ASF_HEADER:
        return b"asf", b"", _asf_data(file, size)
    start = after_id3(file)
    if file.at(start, 4) == b"fLaC":
        return b"flac", file.at(start + 8, 34), (_after_blocks(file, start + 4), before_tags(file))
    return b"mpeg", b"", (start, before_tags(file))


def _chunk(file: Pieces, size: int, wanted: bytes, order: str) -> Span:
    """The first chunk of this name in a RIFF or IFF file; one that claims too much ends with the file."""
    offset = 12
    for _ in range(MOST_PARTS):
        if offset + 8 > size:
            break
        length = file.number(offset + 4, 4, order)
        if file.at(offset, 4) == wanted:
            return offset + 8, min(offset + 8 + length, size)
        offset += 8 + length + length % 2
    return 0, 0


def _largest_atom(file: Pieces, size: int) -> Span:
    """The largest "mdat" of an MP4 file."""
    offset, best = 0, (0, 0)
    for _ in range(MOST_PARTS):
        if offset + 8 > size:
            break
        length, name, head = file.number(offset, 4), file.at(offset + 4, 4), 8
        if length == 1:
            length, head = file.number(offset + 8, 8), 16
        end = size if length == 0 else min(offset + length, size)
        if length and length < head:
            break
        if name == b"mdat" and end - offset - head > best[1] - best[0]:
            best = (offset + head, end)
        offset = end
    return best


def _asf_data(file: Pieces, size: int) -> Span:
    offset = 0
    for _ in range(MOST_PARTS):
        length = file.number(offset + 16, 8, "little")
        if offset + 24 > size or length < 24:
            break
        if file.at(offset, 16) == ASF_DATA:
            return offset + 24, min(offset + length, size)
        offset += length
    return 0, 0


def _after_blocks(file: Pieces, offset: int) -> int:
    for _ in range(MOST_PARTS):
        head = file.number(offset, 4)
        offset += 4 + (head & 0xFFFFFF)
        if head >> 31:
            break
    return offset


# --- Ogg: tags may change the number of header pages, and with it the number and checksum of every later page -------


def _ogg_pieces(file: Pieces, size: int) -> Iterator[bytes]:
    """The first packets, those at the end and the length in samples, without what pages say of themselves."""
    sound = next((offset for offset, page in islice(pages(file), HEADER_PAGES) if page.position), None)
    if sound is None:
        return
    yield b"".join(body for _, body in _bodies(file.at(sound, PIECE)))
    tail = file.at(max(sound, size - PIECE), PIECE)
    found = list(_bodies(tail[max(0, tail.find(b"OggS")) :]))
    yield b"".join(body for _, body in found)
    yield str(max((position for position, _ in found), default=0)).encode()


def _bodies(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Position and body of each page, the last one perhaps cut."""
    offset = 0
    while (page := page_of(data[offset : offset + HEAD])) is not None:
        body = offset + page.head
        yield page.position, data[body : body + page.body]
        offset = body + page.body
