"""Names what sounds in a file, so that history survives when the file is moved, renamed or given other tags.

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
        for piece in _pieces(_Reader(file.fileno()), size):
            digest.update(len(piece).to_bytes(8, "little"))
            digest.update(piece)
    return digest.hexdigest()


class _Reader:
    """Reads at places; beyond the end there is nothing, which is no error."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def at(self, place: int, count: int) -> bytes:
        """`count` bytes from `place`, fewer at the end."""
        return os.pread(self._descriptor, max(0, count), place) if place >= 0 else b""

    def number(self, place: int, count: int, order: str = "big") -> int:
        """The unsigned number of `count` bytes at `place`."""
        return int.from_bytes(self.at(place, count), "little" if order == "little" else "big")


def _pieces(file: _Reader, size: int) -> Iterator[bytes]:
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


def _sound(file: _Reader, head: bytes, size: int) -> tuple[bytes, bytes, Span]:
    """The kind of file, what of its head belongs to the sound, and where the sound is."""
    if head[:4] in (b"RIFF", b"RF64") and head[8:12] == b"WAVE":
        return b"wav", b"", _chunk(file, size, b"data", "little")
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return b"aiff", b"", _chunk(file, size, b"SSND", "big")
    if head[4:8] == b"ftyp":
        return b"mp4", b"", _largest_atom(file, size)
    if head == ASF_HEADER:
        return b"asf", b"", _asf_data(file, size)
    start = _after_id3(file, size)
    if file.at(start, 4) == b"fLaC":
        return b"flac", file.at(start + 8, 34), (_after_blocks(file, start + 4), _before_tags(file, size))
    return b"mpeg", b"", (start, _before_tags(file, size))


def _chunk(file: _Reader, size: int, wanted: bytes, order: str) -> Span:
    """The first chunk of this name in a RIFF or IFF file; one that claims too much ends with the file."""
    place = 12
    for _ in range(MOST_PARTS):
        if place + 8 > size:
            break
        length = file.number(place + 4, 4, order)
        if file.at(place, 4) == wanted:
            return place + 8, min(place + 8 + length, size)
        place += 8 + length + length % 2
    return 0, 0


def _largest_atom(file: _Reader, size: int) -> Span:
    """The largest "mdat" of an MP4 file."""
    place, best = 0, (0, 0)
    for _ in range(MOST_PARTS):
        if place + 8 > size:
            break
        length, name, head = file.number(place, 4), file.at(place + 4, 4), 8
        if length == 1:
            length, head = file.number(place + 8, 8), 16
        end = size if length == 0 else min(place + length, size)
        if length and length < head:
            break
        if name == b"mdat" and end - place - head > best[1] - best[0]:
            best = (place + head, end)
        place = end
    return best


def _asf_data(file: _Reader, size: int) -> Span:
    place = 0
    for _ in range(MOST_PARTS):
        length = file.number(place + 16, 8, "little")
        if place + 24 > size or length < 24:
            break
        if file.at(place, 16) == ASF_DATA:
            return place + 24, min(place + length, size)
        place += length
    return 0, 0


def _after_id3(file: _Reader, size: int) -> int:
    """Where ID3v2 tags at the beginning end; sometimes there are several."""
    place = 0
    for _ in range(16):
        head = file.at(place, 10)
        if len(head) < 10 or head[:3] != b"ID3" or max(head[6:10]) > 127:
            break
        length = head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]
        place += 10 + length + (10 if head[5] & 0x10 else 0)
    return place if place < size else 0


def _before_tags(file: _Reader, size: int) -> int:
    """Where tags at the end begin: ID3v1, APEv2, or one before the other."""
    end = size
    for _ in range(4):
        ape = file.at(end - 32, 32)
        if file.at(end - 128, 3) == b"TAG":
            end -= 128
        elif ape.startswith(b"APETAGEX"):
            has_header = ape[23] & 0x80
            end -= int.from_bytes(ape[12:16], "little") + (32 if has_header else 0)
        else:
            break
    return end if end > 0 else size


def _after_blocks(file: _Reader, place: int) -> int:
    for _ in range(MOST_PARTS):
        head = file.number(place, 4)
        place += 4 + (head & 0xFFFFFF)
        if head >> 31:
            break
    return place


# --- Ogg: tags may change the number of header pages, and with it the number and checksum of every later page -------


def _ogg_pieces(file: _Reader, size: int) -> Iterator[bytes]:
    """The first packets, those at the end and the length in samples, without what pages say of themselves."""
    place = 0
    for _ in range(HEADER_PAGES):
        page = _page(file.at(place, 27 + 255))
        if page is None:
            return
        if page[0] not in (0, 2**64 - 1):  # a page on which sound ends
            break
        place += page[1] + page[2]
    else:
        return
    if place >= size:
        return
    yield b"".join(body for _, body in _bodies(file.at(place, PIECE)))
    tail = file.at(max(place, size - PIECE), PIECE)
    pages = list(_bodies(tail[max(0, tail.find(b"OggS")) :]))
    yield b"".join(body for _, body in pages)
    yield str(max((position for position, _ in pages), default=0)).encode()


def _page(head: bytes) -> tuple[int, int, int] | None:
    """Granule position, length of the head and of the body of the page that begins here."""
    if len(head) < 27 or not head.startswith(b"OggS"):
        return None
    lacing = head[27 : 27 + head[26]]
    return int.from_bytes(head[6:14], "little"), 27 + head[26], sum(lacing)


def _bodies(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Granule position and body of each page, the last one perhaps cut."""
    place = 0
    while (page := _page(data[place : place + 27 + 255])) is not None:
        position, head, body = page
        yield position if position != 2**64 - 1 else 0, data[place + head : place + head + body]
        place += head + body
