"""Finds rows of pixels in a file of any size: a disk image, for instance. Pure but for reading."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

CHUNK_BYTES = 1 << 26
MOST = 20  # places to report of each needle


def find(path: Path, needles: Mapping[str, bytes], chunk_bytes: int = CHUNK_BYTES) -> dict[str, list[int]]:
    """Where each needle begins in the file, in bytes; also where it lies across two chunks."""
    found: dict[str, list[int]] = {name: [] for name in needles}
    overlap = max(map(len, needles.values())) - 1
    with path.open("rb") as file:
        tail, begin = b"", 0
        while chunk := file.read(chunk_bytes):
            text = tail + chunk
            if text.count(0) < len(text):
                for name, needle in needles.items():
                    found[name] += places(text, needle, begin, len(tail))
            tail = text[-overlap:] if overlap else b""
            begin += len(text) - len(tail)
    return {name: where[:MOST] for name, where in found.items()}


def places(text: bytes, needle: bytes, begin: int, known: int) -> list[int]:
    """Where it is in `text`, which begins at `begin`; what lies wholly in the first `known` bytes was found before."""
    where, at = [], text.find(needle)
    while at >= 0:
        if at + len(needle) > known:
            where.append(begin + at)
        at = text.find(needle, at + 1)
    return where


def disguise(row: bytes, how: int) -> bytes:
    """The row as another picture that is as easy to find: mirrored (1), negative (2), or both (3)."""
    row = row[::-1] if how & 1 else row
    return bytes(255 - value for value in row) if how & 2 else row
