"""The texts in the chunks of WAV and AIFF files, which mutagen passes over. Reads the file it is given, any thread.

RIFF's "LIST" chunk of the type "INFO" holds one chunk for each text (Microsoft, "Multimedia Programming Interface and
Data Specifications 1.0", 1991); AIFF has chunks of its own for them (Apple, "Audio Interchange File Format", 1989).
Nobody fixed the encoding: UTF-8 if the text is valid UTF-8, otherwise Windows-1252.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

from device.music.metadata.access import Pieces

RIFF_NAMES: Mapping[bytes, str] = {
    b"INAM": "title",
    b"IART": "artist",
    b"IPRD": "album",
    b"IGNR": "genre",
    b"ICMT": "comment",
}
AIFF_NAMES: Mapping[bytes, str] = {b"NAME": "title", b"AUTH": "artist", b"ANNO": "comment"}
LONGEST_TEXT = 1 << 16  # bytes
MOST_CHUNKS = 10_000

Order = Literal["little", "big"]


def chunk_texts(file: Pieces) -> dict[str, list[str]]:
    """Texts by field; nothing for a file that is neither WAV nor AIFF, or has no such texts. Raises OSError."""
    found: dict[str, list[str]] = {}
    for name, raw in _texts(file):
        text = raw.split(b"\0")[0]
        if text:
            found.setdefault(name, []).append(_decoded(text))
    return found


def _texts(file: Pieces) -> Iterator[tuple[str, bytes]]:
    head = file.at(0, 12)
    if head[:4] in (b"RIFF", b"RF64") and head[8:] == b"WAVE":
        for name, offset, length in _chunks(file, 12, file.size, "little"):
            if name == b"LIST" and file.at(offset, 4) == b"INFO":
                for inner, at, count in _chunks(file, offset + 4, offset + length, "little"):
                    if inner in RIFF_NAMES:
                        yield RIFF_NAMES[inner], file.at(at, min(count, LONGEST_TEXT))
    elif head[:4] == b"FORM" and head[8:] in (b"AIFF", b"AIFC"):
        for name, offset, length in _chunks(file, 12, file.size, "big"):
            if name in AIFF_NAMES:
                yield AIFF_NAMES[name], file.at(offset, min(length, LONGEST_TEXT))


def _chunks(file: Pieces, offset: int, end: int, order: Order) -> Iterator[tuple[bytes, int, int]]:
    """Name, offset and length of each chunk from `offset`."""
    for _ in range(MOST_CHUNKS):
        head = file.at(offset, 8)
        if len(head) < 8 or offset >= end:
            return
        length = int.from_bytes(head[4:8], order)
        yield head[:4], offset + 8, length
        offset += 8 + length + length % 2


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace")
