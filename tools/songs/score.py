"""A small composer: from a key, a chord progression and a seed to the notes of every part.

Pure and deterministic, any thread. Melodies are made the way songs are: a motif of two bars, repeated, answered and
closed on a chord tone; strong beats take notes of the chord, steps are preferred to leaps (after Fux's advice, by way
of every songwriter since).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

BEATS = 4  # in a bar

SCALES: dict[str, tuple[int, ...]] = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "lydian": (0, 2, 4, 6, 7, 9, 11),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "harmonic minor": (0, 2, 3, 5, 7, 8, 11),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "locrian": (0, 1, 3, 5, 6, 8, 10),
}


@dataclass(frozen=True, slots=True)
class Note:
    """A note: when and how long in beats from the start, MIDI pitch, force 0..1."""

    beat: float
    beats: float
    pitch: int
    force: float


@dataclass(frozen=True, slots=True)
class Key:
    """A tonic (MIDI pitch class 0..11) and a scale."""

    tonic: int
    mode: str

    def pitch(self, degree: int, octave: int = 5) -> int:
        """The MIDI pitch of a scale degree counted from 0 at the tonic of an octave (5 holds middle C, 60)."""
        scale = SCALES[self.mode]
        return 12 * octave + self.tonic + 12 * (degree // 7) + scale[degree % 7]

    def pitches(self, low: int, high: int) -> list[int]:
        """Every pitch of the scale from low to high, ends included."""
        classes = {(self.tonic + step) % 12 for step in SCALES[self.mode]}
        return [p for p in range(low, high + 1) if p % 12 in classes]


@dataclass(frozen=True, slots=True)
class Bar:
    """What a pattern needs to know of a bar."""

    number: int
    beat: float
    key: Key
    degree: int  # of the chord's root in the scale, 0..6
    chord: tuple[int, ...]  # voiced, MIDI pitches
    last: bool  # the last bar of its section


def voice(key: Key, degrees: list[int], centre: int, size: int = 3) -> list[tuple[int, ...]]:
    """Chords of `size` stacked thirds, each inverted to lie closest to the one before."""
    out: list[tuple[int, ...]] = []
    before = [float(centre)]
    for degree in degrees:
        classes = [key.pitch(degree + 2 * i, 0) % 12 for i in range(size)]
        choices = [tuple(sorted(low + (c - low) % 12 for c in classes)) for low in range(centre - 8, centre + 5)]
        aim = float(np.mean(before))
        best = min(choices, key=lambda c: abs(float(np.mean(c)) - aim) + 0.35 * abs(float(np.mean(c)) - centre))
        out.append(best)
        before = [float(p) for p in best]
    return out


Pattern = Callable[[Bar, np.random.Generator], list[Note]]


def _hits(bar: Bar, hits: list[tuple[float, float, int, float]]) -> list[Note]:
    return [Note(bar.beat + at, length, pitch, force) for at, length, pitch, force in hits]


def block(bar: Bar, rng: np.random.Generator) -> list[Note]:
    """The chord, held."""
    return [Note(bar.beat, BEATS, p, 0.7) for p in bar.chord]


def broken(bar: Bar, rng: np.random.Generator) -> list[Note]:
    """The chord in eighths, up and down, over its root."""
    low = bar.chord[0] - 12
    order = [low, bar.chord[0], bar.chord[1], bar.chord[2], bar.chord[-1] + (12 if len(bar.chord) < 4 else 0),
             bar.chord[2], bar.chord[1], bar.chord[0]]
    order[4] = bar.chord[0] + 12
    return _hits(bar, [(i / 2, 1.6, p, 0.75 if i == 0 else 0.5 + 0.1 * rng.random()) for i, p in enumerate(order)])


def ripple(bar: Bar, rng: np.random.Generator) -> list[Note]:
    """The chord in sixteenths."""
    ladder = [*bar.chord, bar.chord[0] + 12]
    order = [0, 1, 2, 3, 2, 1] if rng.random() < 0.5 else [0, 2, 1, 3]
    return _hits(bar, [(i / 4, 0.3, ladder[order[i % len(order)]], 0.75 if i % 4 == 0 else 0.5) for i in range(16)])


def strum(bar: Bar, rng: np.random.Generator) -> list[Note]:
    """Down, down-up, up-down-up."""
    hits = []
    for at, down, force in ((0, True, 0.9), (1, True, 0.7), (1.5, False, 0.5), (2.5, False, 0.6), (3, True, 0.75),
                            (3.5, False, 0.5)):
        pitches = [*bar.chord, bar.chord[0] + 12]
        for i, pitch in enumerate(pitches if down else pitches[::-1]):
            hits.append((at + 0.03 * i, 0.7, pitch, force * (1 - 0.08 * i)))
    return _hits(bar, hits)


def stabs(bar: Bar, rng: np.random.Generator) -> list[Note]:
    """Short chords off the beat."""
    return [Note(bar.beat + at, 0.3, p, 0.8) for at in (0.5, 1.5, 2.5, 3.5) for p in bar.chord]


def syncopated(bar: Bar, rng: np.random.Generator) -> list[Note]:
    """Short chords in three against four."""
    return [Note(bar.beat + at, 0.4, p, 0.8) for at in (0, 0.75, 1.5, 2.5, 3.25) for p in bar.chord]


def sustain(bar: Bar, rng: np.random.Generator) -> list[Note]:
    """The root, long."""
    return [Note(bar.beat, 3.8, _low(bar), 0.8)]


def walk(bar: Bar, rng: np.random.Generator) -> list[Note]:
    """Root and fifth, with a step towards the next bar."""
    root = _low(bar)
    fifth = bar.key.pitch(bar.degree + 4, 0) % 12
    fifth = root + (fifth - root) % 12
    turn = bar.key.pitch(bar.degree + 1, 0) % 12
    turn = root + (turn - root) % 12
    return _hits(bar, [(0, 0.9, root, 0.9), (1.5, 0.4, root, 0.6), (2, 0.9, fifth, 0.8), (3.5, 0.4, turn, 0.6)])


def octaves(bar: Bar, rng: np.random.Generator) -> list[Note]:
    """Root and octave in eighths, as dancers like it."""
    root = _low(bar)
    return _hits(bar, [(i / 2, 0.4, root + 12 * (i % 2), 0.9 - 0.15 * (i % 2)) for i in range(8)])


def drive(bar: Bar, rng: np.random.Generator) -> list[Note]:
    """The root in eighths."""
    return _hits(bar, [(i / 2, 0.42, _low(bar), 0.95 if i % 4 == 0 else 0.75) for i in range(8)])


def chug(bar: Bar, rng: np.random.Generator) -> list[Note]:
    """Muted guitar: gallops on the root, and an accent that is let ring."""
    root = _low(bar) + 12
    gallop = [(b + o, 0.2, root, f) for b in (0, 1, 2) for o, f in ((0, 0.9), (0.5, 0.7), (0.75, 0.7))]
    return _hits(bar, [*gallop, (3, 0.95, root, 1.0)])


def power(bar: Bar, rng: np.random.Generator) -> list[Note]:
    """Guitar chords, long."""
    return _hits(bar, [(0, 1.9, _low(bar) + 12, 1.0), (2, 1.9, _low(bar) + 12, 0.9)])


def ostinato(bar: Bar, rng: np.random.Generator) -> list[Note]:
    """A figure that goes round the root in eighths and never leaves it."""
    steps = (0, 0, 1, 0, 4, 0, 1, 0)
    base = bar.degree if bar.degree < 5 else bar.degree - 7
    pitches = [bar.key.pitch(base + step, 4) for step in steps]
    return _hits(bar, [(i / 2, 0.4, p, 0.9 if i % 4 == 0 else 0.65) for i, p in enumerate(pitches)])


def scurry(bar: Bar, rng: np.random.Generator) -> list[Note]:
    """The same figure in sixteenths."""
    steps = (0, 1, 0, 2, 0, 1, 4, 1)
    base = bar.degree if bar.degree < 5 else bar.degree - 7
    pitches = [bar.key.pitch(base + step, 4) for step in steps * 2]
    return _hits(bar, [(i / 4, 0.2, p, 0.9 if i % 4 == 0 else 0.6) for i, p in enumerate(pitches)])


def drone(bar: Bar, rng: np.random.Generator) -> list[Note]:
    """The tonic and its neighbour, rubbing."""
    pitches = [bar.key.pitch(0, 4)] + ([bar.key.pitch(1, 5)] if bar.number % 2 else [])
    return [Note(bar.beat, BEATS, p, 0.7) for p in pitches]


def _low(bar: Bar) -> int:
    """The chord's root between E1 and D#2."""
    return 28 + (bar.key.pitch(bar.degree, 0) - 28) % 12


def _drums(*beats: float, force: float = 0.9, length: float = 0.1, fill: tuple[float, ...] = (),
           pitches: tuple[int, ...] = (60,)) -> Pattern:
    """Hits at these beats of every bar, and at those of `fill` too in the last bar of a section."""

    def pattern(bar: Bar, rng: np.random.Generator) -> list[Note]:
        hits = sorted({*beats, *(fill if bar.last else ())})
        return [Note(bar.beat + b, length, pitches[i % len(pitches)], force * (1 if b % 1 == 0 else 0.75))
                for i, b in enumerate(hits)]

    return pattern


def first(bar: Bar, rng: np.random.Generator) -> list[Note]:
    """One hit where a section of eight (or four) bars begins."""
    return [Note(bar.beat, 1, 60, 0.8)] if bar.number % 8 == 0 else []


EIGHTHS = tuple(i / 2 for i in range(8))
SIXTEENTHS = tuple(i / 4 for i in range(16))
PATTERNS: dict[str, Pattern] = {
    "block": block, "broken": broken, "ripple": ripple, "strum": strum, "stabs": stabs, "syncopated": syncopated,
    "sustain": sustain, "walk": walk, "octaves": octaves, "drive": drive, "chug": chug, "power": power,
    "ostinato": ostinato, "scurry": scurry, "drone": drone, "first": first,
    "four": _drums(0, 1, 2, 3), "backbeat": _drums(1, 3, fill=(2.5, 3.5, 3.75)), "rock kick": _drums(0, 1.5, 2),
    "pop kick": _drums(0, 2, 2.5), "off": _drums(0.5, 1.5, 2.5, 3.5, length=0.5, force=0.7),
    "eighths": _drums(*EIGHTHS, force=0.6), "sixteenths": _drums(*SIXTEENTHS, force=0.5),
    "double": _drums(0, 0.25, 0.5, 1.5, 2, 2.25, 2.5, 3.5), "ticks": _drums(0, 1, 2, 3, force=0.5),
    "heart": _drums(0, 0.5, pitches=(38, 36)),
    "menace": _drums(0, 1.5, 3, pitches=(41, 38, 36), fill=(3.25, 3.5, 3.75)),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Tune:
    """How a melody behaves."""

    low: int
    high: int
    rhythms: tuple[tuple[float, ...], ...]  # of one bar each: lengths in beats, negative for rests
    leap: float = 0.15  # how often it jumps


def melody(key: Key, chords: list[tuple[int, ...]], tune: Tune, rng: np.random.Generator) -> list[Note]:
    """A tune over a section's chords: motif, repeat, answer, close, for every four bars."""
    motif = [tune.rhythms[int(rng.integers(len(tune.rhythms)))] for _ in range(2)]
    ladder = key.pitches(tune.low, tune.high)
    place = len(ladder) // 2
    shapes = [[_step(tune, rng) for _ in range(16)] for _ in range(2)]
    notes: list[Note] = []
    for number, chord in enumerate(chords):
        closing = number % 4 == 3
        rhythm = (1.0, 1.0, 2.0) if closing else motif[number % 2]
        shape = [-s for s in shapes[0]] if number % 4 == 2 else shapes[number % 2]
        beat = 0.0
        for i, length in enumerate(rhythm):
            if length > 0:
                place = _inside(place + shape[i % 16], len(ladder))
                if beat % 2 == 0 or (closing and i == len(rhythm) - 1):
                    place = _nearest(ladder, place, chord)
                force = 0.85 if beat % 2 == 0 else 0.65 + 0.1 * float(rng.random())
                notes.append(Note(number * BEATS + beat, 0.95 * length, ladder[place], force))
            beat += abs(length)
    return notes


def _step(tune: Tune, rng: np.random.Generator) -> int:
    if rng.random() < tune.leap:
        return int(rng.choice([-4, -3, 3, 4]))
    return int(rng.choice([-2, -1, -1, 1, 1, 2]))


def _inside(place: int, size: int) -> int:
    """Reflects at the ends of the range."""
    if place < 0:
        return -place
    return 2 * (size - 1) - place if place >= size else place


def _nearest(ladder: list[int], place: int, chord: tuple[int, ...]) -> int:
    classes = {p % 12 for p in chord}
    return min((i for i, p in enumerate(ladder) if p % 12 in classes), key=lambda i: abs(i - place))
