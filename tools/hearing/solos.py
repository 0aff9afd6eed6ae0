"""Music that is easily taken for something else: one singer, drums alone, a sparse piano, a lonely flute, a drone.

Played by the demo's instruments (tools/songs/synth.py). float32 [n] at 16 kHz.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from tools.hearing.noises import RATE_HZ, Random, Sound, level
from tools.songs import synth

MINOR = (0, 2, 3, 5, 7, 8, 10)
MAJOR = (0, 2, 4, 5, 7, 9, 11)
VOWELS = ((700, 1150, 2500), (300, 2300, 3000), (450, 850, 2400), (500, 1750, 2450), (350, 700, 2400))  # Hz: a i o e u


def _scored(seconds: float, notes: list[tuple[float, Sound]]) -> Sound:
    """Waves at their times, brought from the synthesiser's rate to ours."""
    mix = np.zeros(round(seconds * synth.RATE_HZ) + 1, np.float32)
    for at, wave in notes:
        start = round(at * synth.RATE_HZ)
        if start < len(mix):
            mix[start : start + len(wave)] += wave[: len(mix) - start]
    pairs = mix[: len(mix) // 2 * 2].reshape(-1, 2).mean(1)  # 32 to 16 kHz, over a mild low pass
    return level(pairs[: round(seconds * RATE_HZ)])


def _walk(random: Random, low: int, high: int, scale: tuple[int, ...] = MINOR) -> Callable[[], int]:
    """A tune that moves by steps within a scale."""
    ladder = [pitch for pitch in range(low, high) if pitch % 12 in scale]
    place = len(ladder) // 2

    def step() -> int:
        nonlocal place
        place = int(np.clip(place + random.choice([-2, -1, -1, 1, 1, 2]), 0, len(ladder) - 1))
        return ladder[place]

    return step


Player = Callable[[float, Random], Sound]


def _solo(instrument: Callable[[float, float], Sound], low: int, high: int, lengths_s: tuple[float, ...]) -> Player:
    """One instrument that plays a tune of notes of these lengths."""

    def play(seconds: float, random: Random) -> Sound:
        step, notes, at = _walk(random, low, high), [], 0.0
        while at < seconds:
            length = float(random.choice(lengths_s))
            notes.append((at, instrument(step(), 0.95 * length)))
            at += length
        return _scored(seconds, notes)

    return play


def sung(pitch: float, seconds: float, vowel: tuple[int, ...] = VOWELS[0]) -> Sound:
    """A sung vowel: a saw with vibrato that begins late, through three formants."""
    t = synth.times(seconds)
    bend = 1 + 0.012 * np.clip((t - 0.15) / 0.3, 0, 1) * np.sin(2 * np.pi * 5.4 * t) - 0.03 * np.exp(-t / 0.05)
    wave = np.zeros(t.size)
    hz = synth.hertz(pitch)
    turns = np.cumsum(hz * bend) / synth.RATE_HZ
    for harmonic in range(1, int(5000 / hz) + 1):
        here = harmonic * hz
        gain = sum(1 / (1 + ((here - centre) / (60 + 0.05 * centre)) ** 2) / (n + 1) for n, centre in enumerate(vowel))
        wave += (gain + 0.02) / harmonic**0.8 * np.sin(2 * np.pi * harmonic * turns)
    held = np.clip(np.minimum(t / 0.06, (seconds - t) / 0.08), 0, 1)
    return (wave * held).astype(np.float32)


def a_cappella(seconds: float, random: Random) -> Sound:
    """One singer, with breaths between the phrases."""
    step, notes, at = _walk(random, 55, 74, MAJOR), [], 0.0
    while at < seconds:
        for _ in range(int(random.integers(4, 8))):
            length = float(random.choice([0.3, 0.45, 0.6, 0.9, 1.4]))
            notes.append((at, sung(step(), length, VOWELS[int(random.integers(len(VOWELS)))])))
            at += length
        at += random.uniform(0.3, 0.7)
    return _scored(seconds, notes)


def drums(seconds: float, random: Random) -> Sound:
    """A rock beat and nothing else."""
    beat = 60 / random.uniform(80, 150)
    notes = []
    for number in range(int(seconds / beat * 2)):
        at = number * beat / 2 + 0.004 * random.standard_normal()
        notes.append((max(0.0, at), 0.7 * synth.hat(60, 0.1)))
        if number % 4 == 0 or (number % 8 == 3 and random.random() < 0.6):
            notes.append((max(0.0, at), synth.kick(36, 0.1)))
        if number % 4 == 2:
            notes.append((max(0.0, at), synth.snare(38, 0.1)))
        if number % 32 == 31:
            notes += [(at + n * beat / 8, synth.tom(50 - 3 * n, 0.1)) for n in range(4)]
    return _scored(seconds, notes)


def drone(seconds: float, random: Random) -> Sound:
    """Slow chords of a pad."""
    notes, at, step = [], 0.0, _walk(random, 48, 60)
    while at < seconds:
        root = step()
        notes += [(at, synth.pad(root + up, 4.0)) for up in (0, 7, 12, 15)]
        at += 4.0
    return _scored(seconds, notes)


KINDS: Mapping[str, Player] = {
    "a cappella": a_cappella,
    "drums alone": drums,
    "sparse piano": _solo(synth.piano, 48, 80, (0.8, 1.2, 2.0, 3.0)),
    "flute": _solo(synth.flute, 67, 90, (0.4, 0.6, 1.2)),
    "strings": _solo(synth.strings, 50, 76, (0.6, 1.2, 2.0)),
    "guitar": _solo(synth.pluck, 45, 70, (0.2, 0.4, 0.8)),
    "bass": _solo(synth.bass, 30, 46, (0.25, 0.5)),
    "music box": _solo(synth.bell, 72, 90, (0.3, 0.6)),
    "pad": drone,
}
