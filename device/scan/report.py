"""The result of a scan, for people: tracks by mood, and problems. Prints to a console."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.text import Text

from device.console import count
from device.domain import LibraryLoaded, MoodName, MoodOrigin

NONE = "none"  # the mood of what is no music
HEADS = {MoodOrigin.UNKNOWN: "unknown", MoodOrigin.NOT_MUSIC: "not music", MoodOrigin.UNSURE: "unsure"}
"""Columns of tracks whose mood comes from nobody."""
MOST_NOTES = 20  # on a terminal; a pipe gets all


def show(console: Console, found: LibraryLoaded) -> None:
    """Print the summary, then problems and notes, one per line. Long lines are not wrapped."""
    for line in summary(found):
        _print(console, Text(line))
    listed = found.notes[:MOST_NOTES] if console.is_terminal else found.notes
    for sentence in (*found.problems, *listed):
        _print(console, Text.assemble(("! ", "yellow"), one_line(sentence)))
    if more := len(found.notes) - len(listed):
        _print(console, Text(f"  and {more:,} more; affetto scan | less lists them all"))
    if not found.tracks:
        _print(console, Text(f"Folders named {', '.join(MoodName)} set the mood of their music."))


def summary(found: LibraryLoaded) -> Iterator[str]:
    """The number of tracks, and a table of moods by their origin."""
    wrong = count(len(found.problems), "problem")
    yield f"{count(len(found.tracks), 'track')}, {wrong}, {count(len(found.notes), 'note')}"
    no_music = MoodOrigin.NOT_MUSIC
    counts = Counter((NONE if track.origin is no_music else track.mood, track.origin) for track in found.tracks)
    origins = [origin for origin in MoodOrigin if any(o is origin for _, o in counts)]
    moods = [mood for mood in (*MoodName, NONE) if any(m == mood for m, _ in counts)]
    if moods:
        rows = [[str(mood), *(str(counts[mood, origin]) for origin in origins)] for mood in moods]
        yield from table(["mood", *(HEADS.get(origin, f"by {origin}") for origin in origins)], rows)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Rows with the first column left-aligned and the others right-aligned, without trailing blanks."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    for row in (head, *rows):
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        yield "  ".join(cells).rstrip()


def one_line(text: str) -> str:
    """The text without line breaks and control characters, which file names may contain."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def _print(console: Console, text: Text) -> None:
    console.print(text, soft_wrap=True)
