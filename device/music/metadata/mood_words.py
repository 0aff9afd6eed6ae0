"""The words that mean a mood, in folder names and in tags. Pure.

A folder counts when its whole name is one of the words. A tag counts when one of its parts (between commas,
semicolons, slashes or bars) is; genres only where their very name says how they are meant to feel. English, German,
French, Spanish, Italian, Portuguese and Dutch, with and without their accents. Words that mean something else in
another of these languages are left out, and so are the tempo marks of classical music.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping

from device.domain import MoodName

MARK = "AFFETTO_MOOD"
"""Beside a mood in the tags that the model predicted (device/tags), the same word stands under this name: so nobody
takes it for the owner's."""

WORDS: Mapping[MoodName, str] = {
    MoodName.HAPPY: "happy happiness joy joyful joyous cheerful cheery glad merry sunny upbeat feelgood uplifting"
    " fröhlich froehlich glücklich gluecklich heiter freude"
    " joyeux joyeuse heureux heureuse joie gai"
    " feliz alegre alegría alegria felice allegria gioioso felicidade"
    " blij vrolijk gelukkig",
    MoodName.EXCITED: "excited excitement exciting energetic energy energize energise party euphoric lively workout"
    " aufgeregt begeistert energiegeladen lebhaft"
    " excité énergique enjoué fête"
    " emocionado enérgico fiesta animado energico eccitato festa animação enérgica"
    " opgewonden energiek feest",
    MoodName.CALM: "calm calming relaxed relaxing relax relaxation chill chilled chillout peaceful peace serene"
    " mellow soothing tranquil quiet gentle sleep meditation lullaby ambient"
    " ruhig ruhe entspannt entspannung sanft friedlich"
    " calme apaisant détente tranquille reposant"
    " tranquilo tranquila calma relajado relajante tranquillo rilassante rilassato sereno calmo relaxante"
    " rustig kalm ontspannen vredig",
    MoodName.NEUTRAL: "neutral neutre neutro neutrale neutraal",
    MoodName.SAD: "sad sadness melancholy melancholic gloomy sorrow sorrowful mournful heartbreak depressed depressing"
    " traurig traurigkeit melancholisch wehmütig wehmuetig schwermütig"
    " triste tristesse mélancolique mélancolie"
    " tristeza melancólico melancolía melancolico malinconico malinconia tristezza melancolia"
    " verdrietig droevig treurig weemoedig",
    MoodName.TENSE: "tense tension anxious anxiety nervous fear fearful scary suspense suspenseful eerie restless"
    " angespannt nervös ängstlich unruhig unheimlich spannung"
    " tendu anxieux angoissant nerveux inquiet"
    " tenso ansioso nervioso inquieto teso nervoso"
    " gespannen nerveus angstig onrustig",
    MoodName.ANGRY: "angry anger aggressive aggression furious fury rage mad hostile"
    " wütend wuetend zornig aggressiv wut"
    " encolère fâché furieux agressif colère"
    " enojado enfadado furioso agresivo arrabbiato rabbia aggressivo zangado agressivo raiva"
    " boos kwaad woedend agressief",
}


def _bare(text: str) -> str:
    """Without accents, case, spaces, dashes and underscores: "Feel-Good" is feelgood, "Mélancolie" is melancolie."""
    letters = unicodedata.normalize("NFKD", text.casefold())
    return re.sub(r"[\s_-]+", "", "".join(letter for letter in letters if not unicodedata.combining(letter)))


MOOD_OF: Mapping[str, MoodName] = {_bare(word): mood for mood, words in WORDS.items() for word in words.split()}


def mood_of_word(text: str) -> MoodName | None:
    """The mood that this name means."""
    return MOOD_OF.get(_bare(text))


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
