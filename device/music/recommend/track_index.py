"""The tracks as arrays, to choose one of 100,000 within milliseconds. Pure; any thread may build an index.

A row is a track; the columns hold everything that decides about it. An index never changes: a new library gets a new
index. The scanner's thread builds a big one in chunks: a single NumPy call over 100,000 Python objects would hold the
interpreter, and so the main thread, for tens of milliseconds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from operator import attrgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from device.domain import Affect, MoodName, MoodOrigin, Track

Floats = NDArray[np.floating[Any]]
Rows = NDArray[np.intp]

UNCERTAINTY: Mapping[MoodOrigin, float] = {
    MoodOrigin.USER: 0.05,
    MoodOrigin.FOLDER: 0.1,
    MoodOrigin.TAG: 0.2,
    MoodOrigin.MODEL: 0.3,
    MoodOrigin.UNSURE: 0.7,
    MoodOrigin.NOT_MUSIC: 0.7,
    MoodOrigin.UNKNOWN: 0.7,
}
"""The standard deviation of a track's point by origin, if the model gives none; in units of the plane."""

MOODS = {mood: number for number, mood in enumerate(MoodName)}
"""The number of each mood."""

NOBODY = 0
"""The artist number of tracks without an artist."""

CHUNK = 4096  # tracks that one call into NumPy reads

SAMPLE = 2048  # tracks whose mean stands for the mean of all features


class TrackIndex:
    """`tracks` and, in the same order: `valence`, `arousal` and `uncertainty` (float32), `mood` (the number of its
    name), `artist` (a number for each name, 0 for none), `is_music` (bool), `rating` (NaN for none). `row` maps a key
    to its row. `analysed` counts analysed tracks. Two libraries with the same `signature` have the same files."""

    def __init__(self, tracks: Sequence[Track] = ()) -> None:
        self.tracks = tracks
        self.row: Mapping[str, int] = {track.key: row for row, track in enumerate(tracks)}
        self.valence = _column(tracks, attrgetter("affect.valence"), np.float32)
        self.arousal = _column(tracks, attrgetter("affect.arousal"), np.float32)
        self.uncertainty = _column(tracks, _uncertainty, np.float32)
        self.mood = _column(tracks, lambda track: MOODS[track.mood], np.int8)
        numbers: dict[str, int] = {"": NOBODY}
        self.artist = _column(tracks, lambda track: numbers.setdefault(track.artist, len(numbers)), np.intp)
        self.artists = len(numbers)
        self.is_music = _column(tracks, lambda track: track.origin is not MoodOrigin.NOT_MUSIC, np.bool_)
        self.rating = _column(tracks, _rating, np.float32)
        self._features, self._described = _features(tracks)
        self._middle = _middle(self._features[self._described])
        self.analysed = sum(1 for track in tracks if track.features)
        self.signature = hash(tuple(track.uri for track in tracks))

    def __len__(self) -> int:
        return len(self.tracks)

    def distance(self, affect: Affect) -> Floats:
        """float32[n]: the distance of each track from a point of the plane."""
        across, up = self.valence - np.float32(affect.valence), self.arousal - np.float32(affect.arousal)
        distance: Floats = np.sqrt(across * across + up * up)
        return distance

    def rows(self, keys: Collection[str]) -> list[int]:
        """The rows of those keys that are in the library."""
        return [self.row[key] for key in keys if key in self.row]

    def sound(self, rows: Rows | Sequence[int]) -> Floats:
        """float32[len(rows), d]: the sound of these tracks, as unit vectors whose dot products are cosines.

        The mean of the library is subtracted first: features of real music have a large common part, which would make
        everything sound alike. Tracks that are not analysed are zero vectors, which resemble nothing.
        """
        vectors = self._features[rows].astype(np.float32) - self._middle
        vectors[~self._described[rows]] = 0.0
        length = np.sqrt(np.einsum("nd,nd->n", vectors, vectors))
        vectors /= np.maximum(length, 1e-6)[:, None]
        return vectors


def _column(tracks: Sequence[Track], value: Callable[[Track], object], kind: type[np.generic]) -> NDArray[Any]:
    """One value of each track, as an array."""
    parts = [
        np.fromiter(map(value, tracks[start : start + CHUNK]), kind, len(tracks[start : start + CHUNK]))
        for start in range(0, len(tracks), CHUNK)
    ]
    return np.concatenate(parts) if parts else np.zeros(0, kind)


def _rating(track: Track) -> float:
    return np.nan if track.rating is None else track.rating


def _uncertainty(track: Track) -> float:
    return UNCERTAINTY[track.origin] if track.uncertainty is None else track.uncertainty


def _features(tracks: Sequence[Track]) -> tuple[NDArray[np.float16], NDArray[np.bool_]]:
    """float16[n, d], and which rows have features. Vectors of an unusual length come from another model: zero."""
    sizes = Counter(len(track.features) for track in tracks if track.features)
    size = max(sizes, key=lambda size: sizes[size], default=0)
    described = _column(tracks, lambda track: size > 0 and len(track.features) == size, np.bool_)
    blank = bytes(size)
    data = b"".join(track.features if len(track.features) == size else blank for track in tracks)
    return np.frombuffer(data, np.dtype("<f2")).reshape(len(tracks), size // 2), described


def _middle(features: NDArray[np.float16]) -> Floats:
    """The mean vector of a sample spread over the library; zero if there are too few tracks for a common part."""
    sample = features[:: max(1, len(features) // SAMPLE)].astype(np.float32)
    return sample.mean(axis=0) if len(sample) >= 20 else np.zeros(features.shape[1], np.float32)
