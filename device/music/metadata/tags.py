"""Reads what a music file says of itself: names, length, mood words, loudness. Touches only the file it is given.

Runs in a process of its own (workers/reader_main.py), because mutagen believes what files say of their parts' size.

Formats are told by content, not by suffix, through mutagen, which is no C library but has its own ideas of every
format's tags: the table below brings them together. Whatever is wrong with a file becomes a LibraryError that names it;
a hostile file must not end a scan.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import mutagen
from msgspec import Meta

from device.domain import MoodName
from device.errors import LibraryError
from device.music.metadata import riff
from device.music.metadata.mood_words import mood_of_tags
from device.music.metadata.replaygain import gain_of_tags

LONGEST_TEXT = 300  # characters; nobody's title is longer, and it goes into every MQTT message
LONGEST_S = 10 * 86400.0  # seconds; nobody's file is longer

Text = Annotated[str, Meta(max_length=LONGEST_TEXT)]

# ID3 (MP3, WAV, AIFF, AAC) · Vorbis comments (FLAC, Ogg, Opus) · MP4 · ASF (WMA). APEv2 uses the names of Vorbis.
NAMES: Mapping[str, tuple[str, ...]] = {
    "title": ("TIT2", "title", "\xa9nam", "Title"),
    "artist": ("TPE1", "artist", "\xa9ART", "Author", "TPE2", "albumartist", "aART", "WM/AlbumArtist"),
    "album": ("TALB", "album", "\xa9alb", "WM/AlbumTitle"),
    "mood": ("TMOO", "mood", "TXXX:MOOD", "TXXX:mood", "TXXX:Mood", "----:com.apple.iTunes:MOOD", "WM/Mood"),
    "grouping": ("GRP1", "TIT1", "grouping", "contentgroup", "\xa9grp", "WM/ContentGroupDescription"),
    "comment": ("COMM", "comment", "description", "\xa9cmt", "Description"),
    "genre": ("TCON", "genre", "\xa9gen", "WM/Genre"),
}
MOOD_FIELDS = ("mood", "grouping", "comment", "genre")  # in the order in which they are believed


class _Anonymous(io.BufferedReader):
    """A file that does not tell its name, because mutagen would believe it: a FLAC may well be called song.mp3."""

    name = ""


@dataclass(frozen=True, slots=True)
class Tags:
    """What a file says of itself; empty where it says nothing. `mood` is None if no tag names one. `gain_db` and
    `peak`: see loudness.py."""

    title: Text = ""
    artist: Text = ""
    album: Text = ""
    duration_s: Annotated[float, Meta(ge=0, le=LONGEST_S)] = 0.0
    mood: MoodName | None = None
    gain_db: Annotated[float, Meta(ge=-60, le=60)] | None = None
    peak: Annotated[float, Meta(gt=0, le=100)] | None = None

    def __post_init__(self) -> None:
        """Raises ValueError for a text that cannot be shown, also when msgspec decodes it."""
        if not (self.title + self.artist + self.album).isprintable():
            raise ValueError("a text has characters that cannot be shown")


def read(path: Path) -> Tags:
    """The tags of the file at `path`. Raises LibraryError."""
    try:
        if os.path.getsize(path) == 0:
            raise LibraryError(f"{shown(path)} is empty")
        with _Anonymous(io.FileIO(path)) as file:
            by_content = mutagen.File(file)  # false if it has no tags, hence "is None"
            return _tags(mutagen.File(path) if by_content is None else by_content, path, riff.info(file))
    except LibraryError:
        raise
    except Exception as error:  # mutagen's parsers raise whatever a damaged file makes them trip over
        raise LibraryError(f"{shown(path)} {_reason(error)}") from error


def shown(path: Path) -> str:
    """The path for people, also where its bytes are no UTF-8."""
    return os.fsencode(path).decode("utf-8", "replace")


def tidy(name: str) -> str:
    """A title from a file's name: "01 - Foo_bar.mp3" is "Foo bar"."""
    stem = re.sub(r"\.\w{2,4}$", "", name).replace("_", " ").strip()
    without_number = re.sub(r"^(?:\d{1,2}-)?(?:\d{2,3}\s*[-.)]+\s*|0\d\s+)(?=[^\d\s])", "", stem)
    return _clean(without_number or stem) or name


def _tags(file: Any, path: Path, more: Mapping[str, list[str]]) -> Tags:
    if file is None or file.info is None:
        raise LibraryError(f"{shown(path)} is not music, whatever its name says")
    duration_s = float(getattr(file.info, "length", 0.0) or 0.0)
    kind = type(file).__name__
    if duration_s <= 0 and kind in ("WAVE", "AIFF"):  # others may not say how long they are
        raise LibraryError(f"{shown(path)} holds no sound")
    texts = {field: [*_texts(file.tags, names), *more.get(field, ())] for field, names in NAMES.items()}
    first = {field: next((text for text in map(_clean, found) if text), "") for field, found in texts.items()}
    gain_db, peak = gain_of_tags(lambda name: next(_texts(file.tags, _spellings(name)), ""))
    return Tags(
        first["title"],
        first["artist"],
        first["album"],
        duration_s if duration_s < LONGEST_S else 0.0,
        mood_of_tags(text for field in MOOD_FIELDS for text in texts[field]),
        gain_db,
        peak,
    )


def _spellings(name: str) -> tuple[str, ...]:
    """What the formats make of a name of our own choice, in any case: Vorbis, APEv2 and ASF keep it as it is."""
    return name, f"TXXX:{name}", f"----:com.apple.iTunes:{name}"


def _texts(tags: Any, names: tuple[str, ...]) -> Iterator[str]:
    """All texts under any of these names. ID3 allows several comments, "COMM:about:eng" for instance."""
    if not tags:
        return
    keys = list(tags.keys())  # iterating over Vorbis or ASF tags gives pairs instead
    for name in names:
        for key in keys:
            if key.casefold() == name.casefold() or (name == "COMM" and key.startswith("COMM:")):
                yield from _flat(tags[key])


def _flat(value: Any) -> Iterator[str]:
    if isinstance(value, bytes):  # MP4's free-form tags
        yield value.decode("utf-8", "replace")
    elif hasattr(value, "genres"):  # ID3 genres may be numbers
        yield from value.genres
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _flat(part)
    elif isinstance(getattr(value, "text", None), list):
        yield from map(str, value.text)
    else:
        yield str(value)


def _clean(text: str) -> str:
    """One line without control characters or halves of surrogate pairs, of bounded length."""
    printable = "".join(char if char.isprintable() else " " for char in text[: 4 * LONGEST_TEXT])
    return " ".join(printable.split())[:LONGEST_TEXT]


def _reason(error: Exception) -> str:
    cause = error.__cause__ or error.__context__ or error
    for one in (error, *error.args, cause):
        if isinstance(one, OSError) and one.strerror:
            return f"cannot be read: {one.strerror.lower()}"
    detail = _clean(str(error)) or type(error).__name__
    return f"is damaged or not music ({detail[:100]})"
