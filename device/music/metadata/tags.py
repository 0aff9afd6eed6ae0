"""The tags of a music file, and functions that make their texts printable. Pure.

reader.py reads `Tags` in a process of its own. A hostile file may have taken that process over, so every field has its
limits, and msgspec holds them when it decodes (workers/protocol.py).
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from msgspec import Meta

from device.domain import MoodName

LONGEST_TEXT = 300  # characters; nobody's title is longer, and it goes into every MQTT message
LONGEST_S = 10 * 86400.0  # seconds; nobody's file is longer
MOST_GAIN_DB = 60.0  # up or down; what lies beyond is a tagger's mistake
HIGHEST_PEAK = 100.0  # times full scale
DISC = 1000  # more tracks than a disc has
MOST_NUMBER = DISC * DISC - 1

Text = Annotated[str, Meta(max_length=LONGEST_TEXT)]


@dataclass(frozen=True, slots=True)
class Tags:
    """The tags of a file; missing ones are empty. `duration_s` is 0 if unknown, and never an estimate. `mood` is None
    if no tag names one. `gain_db` and `peak`: see replaygain.py. `number`: the place in the album, 1000 for each disc
    before (0: unknown). `rating`: see rating.py."""

    title: Text = ""
    artist: Text = ""
    album: Text = ""
    duration_s: Annotated[float, Meta(ge=0, le=LONGEST_S)] = 0.0
    mood: MoodName | None = None
    gain_db: Annotated[float, Meta(ge=-MOST_GAIN_DB, le=MOST_GAIN_DB)] | None = None
    peak: Annotated[float, Meta(gt=0, le=HIGHEST_PEAK)] | None = None
    album_artist: Text = ""
    genre: Text = ""
    number: Annotated[int, Meta(ge=0, le=MOST_NUMBER)] = 0
    rating: Annotated[float, Meta(ge=0, le=1)] | None = None

    def __post_init__(self) -> None:
        """Raises ValueError for a text that cannot be shown, also when msgspec decodes it."""
        if not (self.title + self.artist + self.album + self.album_artist + self.genre).isprintable():
            raise ValueError("a text has characters that cannot be shown")


def shown(path: Path) -> str:
    """The path for people, even where its bytes are not UTF-8."""
    return os.fsencode(path).decode("utf-8", "replace")


def tidy(name: str) -> str:
    """A title from a file's name: "01 - Foo_bar.mp3" is "Foo bar"."""
    stem = re.sub(r"\.\w{2,4}$", "", name).replace("_", " ").strip()
    without_number = re.sub(r"^(?:\d{1,2}-)?(?:\d{2,3}\s*[-.)]+\s*|0\d\s+)(?=[^\d\s])", "", stem)
    return clean(without_number or stem) or name


def number_of(track: str, disc: str) -> int:
    """The place in the album, from texts such as "3", "03" or "3/12"; discs after the first add 1000 each."""
    number, before = _whole(track), max(_whole(disc) - 1, 0)
    return min(before, DISC - 1) * DISC + number if 0 < number < DISC else 0


def _whole(text: str) -> int:
    found = re.match(r"\s*(\d{1,4})", text)
    return int(found[1]) if found else 0


def clean(text: str) -> str:
    """One line without control characters or halves of surrogate pairs, of bounded length."""
    printable = "".join(char if char.isprintable() else " " for char in text[: 4 * LONGEST_TEXT])
    return " ".join(printable.split())[:LONGEST_TEXT]
