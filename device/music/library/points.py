"""Every track of the database as a point of the plane, in compact arrays (`PlanePoints`)."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Sequence

from device.domain import MOOD_AFFECT, MoodName, MoodOrigin
from device.domain.library import PlanePoints
from device.music.library.queries import PLAYABLE
from device.music.library.steps import hurry
from device.music.library.tracks import ORDER, nearest

ROWS = f"""
SELECT (SELECT id FROM entries WHERE path = files.path), files.key, user_moods.mood, folder_mood, tag_mood,
    analyses.problem, coalesce(moved_valence, valence), coalesce(moved_arousal, arousal)
{PLAYABLE} ORDER BY files.path
"""
MOODS = tuple(MoodName)
PLACES = {str(mood): place for mood, place in ORDER.items()}
ORIGINS = {origin: place for place, origin in enumerate(MoodOrigin)}


def read(db: sqlite3.Connection, pace: Callable[[], None] = hurry) -> PlanePoints:
    """The points of all tracks, in the order of paths; content with several paths once."""
    points, seen = PlanePoints(), set[int]()
    for number, key, user, folder, tag, failure, valence, arousal in db.execute(ROWS):
        pace()
        content = hash(key)  # 64 bits: two of a million keys are the same once in 10^7 libraries
        if content in seen:
            continue
        seen.add(content)
        origin = MoodOrigin.USER if user else MoodOrigin.FOLDER if folder else MoodOrigin.TAG if tag else None
        if word := user or folder or tag:
            mood = PLACES[word]
            valence, arousal = MOOD_AFFECT[MOODS[mood]].valence, MOOD_AFFECT[MOODS[mood]].arousal
        elif failure == "":
            mood, origin = ORDER[nearest(valence, arousal)], MoodOrigin.MODEL
        else:
            mood, origin, valence, arousal = ORDER[MoodName.NEUTRAL], MoodOrigin.UNKNOWN, 0.0, 0.0
        points.numbers.append(number)
        points.valence.append(valence)
        points.arousal.append(arousal)
        points.moods.append(mood)
        points.origins.append(ORIGINS[origin or MoodOrigin.UNKNOWN])
    return points


def count_moods(points: PlanePoints) -> dict[MoodName, int]:
    """How many tracks have each mood, in the order of `MoodName`."""
    counted = Counter(points.moods)
    return {mood: counted.get(place, 0) for place, mood in enumerate(MOODS)}


def with_mood(points: PlanePoints, mood: MoodName | None) -> Sequence[int]:
    """The numbers of tracks with this mood; of all tracks for None."""
    if mood is None:
        return points.numbers
    wanted = ORDER[mood]
    return [number for number, found in zip(points.numbers, points.moods, strict=True) if found == wanted]
