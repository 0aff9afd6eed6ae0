"""The tracks as arrays, so that one of 100,000 can be chosen within milliseconds. Pure; belongs to the main thread.

A row is a track; everything that decides about it stands in a column. Nothing here is ever changed: another library is
another index.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from operator import attrgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from device.domain import Affect, MoodOrigin, Track

Floats = NDArray[np.floating[Any]]
Rows = NDArray[np.intp]

UNCERTAINTY: Mapping[MoodOrigin, float] = {
    MoodOrigin.USER: 0.05,
    MoodOrigin.FOLDER: 0.1,
    MoodOrigin.TAG: 0.2,
    MoodOrigin.MODEL: 0.3,
    MoodOrigin.UNKNOWN: 0.7,
}
"""The standard deviation of a track's place where nobody states one, in units of the plane."""

NOBODY = 0
"""The number of the artist of tracks that name none."""

SAMPLE = 2048  # tracks whose mean stands for the mean of all features


class TrackIndex:
    """`tracks` and, in the same order: `valence`, `arousal` and `uncertainty` (float32), `artist` (a number for each
    name, 0 for none). `row` finds a track by its key."""

    def __init__(self, tracks: Sequence[Track] = ()) -> None:
        self.tracks = tracks
        count = len(tracks)
        self.row: Mapping[str, int] = {track.key: row for row, track in enumerate(tracks)}
        self.valence = np.fromiter(map(attrgetter("affect.valence"), tracks), np.float32, count)
        self.arousal = np.fromiter(map(attrgetter("affect.arousal"), tracks), np.float32, count)
        self.uncertainty = np.fromiter(map(_uncertainty, tracks), np.float32, count)
        numbers: dict[str, int] = {"": NOBODY}
        self.artist = np.fromiter((numbers.setdefault(track.artist, len(numbers)) for track in tracks), np.intp, count)
        self.artists = len(numbers)
        self._features, self._described = _features(tracks)
        self._middle = _middle(self._features[self._described])

    def __len__(self) -> int:
        return len(self.tracks)

    def distance(self, affect: Affect) -> Floats:
        """float32[n]: how far each track stands from a point of the plane."""
        across, up = self.valence - np.float32(affect.valence), self.arousal - np.float32(affect.arousal)
        distance: Floats = np.sqrt(across * across + up * up)
        return distance

    def rows(self, keys: Collection[str]) -> list[int]:
        """The rows of those keys that are in the library."""
        return [self.row[key] for key in keys if key in self.row]

    def sound(self, rows: Rows | Sequence[int]) -> Floats:
        """float32[len(rows), d]: how these tracks sound, as unit vectors whose dot products are cosines.

        The mean of the library is taken off first: features of real music have a large common part, which would make
        everything sound alike. Tracks that were not analysed are null vectors, like nothing at all.
        """
        vectors = self._features[rows].astype(np.float32) - self._middle
        vectors[~self._described[rows]] = 0.0
        length = np.sqrt(np.einsum("nd,nd->n", vectors, vectors))
        vectors /= np.maximum(length, 1e-6)[:, None]
        return vectors


def _uncertainty(track: Track) -> float:
    return UNCERTAINTY[track.origin] if track.uncertainty is None else track.uncertainty


def _features(tracks: Sequence[Track]) -> tuple[NDArray[np.float16], NDArray[np.bool_]]:
    """float16[n, d] and which rows are described. Vectors of another length than most are of another model: blank."""
    sizes = Counter(len(track.features) for track in tracks if track.features)
    size = max(sizes, key=lambda size: sizes[size], default=0)
    described = np.fromiter((size > 0 and len(track.features) == size for track in tracks), np.bool_, len(tracks))
    blank = bytes(size)
    data = b"".join(track.features if len(track.features) == size else blank for track in tracks)
    return np.frombuffer(data, np.dtype("<f2")).reshape(len(tracks), size // 2), described


def _middle(features: NDArray[np.float16]) -> Floats:
    """The mean vector, from a sample spread over the library; null where there are too few to have a common part."""
    sample = features[:: max(1, len(features) // SAMPLE)].astype(np.float32)
    return sample.mean(axis=0) if len(sample) >= 20 else np.zeros(features.shape[1], np.float32)
