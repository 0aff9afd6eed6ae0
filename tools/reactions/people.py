"""People before a camera in a song's first minute, made from labelled faces.

A person shows one expression after the other. Each is a picture of that emotion, every second one of the `LOOKS` that
this person has of it, as the device's classifier scores it. So its errors are real, and come back: who is misread
during the song was often misread before. The detector misses `MISSED` of the frames, and once in `RENUMBERED_S` the
tracker gives a face a new number. All rates are assumed.

    quiet     neutral; if they react, they smile or make a face for 3 to 8 s, at some time from the 3rd second on
    talks     two smiles a minute of 1 to 4 s, a surprise, and now and then a frown, whatever the music does
    merry     six smiles a minute
    restless  neutral, but once in five minutes away for 5 to 90 s"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt

from device.config.schema import PeopleConfig
from device.core.queue import Playthrough
from device.core.reactions import MINUTE_S, Reaction, ReactionWatch
from device.domain import EMOTIONS, Choice, Emotion, MoodName, Now, Position, Reading, SeenFace, Track

Bank = Mapping[Emotion, npt.NDArray[np.float64]]  # scores [n, 8] of pictures of each emotion
Random = np.random.Generator

FPS, BEFORE_S = 4.0, 25.0
MISSED, RENUMBERED_S = 0.05, 120.0
LOOKS = 3  # pictures of each emotion that one person has
GRIMACES = (Emotion.ANGER, Emotion.DISGUST, Emotion.CONTEMPT)
SONG = Playthrough(1, Choice(Track("song", "file:///song", "song"), ""), MoodName.NEUTRAL)

# Expressions a minute, and how long they last (s)
HABITS: Mapping[str, Mapping[Emotion, tuple[float, float, float]]] = {
    "quiet": {},
    "talks": {
        Emotion.HAPPINESS: (2.0, 1.0, 4.0),
        Emotion.SURPRISE: (1.0, 0.5, 1.5),
        Emotion.ANGER: (0.3, 0.5, 2.0),
    },
    "merry": {Emotion.HAPPINESS: (6.0, 1.0, 4.0), Emotion.SURPRISE: (1.0, 0.5, 1.5)},
    "restless": {},
}
AWAY_EVERY_S, AWAY_S = 300.0, (5.0, 90.0)


def expressions(habit: str, reaction: Emotion | None, random: Random) -> list[Emotion]:
    """What a person shows in each frame: `BEFORE_S` before the song, and its first minute."""
    count = round((BEFORE_S + MINUTE_S) * FPS)
    shown = [Emotion.NEUTRAL] * count

    def show(emotion: Emotion, at_s: float, length_s: float) -> None:
        begin, end = round(at_s * FPS), round((at_s + length_s) * FPS)
        shown[begin:end] = [emotion] * (min(end, count) - min(begin, count))

    for emotion, (often, shortest, longest) in HABITS[habit].items():
        for at_s in random.uniform(0, BEFORE_S + MINUTE_S, random.poisson(often * (BEFORE_S + MINUTE_S) / 60)):
            show(emotion, at_s, random.uniform(shortest, longest))
    if reaction is not None:
        show(reaction, BEFORE_S + random.uniform(3, 45), random.uniform(3, 8))
    return shown


def absent(habit: str, random: Random) -> npt.NDArray[np.bool_]:
    """In which frames the detector finds nobody."""
    count = round((BEFORE_S + MINUTE_S) * FPS)
    gone = random.random(count) < MISSED
    if habit == "restless":
        for at_s in random.uniform(0, BEFORE_S + MINUTE_S, random.poisson((BEFORE_S + MINUTE_S) / AWAY_EVERY_S)):
            gone[round(at_s * FPS) : round((at_s + random.uniform(*AWAY_S)) * FPS)] = True
    return np.asarray(gone)


def readings(bank: Bank, habit: str, reaction: Emotion | None, random: Random) -> Iterator[Reading]:
    """What the eye reports; time 0 is the beginning of the song."""
    number, gone = 1, absent(habit, random)
    own = {emotion: looks[random.integers(len(looks), size=LOOKS)] for emotion, looks in bank.items()}
    picture: dict[Emotion, npt.NDArray[np.float64]] = {}
    for at, emotion in enumerate(expressions(habit, reaction, random)):
        if at % round(FPS) == 0:
            picture = {}
        if emotion not in picture:
            picture[emotion] = own[emotion][random.integers(LOOKS)]
        number += random.random() < 1 / (RENUMBERED_S * FPS)
        face = SeenFace(number, (0.4, 0.3, 0.2, 0.3), 0.9, tuple(map(float, picture[emotion])))
        yield Reading(at / FPS - BEFORE_S, () if gone[at] else (face,))


def reactions(bank: Bank, habit: str, reaction: Emotion | None, random: Random) -> list[Reaction]:
    """What the device takes for reactions to one song."""
    watch, found = ReactionWatch(PeopleConfig(reactions=True)), []
    for reading in readings(bank, habit, reaction, random):
        now = Now(reading.at_s, reading.at_s)
        song = None
        if reading.at_s >= 0:
            song = Playthrough(SONG.serial, SONG.choice, SONG.mood, Position(reading.at_s, reading.at_s, True))
        found += watch.observe(reading, song, now)
    return found


def emotions(votes: npt.NDArray[np.int64]) -> dict[Emotion, npt.NDArray[np.intp]]:
    """Which faces show each emotion, by the voters' majority."""
    return {emotion: np.flatnonzero(votes == place) for place, emotion in enumerate(EMOTIONS)}
