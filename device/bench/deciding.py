"""What decisions take, with libraries that somebody has lived with. No hardware, no clock but the stopwatch."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from device.config.schema import Config
from device.core.session import Session
from device.domain import (
    MOOD_AFFECT,
    Affect,
    EyeOpened,
    EyeRead,
    LibraryLoaded,
    Listen,
    Memory,
    MoodName,
    MoodOrigin,
    Now,
    Outcome,
    Reading,
    Target,
    Track,
)
from device.music.recommend.choose import Taste, TrackIndex, choose

LIBRARIES = {"1k": 1_000, "10k": 10_000, "100k": 100_000}
LISTENS, CHOICES, STARTS = 20_000, 200, 3
FEATURES = 64  # numbers that describe how a track sounds


def decide(config: Config, readings: Sequence[Reading]) -> list[float]:
    """Milliseconds that the session takes for each reading, with a big library."""
    dice = random.Random(1)
    tracks = invented_tracks(LIBRARIES["1k"], dice)
    session = Session(config, Memory(camera=True), invented_listens(tracks, dice), dice)
    first = readings[0].at_s
    session.start(Now(first, time.time()))
    session.handle(LibraryLoaded(tracks), Now(first, time.time()))
    session.handle(EyeOpened("bench"), Now(first, time.time()))
    return [timed(partial(session.handle, EyeRead(one), Now(one.at_s, time.time()))) for one in readings]


def recommend() -> dict[str, list[float]]:
    """By library: milliseconds of each start (index and history) and of each choice of a track."""
    stages = {}
    for name, count in LIBRARIES.items():
        dice = random.Random(1)
        tracks = invented_tracks(count, dice)
        history = invented_listens(tracks, dice)
        stages[f"start {name}"] = [timed(partial(start, tracks, history)) for _ in range(STARTS)]
        library, taste = start(tracks, history)
        now = Now(0.0, time.time())
        stages[f"recommend {name}"] = [
            timed(partial(choose, library, invented_target(dice), taste, "everyone", now, dice)) for _ in range(CHOICES)
        ]
    return stages


def start(tracks: Sequence[Track], history: Sequence[Listen]) -> tuple[TrackIndex, Taste]:
    """What happens when the catalogue has been read: the index, and all that is remembered put onto it."""
    library, taste = TrackIndex(tracks), Taste(history)
    taste.meet(library)
    return library, taste


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def invented_target(dice: random.Random) -> Target:
    mood = dice.choice(list(MoodName))
    return Target(MOOD_AFFECT[mood], mood, f"to match a {mood} room")


def invented_tracks(count: int, dice: random.Random) -> tuple[Track, ...]:
    """A library of analysed tracks, all over the plane, of artists with ten songs each."""
    generator = np.random.default_rng(dice.getrandbits(64))
    places = generator.uniform(-1, 1, (count, 2)).tolist()
    sounds = generator.standard_normal((count, FEATURES), dtype=np.float32)
    sounds /= np.linalg.norm(sounds, axis=1, keepdims=True)
    return tuple(
        Track(f"{number:040x}", f"file:///music/{number}.flac", f"Track {number}", f"Artist {number // 10}",
              duration_s=200.0, affect=Affect(*place), mood=MoodName.NEUTRAL, origin=MoodOrigin.MODEL,
              uncertainty=0.3, features=sound.tobytes())
        for number, (place, sound) in enumerate(zip(places, sounds.astype("<f2"), strict=True))
    )  # fmt: skip


def invented_listens(tracks: Sequence[Track], dice: random.Random) -> list[Listen]:
    """Half a year of listening, in all moods."""
    now = time.time()
    outcomes, moods = list(Outcome), list(MoodName)
    return [
        Listen(
            track.key, "everyone", dice.choice(moods), dice.choice(outcomes), now - (LISTENS - number) * 800.0, 100.0
        )
        for number, track in enumerate(dice.choices(tracks, k=LISTENS))
    ]
