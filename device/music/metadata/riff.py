"""The texts in the INFO list of a WAV file, which mutagen passes over. Any thread; reads the file it is given.

RIFF's "LIST" chunk of the type "INFO" holds one chunk for each text (Microsoft, "Multimedia Programming Interface and
Data Specifications 1.0", 1991). Nobody fixed the encoding: UTF-8 if it can be read as that, otherwise Windows-1252.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import BinaryIO

NAMES: Mapping[bytes, str] = {
    b"INAM": "title",
    b"IART": "artist",
    b"IPRD": "album",
    b"IGNR": "genre",
    b"ICMT": "comment",
}
LONGEST_LIST = 1 << 20  # bytes
MOST_CHUNKS = 10_000


def info(file: BinaryIO) -> dict[str, list[str]]:
    """Texts by field; nothing for a file that is no WAV, or has no such list. Raises OSError."""
    file.seek(0)
    head = file.read(12)
    if head[:4] not in (b"RIFF", b"RF64") or head[8:] != b"WAVE":
        return {}
    place = 12
    for _ in range(MOST_CHUNKS):
        file.seek(place)
        head = file.read(12)
        if len(head) < 12:
            break
        length = int.from_bytes(head[4:8], "little")
        if head[:4] == b"LIST" and head[8:] == b"INFO":
            return {NAMES[name]: [text] for name, text in _texts(file.read(min(length - 4, LONGEST_LIST)))}
        place += 8 + length + length % 2
    return {}


def _texts(data: bytes) -> Iterator[tuple[bytes, str]]:
    place = 0
    while place + 8 <= len(data):
        name, length = data[place : place + 4], int.from_bytes(data[place + 4 : place + 8], "little")
        raw = data[place + 8 : place + 8 + length].split(b"\0")[0]
        if name in NAMES and raw:
            yield name, _decoded(raw)
        place += 8 + length + length % 2


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace")
