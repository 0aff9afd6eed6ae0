"""Says which files are no music. Pure."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from device.music.metadata.tags import shown
from device.music.track_mood import Doubt

NAMED = 3  # files that a sentence names


def sentences(found: Iterable[tuple[str, bytes]]) -> Iterator[str]:
    """A sentence for each kind of sound; `found`: doubt and path of each file."""
    names: dict[str, list[str]] = {}
    for doubt, path in found:
        names.setdefault(doubt, []).append(shown(Path(os.fsdecode(path))))
    for doubt, files in names.items():
        verb = "is" if doubt == Doubt.SILENCE else "sounds like"
        subject = f"{files[0]} {verb}"
        if len(files) > 1:
            subject = f"{len(files):,} files {'are' if doubt == Doubt.SILENCE else 'sound like'}"
        yield f"{subject} {doubt}, so no mood chooses {'them' if len(files) > 1 else 'it'}{_names(files)}."


def _names(files: list[str]) -> str:
    """The first names of several files."""
    if len(files) == 1:
        return ""
    more = f" and {len(files) - NAMED:,} more" if len(files) > NAMED else ""
    return f": {', '.join(files[:NAMED])}{more}"
