"""Which words mean which mood, in the names of folders and in tags. Pure.

A folder counts when its whole name is one of the words. A tag counts when one of its parts (between commas, semicolons,
slashes or bars) is; genres only where their very name says how they are meant to feel. English only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from device.domain import MoodName, MoodOrigin

WORDS: Mapping[MoodName, str] = {
    MoodName.HAPPY: "happy happiness joy joyful joyous cheerful cheery glad merry sunny upbeat feelgood uplifting",
    MoodName.EXCITED: "excited excitement exciting energetic energy energize energise party euphoric lively workout",
    MoodName.CALM: "calm calming relaxed relaxing relax relaxation chill chilled chillout peaceful peace serene"
    " mellow soothing tranquil quiet gentle sleep meditation lullaby ambient",
    MoodName.NEUTRAL: "neutral",
    MoodName.SAD: "sad sadness melancholy melancholic gloomy sorrow sorrowful mournful heartbreak depressed depressing",
    MoodName.TENSE: "tense tension anxious anxiety nervous fear fearful scary suspense suspenseful eerie restless",
    MoodName.ANGRY: "angry anger aggressive aggression furious fury rage mad hostile",
}
MOOD_OF: Mapping[str, MoodName] = {word: mood for mood, words in WORDS.items() for word in words.split()}


def mood_of_word(text: str) -> MoodName | None:
    """The mood that this name means, whatever its case, spaces, dashes and underscores ("Feel-Good" is feelgood)."""
    return MOOD_OF.get(re.sub(r"[\s_-]+", "", text).casefold())


def mood_of_folders(names: Iterable[str]) -> MoodName | None:
    """The mood of the nearest folder that is named after one; `names` from the outermost to the innermost."""
    moods = [mood for name in names if (mood := mood_of_word(name)) is not None]
    return moods[-1] if moods else None


def mood_of_tags(tags: Iterable[str]) -> MoodName | None:
    """The first mood that is named in `tags`, which come in the order in which they are believed."""
    for tag in tags:
        for part in re.split(r"[,;/|\n]", tag):
            mood = mood_of_word(part.strip().removeprefix("mood:"))
            if mood is not None:
                return mood
    return None


def believe(words: Mapping[MoodOrigin, MoodName | None]) -> tuple[MoodName, MoodOrigin]:
    """Of what is said of a track's mood, the word of whoever is believed most; neutral if nobody says anything."""
    for origin in reversed(MoodOrigin):
        mood = words.get(origin)
        if mood is not None:
            return mood, origin
    return MoodName.NEUTRAL, MoodOrigin.UNKNOWN
