"""Says which files are no music, and when none is. Pure."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from device.domain import MoodOrigin, Track
from device.music.metadata.tags import shown
from device.music.track_mood import Doubt

NAMED = 3  # files that a sentence names


def sentences(found: Iterable[tuple[str, bytes]]) -> Iterator[str]:
    """A sentence for each kind of sound; `found`: doubt and path of each file."""
    names: dict[str, list[str]] = {}
    for doubt, path in found:
        names.setdefault(doubt, []).append(shown(Path(os.fsdecode(path))))
    for doubt, files in names.items():
        many = len(files) > 1
        subject, them = (f"{len(files):,} files", "them") if many else (files[0], "it")
        if doubt == Doubt.SILENCE:
            words = "are silent" if many else "is silent"
        else:
            words = f"sound like {doubt}" if many else f"sounds like {doubt}"
        yield f"{subject} {words}, so no mood chooses {them}{_names(files)}."


def without_music(tracks: Sequence[Track]) -> str:
    """Why nothing plays although there are files, and what to do; empty if any of them is music."""
    if not tracks or any(track.origin is not MoodOrigin.NOT_MUSIC for track in tracks):
        return ""
    return (
        "Nothing here sounds like music, so no mood chooses anything; copy music here, or put these files into a "
        "folder named after a mood, such as calm."
    )


def _names(files: list[str]) -> str:
    """The first names of several files."""
    if len(files) == 1:
        return ""
    more = f" and {len(files) - NAMED:,} more" if len(files) > NAMED else ""
    return f": {', '.join(files[:NAMED])}{more}"
