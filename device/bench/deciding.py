"""Times decisions, with libraries that have a long history. No hardware, no clock but the stopwatch."""

from __future__ import annotations

import gc
import random
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from device.config.schema import Config
from device.core.session import Session
from device.domain import (
    EVERYONE,
    MOOD_AFFECT,
    Affect,
    Asked,
    EyeOpened,
    EyeRead,
    LibraryLoaded,
    Listen,
    Memory,
    MoodName,
    MoodOrigin,
    Now,
    Origin,
    Outcome,
    Reading,
    SetVolume,
    Target,
    Track,
)
from device.inbox import SWITCH_S, Inbox
from device.music.recommend.choose import Taste, TrackIndex, choose
from device.music.recommend.taste import prepared

LIBRARIES = {"1k": 1_000, "10k": 10_000, "100k": 100_000}
LISTENS, MANY_LISTENS, CHOICES, STARTS, AFTER = 20_000, 50_000, 200, 3, 100
PEOPLE = ("Ada", "Ben", "Cleo", "Dan", "Eve", "Finn")
FEATURES = 64  # numbers that describe how a track sounds


def decide(config: Config, readings: Sequence[Reading]) -> list[float]:
    """The milliseconds that the session needs for each reading, with a big library."""
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
            timed(partial(choose, library, invented_target(dice), taste, (EVERYONE,), now, dice))
            for _ in range(CHOICES)
        ]
        _, taste = start(tracks, [replace(one, profile=PEOPLE[row % len(PEOPLE)]) for row, one in enumerate(history)])
        stages[f"recommend {name} for six"] = [
            timed(partial(choose, library, invented_target(dice), taste, PEOPLE, now, dice)) for _ in range(CHOICES)
        ]
    return stages


def command_times() -> list[float]:
    """The milliseconds from a volume command to its decision, while another thread prepares a library of 100,000 tracks
    and 50,000 listens, as the scanner does, and while the session takes it over."""
    dice = random.Random(1)
    tracks = invented_tracks(LIBRARIES["100k"], dice)
    history = invented_listens(tracks, dice, MANY_LISTENS)
    session, inbox = Session(Config(), Memory(), history, dice), Inbox()
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_S)
    done = threading.Event()

    def load() -> None:
        inbox.put(LibraryLoaded(tracks, index=prepared(tracks, history, len(history))))
        done.set()

    loader = threading.Thread(target=load, name="scanner")
    times: list[float] = []
    gc.freeze()  # as the scanner does with a library that stays
    try:
        session.start(Now(time.monotonic(), time.time()))
        loader.start()
        while not done.is_set() or len(inbox):
            times.append(timed(partial(ask, session, inbox)))
            time.sleep(0.005)
        times += [timed(partial(ask, session, inbox)) for _ in range(AFTER)]
    finally:
        sys.setswitchinterval(before)
        gc.unfreeze()
        loader.join()
    return times


def ask(session: Session, inbox: Inbox) -> None:
    """Send one command through the inbox, behind all waiting events."""
    inbox.put(Asked(SetVolume(30), Origin("bench")))
    while (event := inbox.get(0.0)) is not None:
        session.handle(event, Now(time.monotonic(), time.time()))


def start(tracks: Sequence[Track], history: Sequence[Listen]) -> tuple[TrackIndex, Taste]:
    """Build the index and the taste, as after loading the catalogue."""
    library, taste = TrackIndex(tracks), Taste(history)
    taste.attach(library)
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


def invented_listens(tracks: Sequence[Track], dice: random.Random, count: int = LISTENS) -> list[Listen]:
    """Half a year of listening, in all moods."""
    now = time.time()
    outcomes = [Outcome.PLAYED, Outcome.SKIPPED, Outcome.REPLACED, Outcome.LIKED, Outcome.DISLIKED]
    moods = list(MoodName)
    return [
        Listen(
            track.key, "everyone", dice.choice(moods), dice.choice(outcomes), now - (count - number) * 800.0, 100.0
        )
        for number, track in enumerate(dice.choices(tracks, k=count))
    ]
