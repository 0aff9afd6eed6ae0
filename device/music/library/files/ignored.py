"""What the owner does not count as music: podcasts, audio books and the like. Pure.

A pattern is the name of a folder or file, with * and ? as on a command line; `genre:` and a pattern mean the genre in
the tags. Case and accents do not matter.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable

from device.music.library.fold import fold

MARK = b".nomedia"  # Android's: nothing in this folder, and below, is for a player
GENRE = "genre:"


class Ignored:
    """`patterns` as in `music.ignore`."""

    def __init__(self, patterns: Iterable[str] = ()) -> None:
        folded = [fold(pattern).strip() for pattern in patterns]
        self._names = _any_of(one for one in folded if one and not one.startswith(GENRE))
        self._genres = _any_of(one.removeprefix(GENRE).strip() for one in folded if one.startswith(GENRE))

    def name(self, name: bytes) -> bool:
        """Whether the folder or file with this name is left out."""
        return self._names is not None and bool(self._names.match(fold(name.decode("utf-8", "replace"))))

    def genre(self, genre: str) -> bool:
        """Whether files of this genre are left out."""
        return self._genres is not None and bool(self._genres.match(fold(genre)))


def _any_of(patterns: Iterable[str]) -> re.Pattern[str] | None:
    listed = [fnmatch.translate(pattern) for pattern in patterns if pattern]
    return re.compile("|".join(listed)) if listed else None
