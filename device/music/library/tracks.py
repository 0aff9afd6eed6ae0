"""Rows of the catalogue as the tracks of the library. Pure; quick, because a start waits for it.

Whose word counts for a track's mood: what people said of it over MQTT, then its folder, its tags, the model. A track
keeps what the model found in it (features, tempo, loudness), whoever's word counts.
"""

from __future__ import annotations

import gc
from collections.abc import Iterable, Mapping
from typing import Any

from device.domain import MOOD_AFFECT, Affect, MoodName, MoodOrigin, Track
from device.music.metadata.replaygain import gain_of
from device.music.track_mood import Doubt

MOODS: Mapping[str, MoodName] = {str(mood): mood for mood in MoodName}
RANK: Mapping[MoodOrigin, int] = {origin: -rank for rank, origin in enumerate(MoodOrigin)}
ORDER: Mapping[MoodName, int] = {mood: number for number, mood in enumerate(MoodName)}
ORIGINS: Mapping[str, MoodOrigin] = {
    doubt: (MoodOrigin.UNSURE if doubt else MoodOrigin.MODEL) if doubt.is_music else MoodOrigin.NOT_MUSIC
    for doubt in Doubt
}
"""Where the mood of an analysed track comes from, by its `Doubt`."""
POINTS = tuple((affect.valence, affect.arousal, mood) for mood, affect in MOOD_AFFECT.items())

FREEZE_FROM = 1000
"""From this number of tracks on, the garbage collector leaves alone what exists after they are loaded.

Tracks hold no cycles and live until the next library, but a collection looks at each of them, and all threads wait:
40 ms for 100,000 tracks right after they are loaded, and again and again later. What is frozen is still freed when
nobody uses it; only cycles that were garbage at that moment stay.
"""

Row = tuple[Any, ...]
"""What `Database.tracks` gives."""

Rank = tuple[int, int, int]


def library(rows: Iterable[Row], before: Mapping[str, Track]) -> dict[str, Track]:
    """Each content once, by its key.

    Several paths may lead to the same content. The one whose word about the mood counts most (`MoodOrigin`) becomes the
    track; among equals, the one with the fewest links on the way; then the first mood in the order of `MoodName`. A
    track that is equal to the one in `before` is that very object. Raises KeyError, TypeError or ValueError for rows
    that this program cannot have written.
    """
    tracks: dict[str, Track] = {}
    ranks: dict[str, Rank] = {}  # of content that was seen under a second path
    names: dict[str, str] = {}
    collecting = gc.isenabled()
    gc.disable()  # it would look through all tracks again and again, and find no garbage: see `FREEZE_FROM`
    try:
        for row in rows:
            track, links = track_of(row, names), row[9]
            twin = tracks.get(track.key)
            if twin is not None or links:
                rank = (RANK[track.origin], links, ORDER[track.mood])
                if twin is not None and rank >= ranks.get(track.key, (RANK[twin.origin], 0, ORDER[twin.mood])):
                    continue
                ranks[track.key] = rank
            old = before.get(track.key)
            tracks[track.key] = old if old is not None and old == track else track
    finally:
        if len(tracks) >= FREEZE_FROM:
            gc.freeze()
        if collecting:
            gc.enable()
    return tracks


def track_of(row: Row, names: dict[str, str]) -> Track:
    """One row; `names` holds texts that many tracks have in common, once."""
    key, uri, title, artist, album, duration_s, user, folder, tag, _, gain_db, peak, rating, failure, *found = row
    artist, album = names.setdefault(artist, artist), names.setdefault(album, album)
    valence = arousal = tempo_bpm = 0.0
    uncertainty = loudness = None
    features, heard = b"", MoodOrigin.UNKNOWN
    if failure == "":
        valence, arousal, uncertainty, tempo_bpm, features, loudness, doubt = found
        heard = ORIGINS[doubt]
    if heard is MoodOrigin.NOT_MUSIC:
        features = b""  # so that nothing resembles it
    if gain_db is not None or loudness is not None:
        gain_db = gain_of(gain_db, peak, loudness)
    if word := user or folder or tag:
        mood = MOODS[word]
        origin = MoodOrigin.USER if user else MoodOrigin.FOLDER if folder else MoodOrigin.TAG
        affect, uncertainty = MOOD_AFFECT[mood], None
    elif heard in (MoodOrigin.MODEL, MoodOrigin.UNSURE):
        affect, mood, origin = Affect(valence, arousal), nearest(valence, arousal), heard
    else:
        affect, mood, origin = MOOD_AFFECT[MoodName.NEUTRAL], MoodName.NEUTRAL, heard
    return Track(
        key, uri, title, artist, album, duration_s, affect, mood, origin,
        uncertainty, tempo_bpm, features, gain_db or 0.0, rating,
    )  # fmt: skip


def nearest(valence: float, arousal: float) -> MoodName:
    """The mood whose point in the plane is nearest."""
    best, least = MoodName.NEUTRAL, 9.0
    for mood_valence, mood_arousal, mood in POINTS:
        squared = (mood_valence - valence) ** 2 + (mood_arousal - arousal) ** 2
        if squared < least:
            best, least = mood, squared
    return best
