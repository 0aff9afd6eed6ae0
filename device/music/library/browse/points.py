"""Every track of the database as a point of the plane, in compact arrays (`PlanePoints`)."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Sequence

from device.domain import MOOD_AFFECT, MoodName, MoodOrigin
from device.domain.library import PlanePoints
from device.music.library.sql.queries import PLAYABLE
from device.music.library.steps import hurry
from device.music.library.tracks import ORDER, nearest
from device.music.library.tracks import ORIGINS as HEARD

ROWS = f"""
SELECT (SELECT id FROM entries WHERE path = files.path), files.key, user_moods.mood, folder_mood, tag_mood,
    analyses.problem, coalesce(moved_valence, valence), coalesce(moved_arousal, arousal), doubt
{PLAYABLE} ORDER BY files.path
"""
MOODS = tuple(MoodName)
PLACES = {str(mood): place for mood, place in ORDER.items()}
NO_MOOD = tuple(MoodOrigin).index(MoodOrigin.NOT_MUSIC)
ORIGINS = {origin: place for place, origin in enumerate(MoodOrigin)}


def read(db: sqlite3.Connection, pace: Callable[[], None] = hurry) -> PlanePoints:
    """The points of all tracks, in the order of paths; content with several paths once."""
    points, seen = PlanePoints(), set[int]()
    for number, key, user, folder, tag, failure, valence, arousal, doubt in db.execute(ROWS):
        pace()
        content = hash(key)  # 64 bits: two of a million keys are the same once in 10^7 libraries
        if content in seen:
            continue
        seen.add(content)
        origin = HEARD[doubt] if failure == "" else MoodOrigin.UNKNOWN
        if word := user or folder or tag:
            origin = MoodOrigin.USER if user else MoodOrigin.FOLDER if folder else MoodOrigin.TAG
            mood = PLACES[word]
            valence, arousal = MOOD_AFFECT[MOODS[mood]].valence, MOOD_AFFECT[MOODS[mood]].arousal
        elif origin in (MoodOrigin.MODEL, MoodOrigin.UNSURE):
            mood = ORDER[nearest(valence, arousal)]
        else:
            mood, valence, arousal = ORDER[MoodName.NEUTRAL], 0.0, 0.0
        points.numbers.append(number)
        points.valence.append(valence)
        points.arousal.append(arousal)
        points.moods.append(mood)
        points.origins.append(ORIGINS[origin])
    return points


def count_moods(points: PlanePoints) -> dict[MoodName, int]:
    """How many tracks have each mood, in the order of `MoodName`. What is no music has none."""
    counted = Counter(mood for mood, origin in zip(points.moods, points.origins, strict=True) if origin != NO_MOOD)
    return {mood: counted.get(place, 0) for place, mood in enumerate(MOODS)}


def with_mood(points: PlanePoints, mood: MoodName | None) -> Sequence[int]:
    """The numbers of tracks with this mood, without what is no music; of all tracks for None."""
    if mood is None:
        return points.numbers
    wanted = ORDER[mood]
    rows = zip(points.numbers, points.moods, points.origins, strict=True)
    return [number for number, found, origin in rows if found == wanted and origin != NO_MOOD]
