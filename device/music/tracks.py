"""Rows of the catalogue as the tracks of the library. Pure; quick, because a start has to wait for it.

Who is believed about a track's mood: what people said of it over MQTT, then its folder, its tags, the model. A track
keeps what the model heard in it (features, tempo, loudness) whoever is believed.
"""

from __future__ import annotations

import gc
from collections.abc import Iterable, Mapping
from typing import Any

from device.domain import MOOD_AFFECT, Affect, MoodName, MoodOrigin, Track
from device.music.loudness import gain_of

MOODS: Mapping[str, MoodName] = {str(mood): mood for mood in MoodName}
RANK: Mapping[MoodOrigin, int] = {origin: rank for rank, origin in enumerate(MoodOrigin)}
PLACES: tuple[tuple[Affect, MoodName], ...] = tuple((affect, mood) for mood, affect in MOOD_AFFECT.items())


def library(rows: Iterable[tuple[Any, ...]], before: Mapping[str, Track]) -> dict[str, Track]:
    """Each content once, by its key, under the path whose word about the mood is believed most.

    A track that is equal to the one in `before` is that very object. Raises KeyError, TypeError or ValueError for rows
    that this program cannot have written.
    """
    tracks: dict[str, Track] = {}
    names: dict[str, str] = {}
    collecting = gc.isenabled()
    gc.disable()  # it would look through all of them again and again, and find no garbage
    try:
        for row in rows:
            track = track_of(row, names)
            twin = tracks.get(track.key)
            if twin is None or RANK[track.origin] > RANK[twin.origin]:
                old = before.get(track.key)
                tracks[track.key] = old if old == track and old is not None else track
    finally:
        if collecting:
            gc.enable()
    return tracks


def track_of(row: tuple[Any, ...], names: dict[str, str]) -> Track:
    """One row of `shelf.TRACKS`; `names` holds texts that many tracks have in common, once."""
    (key, uri, title, artist, album, duration_s, user, folder, tag,
     heard, valence, arousal, uncertainty, tempo_bpm, features, tag_db, peak, loudness) = row  # fmt: skip
    gain_db = gain_of(tag_db, peak, loudness if heard else None) if heard or tag_db is not None else 0.0
    artist, album = names.setdefault(artist, artist), names.setdefault(album, album)
    word = user or folder or tag
    if word:
        mood = MOODS[word]
        origin = MoodOrigin.USER if user else MoodOrigin.FOLDER if folder else MoodOrigin.TAG
        affect, uncertainty = MOOD_AFFECT[mood], None
    elif heard:
        affect, origin = Affect(valence, arousal), MoodOrigin.MODEL
        mood = nearest(valence, arousal)
    else:
        mood, origin, affect, uncertainty = MoodName.NEUTRAL, MoodOrigin.UNKNOWN, MOOD_AFFECT[MoodName.NEUTRAL], None
    return Track(
        key, uri, title, artist, album, duration_s, affect, mood, origin,
        uncertainty, tempo_bpm if heard else 0.0, features if heard else b"", gain_db,
    )  # fmt: skip


def nearest(valence: float, arousal: float) -> MoodName:
    """The mood whose place in the plane is nearest."""
    return min(PLACES, key=lambda one: (one[0].valence - valence) ** 2 + (one[0].arousal - arousal) ** 2)[1]
