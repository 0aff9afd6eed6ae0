"""What a scan found, for people: tracks by mood, and what is wrong. Prints to a console."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.text import Text

from device.domain import LibraryLoaded, MoodName, MoodOrigin
from device.music.library.catalogue import plural

MOST_NOTES = 20  # on a terminal; a pipe gets all


def show(console: Console, found: LibraryLoaded) -> None:
    """The summary, then problems and notes, one a line. Lines are as long as they are: a terminal wraps them itself."""
    for line in summary(found):
        _print(console, Text(line))
    listed = found.notes[:MOST_NOTES] if console.is_terminal else found.notes
    for sentence in (*found.problems, *listed):
        _print(console, Text.assemble(("! ", "yellow"), one_line(sentence)))
    if more := len(found.notes) - len(listed):
        _print(console, Text(f"  and {more:,} more; affetto scan | less lists them all"))
    if not found.tracks:
        _print(console, Text(f"Folders named {', '.join(MoodName)} say which mood their music has."))


def summary(found: LibraryLoaded) -> Iterator[str]:
    """How many tracks there are, and a table of moods and whose word they are."""
    wrong = plural(len(found.problems), "problem")
    yield f"{plural(len(found.tracks), 'track')}, {wrong}, {plural(len(found.notes), 'note')}"
    counts = Counter((track.mood, track.origin) for track in found.tracks)
    origins = [origin for origin in MoodOrigin if any(o is origin for _, o in counts)]
    moods = [mood for mood in MoodName if any(m is mood for m, _ in counts)]
    if moods:
        rows = [[str(mood), *(str(counts[mood, origin]) for origin in origins)] for mood in moods]
        yield from table(["mood", *(f"by {origin}" for origin in origins)], rows)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """The first column to the left, the others to the right; nothing is padded at the end of a line."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    for row in (head, *rows):
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        yield "  ".join(cells).rstrip()


def one_line(text: str) -> str:
    """Without line breaks and other characters that would confuse a terminal: file names may hold any."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def _print(console: Console, text: Text) -> None:
    console.print(text, soft_wrap=True)
