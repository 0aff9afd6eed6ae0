"""What a walk through the music folders finds. Plain values, any thread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from device.domain import MoodName

LARGEST = 2**63 - 1  # what SQLite can keep; ext4 has dates until 2446, and FUSE passes on any number


class Root(NamedTuple):
    """What comes and goes as a whole: the part of a music folder that lies on one mounted drive.

    `folder` is the music folder as the configuration means it; `mount` is where the drive is mounted, also if a link
    leads there.
    """

    folder: bytes
    mount: bytes


@dataclass(frozen=True, slots=True)
class Found:
    """A file that may be music. `mood` is that of the nearest folder named after one, up to the music folder. `links`
    counts the symbolic links on the way. `named`: its name says that it is music; otherwise the content decides."""

    path: bytes
    mood: MoodName | None
    size: int
    mtime_ns: int
    ctime_ns: int
    root: Root
    links: int
    named: bool


class FoundPlaylist(NamedTuple):
    """A playlist file, and the root that it is on."""

    root: Root
    size: int
    mtime_ns: int


def bounded(number: int) -> int:
    """The nearest number that the catalogue can keep."""
    return max(-LARGEST, min(number, LARGEST))
