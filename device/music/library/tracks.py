"""Rows of the catalogue as the tracks of the library. Pure; quick, because a start has to wait for it.

Who is believed about a track's mood: what people said of it over MQTT, then its folder, its tags, the model. A track
keeps what the model heard in it (features, tempo, loudness) whoever is believed.
"""

from __future__ import annotations

import gc
from collections.abc import Iterable, Mapping
from typing import Any

from device.domain import MOOD_AFFECT, Affect, MoodName, MoodOrigin, Track
from device.music.metadata.replaygain import gain_of

MOODS: Mapping[str, MoodName] = {str(mood): mood for mood in MoodName}
RANK: Mapping[MoodOrigin, int] = {origin: rank for rank, origin in enumerate(MoodOrigin)}
PLACES = tuple((affect.valence, affect.arousal, mood) for mood, affect in MOOD_AFFECT.items())


Row = tuple[tuple[Any, ...], str | None, tuple[Any, ...] | None]
"""What `Database.tracks` gives: what a file says of itself, what people say, and what was heard."""


def library(rows: Iterable[Row], before: Mapping[str, Track]) -> dict[str, Track]:
    """Each content once, by its key, under the path whose word about the mood is believed most.

    A track that is equal to the one in `before` is that very object. Raises KeyError, TypeError or ValueError for rows
    that this program cannot have written.
    """
    tracks: dict[str, Track] = {}
    names: dict[str, str] = {}
    collecting = gc.isenabled()
    gc.disable()  # it would look through all of them again and again, and find no garbage
    try:
        for row, word, heard in rows:
            track = track_of(row, word, heard, names)
            twin = tracks.get(track.key)
            if twin is None or RANK[track.origin] > RANK[twin.origin]:
                old = before.get(track.key)
                tracks[track.key] = old if old is not None and old == track else track
    finally:
        if collecting:
            gc.enable()
    return tracks


def track_of(
    row: tuple[Any, ...], user: str | None, heard: tuple[Any, ...] | None, names: dict[str, str]
) -> Track:  # fmt: skip
    """One row; `names` holds texts that many tracks have in common, once."""
    key, uri, title, artist, album, duration_s, folder, tag, gain_db, peak = row
    artist, album = names.setdefault(artist, artist), names.setdefault(album, album)
    valence = arousal = tempo_bpm = 0.0
    uncertainty = loudness = None
    features = b""
    if heard is not None:
        _, valence, arousal, uncertainty, tempo_bpm, features, loudness = heard
    if gain_db is not None or loudness is not None:
        gain_db = gain_of(gain_db, peak, loudness)
    if word := user or folder or tag:
        mood = MOODS[word]
        origin = MoodOrigin.USER if user else MoodOrigin.FOLDER if folder else MoodOrigin.TAG
        affect, uncertainty = MOOD_AFFECT[mood], None
    elif heard is not None:
        affect, mood, origin = Affect(valence, arousal), nearest(valence, arousal), MoodOrigin.MODEL
    else:
        affect, mood, origin = MOOD_AFFECT[MoodName.NEUTRAL], MoodName.NEUTRAL, MoodOrigin.UNKNOWN
    return Track(
        key, uri, title, artist, album, duration_s, affect, mood, origin,
        uncertainty, tempo_bpm, features, gain_db or 0.0,
    )  # fmt: skip


def nearest(valence: float, arousal: float) -> MoodName:
    """The mood whose place in the plane is nearest."""
    best, least = MoodName.NEUTRAL, 9.0
    for there_v, there_a, mood in PLACES:
        away = (there_v - valence) ** 2 + (there_a - arousal) ** 2
        if away < least:
            best, least = mood, away
    return best
