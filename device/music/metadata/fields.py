"""The texts in the tags of every format, by the names of our own. Pure: looks only at what mutagen or FFmpeg read.

mutagen is no C library but has its own ideas of every format's tags; the table below brings them together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain, islice
from typing import Any

MOST_TEXTS = 100  # under one name; a hostile file may have millions
LONGEST_COMMENT = 10_000  # characters that are looked at

# ID3 (MP3, WAV, AIFF, AAC) · Vorbis comments (FLAC, Ogg, Opus) · MP4 · ASF (WMA). APEv2, Matroska and FFmpeg use the
# names of Vorbis, Matroska perhaps with what they speak of. Their case does not matter.
NAMES: Mapping[str, tuple[str, ...]] = {
    "title": ("TIT2", "title", "track/title", "\xa9nam"),
    "artist": ("TPE1", "artist", "track/artist", "\xa9ART", "Author", "TPE2", "albumartist", "album artist",
               "album_artist", "album/artist", "aART", "WM/AlbumArtist"),
    "album": ("TALB", "album", "album/title", "\xa9alb", "WM/AlbumTitle"),
    "album_artist": ("TPE2", "albumartist", "album artist", "album_artist", "album/artist", "aART", "WM/AlbumArtist"),
    "number": ("TRCK", "tracknumber", "track", "track/part_number", "trkn", "WM/TrackNumber"),
    "disc": ("TPOS", "discnumber", "disc", "album/part_number", "disk", "WM/PartOfSet"),
    "mood": ("TMOO", "mood", "TXXX:mood", "----:mood", "WM/Mood"),
    "grouping": ("GRP1", "TIT1", "grouping", "contentgroup", "\xa9grp", "WM/ContentGroupDescription"),
    "comment": ("COMM", "comment", "description", "\xa9cmt"),
    "genre": ("TCON", "genre", "\xa9gen", "WM/Genre"),
}  # fmt: skip

# The official names of Matroska (matroska.org, "Tags"), as FFmpeg writes them.
MATROSKA: Mapping[str, tuple[str, ...]] = {
    "replaygain_track_gain": ("track/replaygain_gain", "replaygain_gain"),
    "replaygain_track_peak": ("track/replaygain_peak", "replaygain_peak"),
    "replaygain_album_gain": ("album/replaygain_gain",),
    "replaygain_album_peak": ("album/replaygain_peak",),
}

Texts = Callable[[str], str]
"""The first text under a name, whatever the format calls it; empty if there is none."""


def texts_of(field: str, sources: Iterable[Any]) -> list[str]:
    """All texts in one of the fields of `NAMES`, those of the first source first."""
    return list(islice(_texts(NAMES[field], sources), MOST_TEXTS))


def own_text(name: str, sources: Iterable[Any]) -> str:
    """The first text under a name that no format but all taggers know, such as "replaygain_track_gain"."""
    return next(_texts((name, f"TXXX:{name}", f"----:{name}", *MATROSKA.get(name, ())), sources), "")


def texts_with(beginning: str, sources: Iterable[Any]) -> Iterator[str]:
    """The first text under each name that begins so, such as "rating:" with the address of who gave it."""
    for tags in sources:
        for key in list(tags.keys())[:MOST_TEXTS]:
            name = _plain(key).removeprefix("txxx:").removeprefix("----:")
            if name.startswith(beginning):
                yield next(iter(_flat(tags[key])), "")[:LONGEST_COMMENT]


def _texts(names: tuple[str, ...], sources: Iterable[Any]) -> Iterator[str]:
    for tags in sources:
        keys: dict[str, list[Any]] = {}
        for key in list(tags.keys()):  # iterating over Vorbis or ASF tags gives pairs instead
            keys.setdefault(_plain(key), []).append(key)
        for key in chain.from_iterable(keys.get(name.casefold(), ()) for name in names):
            yield from (text[:LONGEST_COMMENT] for text in _flat(tags[key]))


def _plain(key: str) -> str:
    """A key without case, without the language and subject of an ID3 comment, and without the domain of an MP4 name."""
    folded = key.strip().casefold()
    if folded.startswith("comm:"):
        return "comm"
    if folded.startswith("----:"):
        return f"----:{folded.partition(':')[2].partition(':')[2]}"
    return folded


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
