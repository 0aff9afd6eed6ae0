"""The rows of the catalogue: what is known of a file, and what analysis found in its content. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from device.domain import MoodName


@dataclass(frozen=True, slots=True)
class FileRow:
    """What is known of one file.

    `root` is the number of its `Root`. `links` counts the symbolic links on the way from the music folder to it.
    `gain_db` and `peak`: see metadata/replaygain.py. `problem` says why the file
    cannot be played. `is_music` is False for a file whose name says nothing and whose content is no sound. `present`:
    the file was there when its root was looked at last. `legacy_key`: format 1 made `key`, and nobody knows yet what
    it would be today. `number`: the place in the album, 1000 for each disc before (0: unknown). `rating`: what the tags
    say of somebody's taste, in [0, 1].
    """

    path: bytes
    root: int
    links: int
    size: int
    mtime_ns: int
    ctime_ns: int
    key: str
    uri: str
    title: str
    artist: str
    album: str
    duration_s: float
    tag_mood: MoodName | None
    folder_mood: MoodName | None
    gain_db: float | None
    peak: float | None
    problem: str = ""
    is_music: bool = True
    present: bool = True
    legacy_key: bool = False
    album_artist: str = ""
    genre: str = ""
    number: int = 0
    rating: float | None = None


class KnownFile(NamedTuple):
    """The part of a `FileRow` that a scan compares with the disk."""

    path: bytes
    root: int
    links: int
    size: int
    mtime_ns: int
    ctime_ns: int
    folder_mood: str | None
    present: int
    legacy_key: int


@dataclass(frozen=True, slots=True)
class AnalysisRow:
    """What analysis by `model` found in the content with this `key`. If it failed, `problem` says how, and the figures
    mean nothing. `doubt` is a `Doubt`."""

    key: str
    model: str
    problem: str = ""
    valence: float = 0.0
    arousal: float = 0.0
    uncertainty: float = 0.0
    tempo_bpm: float = 0.0
    features: bytes = b""
    loudness_lufs: float | None = None
    doubt: str = ""
