"""What decisions take, with a big library that somebody has lived with. No hardware, no clock but the stopwatch."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from functools import partial

from device.config import Config
from device.domain import (
    MOOD_AFFECT,
    EyeOpened,
    EyeRead,
    LibraryLoaded,
    Listen,
    Memory,
    MoodName,
    Now,
    Outcome,
    Reading,
    Target,
    Track,
)
from device.home.topics import Topics
from device.music.recommend import Library, Taste, choose
from device.session import Session

TRACKS, LISTENS, CHOICES = 1000, 2000, 200


def decide(config: Config, readings: Sequence[Reading]) -> list[float]:
    """Milliseconds that the session takes for each reading, with a big library."""
    dice = random.Random(1)
    tracks = invented_tracks(dice)
    topics = Topics(config.mqtt.base_topic, config.device.id, config.mqtt.discovery_prefix)
    session = Session(config, Memory(camera=True), invented_listens(tracks, dice), topics, dice)
    first = readings[0].at_s
    session.start(Now(first, time.time()))
    session.handle(LibraryLoaded(tracks), Now(first, time.time()))
    session.handle(EyeOpened("bench"), Now(first, time.time()))
    return [timed(partial(session.handle, EyeRead(one), Now(one.at_s, time.time()))) for one in readings]


def recommend() -> list[float]:
    """Milliseconds of each choice of a track."""
    dice = random.Random(1)
    tracks = invented_tracks(dice)
    library, taste = Library(tracks), Taste(invented_listens(tracks, dice))
    taste.meet(library)
    target = Target(MOOD_AFFECT[MoodName.HAPPY], MoodName.HAPPY, "the room is happy")
    now = Now(0.0, time.time())
    return [timed(partial(choose, library, target, taste, "everyone", now, dice)) for _ in range(CHOICES)]


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def invented_tracks(dice: random.Random) -> tuple[Track, ...]:
    """A library of the size that the figures are given for."""
    moods = [dice.choice(list(MoodName)) for _ in range(TRACKS)]
    return tuple(
        Track(f"{number:040x}", f"file:///music/{number}.flac", f"Track {number}", f"Artist {number % 97}",
              duration_s=200.0, affect=MOOD_AFFECT[mood], mood=mood)
        for number, mood in enumerate(moods)
    )  # fmt: skip


def invented_listens(tracks: Sequence[Track], dice: random.Random) -> list[Listen]:
    now = time.time()
    outcomes = list(Outcome)
    return [
        Listen(track.key, "everyone", track.mood, dice.choice(outcomes), now - (LISTENS - number) * 200.0, 100.0)
        for number, track in enumerate(dice.choices(tracks, k=LISTENS))
    ]
