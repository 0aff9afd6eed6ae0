"""The library as points in the valence-arousal plane: moods by the model and moods by people. Pure."""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from device.domain import MOOD_AFFECT, Affect, MoodName, MoodOrigin, Track

NO_MOOD = (MoodOrigin.UNKNOWN, MoodOrigin.NOT_MUSIC)
BY_MODEL = (MoodOrigin.MODEL, MoodOrigin.UNSURE)
SCATTER = 0.12  # of tracks that are not analysed, around the point of their mood
MOVED = 0.02  # the shortest move by corrections that is shown
FAR = 0.9  # a track is doubtful if the model puts it this far from the point of the mood that people chose


@dataclass(frozen=True, slots=True)
class Point:
    """A track. `analysed`: the model put it here; otherwise it is near the point of its mood. `by_model`: the model
    chose its mood; otherwise a person did. `distance`: to the point of the mood that a person chose, or 0."""

    title: str
    artist: str
    affect: Affect
    mood: MoodName
    analysed: bool
    by_model: bool
    uncertainty: float
    distance: float
    model: Affect | None = None
    """Where the model put it, if people's corrections of other tracks have moved it from there."""

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.title} ({self.artist})" if self.artist else self.title


def points_of(tracks: Sequence[Track], affects: Mapping[str, tuple[float, float, float]]) -> list[Point]:
    """All tracks with a known mood. `affects`: valence, arousal and uncertainty of the analysed tracks, by key."""
    return [_point(track, affects.get(track.key)) for track in tracks if track.origin not in NO_MOOD]


def _point(track: Track, found: tuple[float, float, float] | None) -> Point:
    by_model = track.origin in BY_MODEL
    if found is None:
        affect, uncertainty = _near(MOOD_AFFECT[track.mood], track.key), 0.0
    else:
        affect, uncertainty = Affect(found[0], found[1]), found[2]
    model = None
    if by_model and found is not None and affect.distance(track.affect) > MOVED:
        affect, model = track.affect, affect
    distance = 0.0 if by_model or found is None else affect.distance(MOOD_AFFECT[track.mood])
    return Point(
        track.title, track.artist, affect, track.mood, found is not None, by_model, uncertainty, distance, model
    )  # fmt: skip


def _near(affect: Affect, key: str) -> Affect:
    """A point near `affect` that is the same each time, so that many tracks of one mood do not look like one."""
    number = zlib.crc32(key.encode())
    angle, radius = (number & 0xFFFF) / 0xFFFF * 2 * math.pi, SCATTER * math.sqrt((number >> 16) / 0xFFFF)
    return Affect(affect.valence + radius * math.cos(angle), affect.arousal + radius * math.sin(angle))


def doubtful(points: Sequence[Point], most: int) -> list[Point]:
    """Tracks that the model puts far from the mood that a person chose, the farthest first."""
    far = [point for point in points if point.distance >= max(FAR, 2 * point.uncertainty)]
    return sorted(far, key=lambda point: -point.distance)[:most]


def counts(points: Sequence[Point]) -> dict[MoodName, tuple[int, int]]:
    """For each mood: the number of tracks that got it from people, and from the model."""
    return {
        mood: (
            sum(1 for point in points if point.mood is mood and not point.by_model),
            sum(1 for point in points if point.mood is mood and point.by_model),
        )
        for mood in MoodName
    }
