"""Measure whether the analyser knows music from other sounds: clips, made sounds, the demo's songs.

    python tools/evaluate.py hearing --data DIR --split dev

Clips are tried as they are, as a telephone passes them (8 kHz, mu-law), and half a second of them. Made sounds
(noises.py, speech.py, solos.py) last 3 and 20 s, each also at 8 kHz. Speech needs eSpeak NG, and is left out without
it. For each: how often it is music, unsure, and no music.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track

from device.music.analysis import MoodAnalyser, TrackMood, decode
from tools.hearing import noises, solos, speech
from tools.hearing.noises import RATE_HZ, Sound
from tools.music.data import read_labels

SPLIT = "dev"
LENGTHS_S = (3.0, 20.0)
SEEDS = 4
HALF_S = RATE_HZ // 2
DEMO = Path(__file__).resolve().parent.parent.parent / "device" / "demo" / "music"
SORTS = ("music", "unsure", "not music")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--clips", type=int, default=0, metavar="N", help="only the first N clips (default: all)")


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Counts by kind of sound and by sort, as one JSON object."""
    analyser = MoodAnalyser.load(arguments.models)
    labels = read_labels(arguments.data, arguments.split)
    paths = labels.paths[: arguments.clips or None]
    found: dict[str, Counter[str]] = {}

    def add(kind: str, mood: TrackMood) -> None:
        found.setdefault(kind, Counter())[sort_of(mood)] += 1

    console = Console(stderr=True)
    for path in track(paths, "clips", console=console, transient=True, disable=not console.is_terminal):
        whole = next(decode.excerpts(path)).mono
        middle = len(whole) // 2
        add("clips", hear(analyser, whole))
        add("clips, 8 kHz telephone", hear(analyser, noises.telephone(whole)))
        add("clips, half a second", hear(analyser, whole[middle : middle + HALF_S]))
        if speech.installed():
            for name, louder_db in (("", 0.0), (", 12 dB louder", 12.0)):
                add(f"a voice over clips{name}", hear(analyser, speech.over_music(whole, louder_db)))
    for path in sorted(DEMO.rglob("*.opus")):
        add("the demo's songs", analyser.analyse(path))
    for kind, sound in made():
        add(kind, hear(analyser, sound))
    kinds = {kind: {sort: counts[sort] for sort in SORTS} for kind, counts in found.items()}
    return {"split": arguments.split, "clips": len(paths), "kinds": kinds}


def table(figures: dict[str, Any]) -> str:
    """The counts as lines for a person."""
    head = f"{'':28}" + "".join(f"{sort:>11}" for sort in SORTS)
    rows = [
        f"{kind:28}" + "".join(f"{counts[sort]:>11}" for sort in SORTS) for kind, counts in figures["kinds"].items()
    ]
    return "\n".join([f"split {figures['split']}, {figures['clips']} clips", head, *rows])


def hear(analyser: MoodAnalyser, sound: Sound) -> TrackMood:
    """The mood of float32 [n] at 16 kHz, as if it were a file."""
    return analyser.track_mood([analyser.predict(sound)])


def sort_of(mood: TrackMood) -> str:
    """One of `SORTS`."""
    return "not music" if not mood.doubt.is_music else "unsure" if mood.doubt else "music"


def made() -> Iterator[tuple[str, Sound]]:
    """Kinds of sounds that are no music, then solos, which are."""
    for kind, sound in (*_noises(), *(_talks() if speech.installed() else ()), *_solos()):
        yield kind, sound
        yield kind, noises.telephone(sound)


def _noises() -> Iterable[tuple[str, Sound]]:
    for kind, make in noises.KINDS.items():
        for seconds in LENGTHS_S:
            for seed in range(SEEDS):
                yield kind, make(seconds, np.random.default_rng(seed))


def _talks() -> Iterable[tuple[str, Sound]]:
    random = np.random.default_rng(0)
    for seconds in LENGTHS_S:
        for number, voice in enumerate(speech.VOICES):
            yield "speech", speech.speech(voice, seconds)
            yield "speech over noise", speech.over_noise(voice, seconds, random)
            yield "talk radio", speech.talk_radio(voice, speech.VOICES[number - 3], seconds)


def _solos() -> Iterable[tuple[str, Sound]]:
    for kind, play in solos.KINDS.items():
        for seconds in LENGTHS_S:
            for seed in range(SEEDS):
                yield kind, play(seconds, np.random.default_rng(seed))
