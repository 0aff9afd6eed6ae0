"""Pages of an Ogg file (RFC 3533), and how long its sound is. Any thread; reads the file it is given.

A file may be a chain: one stream after the other, each with its own rate, as recordings of radio streams are. Their
positions may also begin at any number.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from device.music.metadata.access import Pieces

HEAD = 27 + 255  # bytes; the longest head of a page
NO_POSITION = 2**64 - 1  # of a page on which no packet ends
LONGEST_PAGE_S = 60.0  # a first position beyond this is no length of a page


@dataclass(frozen=True, slots=True)
class Page:
    """`position`: samples up to its end, in the codec's units. `head` and `body`: lengths in bytes."""

    serial: int
    position: int
    head: int
    body: int


def page_of(head: bytes) -> Page | None:
    """The page that begins with these bytes."""
    if len(head) < 27 or not head.startswith(b"OggS"):
        return None
    lacing = head[27 : 27 + head[26]]
    position, serial = int.from_bytes(head[6:14], "little"), int.from_bytes(head[14:18], "little")
    return Page(serial, 0 if position == NO_POSITION else position, 27 + head[26], sum(lacing))


def pages(file: Pieces, offset: int = 0) -> Iterator[tuple[int, Page]]:
    """Each page with its offset, as far as they follow one another."""
    while (page := page_of(file.at(offset, HEAD))) is not None:
        yield offset, page
        offset += page.head + page.body


def is_plain(file: Pieces) -> bool:
    """Whether the file is one stream that begins at 0, so that its last position is its length."""
    tail = file.at(max(0, file.size - (1 << 16)), 1 << 16)
    last = page_of(tail[max(0, tail.rfind(b"OggS")) :])
    if last is None:
        return False
    for offset, page in pages(file):
        if page.position:
            rate = _rate(file.at(0, 512))
            return rate > 0 and page.serial == last.serial and page.position <= LONGEST_PAGE_S * rate
        if offset > 1 << 24:
            break
    return False


def duration_of(file: Pieces, budget_s: float) -> float:
    """Seconds of sound in all streams together; 0 if it takes longer than `budget_s` to find out. Raises OSError."""
    deadline = time.monotonic() + budget_s
    total_s, rates, starts, ends = 0.0, dict[int, int](), dict[int, int](), dict[int, int]()
    for offset, page in pages(file):
        if time.monotonic() > deadline:
            return 0.0
        if page.serial not in rates:
            rates[page.serial] = _rate(file.at(offset, 512))
        if page.position and page.serial not in starts:
            late = page.position > LONGEST_PAGE_S * rates[page.serial]
            starts[page.serial] = page.position if late else 0
        ends[page.serial] = max(page.position, ends.get(page.serial, 0))
    for serial, start in starts.items():
        total_s += (ends[serial] - start) / rates[serial] if rates[serial] else 0.0
    return total_s


def _rate(page: bytes) -> int:
    """Positions per second of the stream that begins with this page; 0 if it is no sound that we know."""
    head = page_of(page)
    body = page[head.head :] if head else b""
    if body.startswith(b"\x01vorbis"):
        return int.from_bytes(body[12:16], "little")
    if body.startswith(b"OpusHead"):
        return 48000
    if body.startswith(b"Speex   "):
        return int.from_bytes(body[36:40], "little")
    if body.startswith(b"\x7fFLAC"):
        return int.from_bytes(body[27:30], "big") >> 4
    return 0
