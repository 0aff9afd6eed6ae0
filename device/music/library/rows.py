"""The rows of the catalogue: what is known of a file, and what was heard in its content. Pure; a leaf of the music."""

from __future__ import annotations

from dataclasses import dataclass

from device.domain import MoodName


@dataclass(frozen=True, slots=True)
class FileRow:
    """What is known of one file. `problem` says why it cannot be played, if so; `present`: it was there when its place
    was looked at last; `place` numbers that. `gain_db` and `peak`: see reading/loudness.py. `former`: `key` was made by
    format 1, and nobody knows yet what it would be called today."""

    path: bytes
    place: int
    size: int
    mtime_ns: int
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
    problem: str
    present: bool = True
    former: bool = False


@dataclass(frozen=True, slots=True)
class AnalysisRow:
    """What analysis heard in the content called `key`; if it failed, `problem` says how, and the figures mean nothing.
    `model` names who listened."""

    key: str
    model: str
    problem: str = ""
    valence: float = 0.0
    arousal: float = 0.0
    uncertainty: float = 0.0
    tempo_bpm: float = 0.0
    features: bytes = b""
    loudness_lufs: float | None = None
