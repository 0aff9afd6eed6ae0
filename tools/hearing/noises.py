"""Sounds that are no music, made on the spot: noises, tones, clicks, rain, applause. Pure numpy.

All are float32 [n] at 16 kHz with a peak of at most 1, and the same for the same `random`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

Sound = NDArray[np.float32]
Random = np.random.Generator

RATE_HZ = 16_000


def level(sound: NDArray[np.floating], peak: float = 0.5) -> Sound:
    """The sound at this peak."""
    return (sound * (peak / max(float(np.abs(sound).max()), 1e-9))).astype(np.float32)


def times(seconds: float) -> NDArray[np.float64]:
    return np.arange(round(seconds * RATE_HZ)) / RATE_HZ


def coloured(seconds: float, random: Random, slope: float) -> Sound:
    """Noise whose power falls with frequency to the power of `slope`: 0 is white, 1 pink, 2 brown."""
    count = round(seconds * RATE_HZ)
    hz = np.fft.rfftfreq(count, 1 / RATE_HZ)
    spectrum = np.fft.rfft(random.standard_normal(count)) / np.maximum(hz, 20) ** (slope / 2)
    return level(np.fft.irfft(spectrum, count))


def white(seconds: float, random: Random) -> Sound:
    return coloured(seconds, random, 0)


def pink(seconds: float, random: Random) -> Sound:
    return coloured(seconds, random, 1)


def brown(seconds: float, random: Random) -> Sound:
    return coloured(seconds, random, 2)


def wind(seconds: float, random: Random) -> Sound:
    """Pink noise that swells and fades within seconds."""
    steps = random.uniform(-18, 0, max(2, round(seconds / 1.5)))
    swell_db = np.interp(times(seconds), np.linspace(0, seconds, len(steps)), steps)
    return level(coloured(seconds, random, 1.6) * 10 ** (swell_db / 20))


def rain(seconds: float, random: Random) -> Sound:
    """A rush, and some thousand drops: short noises that ring a little, each at its own pitch."""
    sound = 0.25 * coloured(seconds, random, 0.5).astype(np.float64)
    for _ in range(round(60 * seconds)):
        _add(sound, _drop(random), int(random.integers(0, len(sound))))
    return level(sound)


def _drop(random: Random) -> NDArray[np.float64]:
    t = times(0.03)
    ring = np.sin(2 * np.pi * random.uniform(800, 6000) * t) + random.standard_normal(t.size)
    return np.asarray(random.lognormal(-2.5, 0.9) * ring * np.exp(-t / random.uniform(0.002, 0.008)))


def applause(seconds: float, random: Random) -> Sound:
    """Forty people, each clapping about four times a second and never quite in time."""
    sound = 0.01 * random.standard_normal(round(seconds * RATE_HZ))
    for _ in range(40):
        hand, at = _clap(random), random.uniform(0, 0.5)
        while at < seconds:
            _add(sound, hand * random.uniform(0.6, 1), round(at * RATE_HZ))
            at += random.normal(0.24, 0.05)
    return level(sound)


def _clap(random: Random) -> NDArray[np.float64]:
    """Noise around a frequency of the hands' own, a few milliseconds long."""
    t = times(0.04)
    palm = 0.7 * np.sin(2 * np.pi * random.uniform(700, 2500) * t + random.uniform(0, 6))
    clap = (palm + random.standard_normal(t.size)) * np.exp(-t / random.uniform(0.003, 0.009))
    return np.asarray(random.uniform(0.2, 1) * clap)


def _add(sound: NDArray[np.float64], part: NDArray[np.float64], at: int) -> None:
    if 0 <= at < len(sound):
        sound[at : at + len(part)] += part[: len(sound) - at]


def sine(seconds: float, random: Random) -> Sound:
    return level(np.sin(2 * np.pi * random.uniform(200, 2000) * times(seconds)))


def hum(seconds: float, random: Random) -> Sound:
    """Mains hum with its harmonics and a little hiss."""
    t = times(seconds)
    tones = sum(np.sin(2 * np.pi * 50 * h * t + h) / h ** random.uniform(0.5, 1.5) for h in range(1, 12))
    return level(tones + 0.01 * random.standard_normal(t.size))


def dial_tone(seconds: float, random: Random) -> Sound:
    """Two steady tones."""
    t = times(seconds)
    return level(np.sin(2 * np.pi * 350 * t) + np.sin(2 * np.pi * 440 * t) + 0.003 * random.standard_normal(t.size))


def clicks(seconds: float, random: Random) -> Sound:
    """Single clicks at odd times, such as a scratched record's without the record."""
    sound = 0.0005 * random.standard_normal(round(seconds * RATE_HZ))
    for at in random.uniform(0, seconds, max(1, round(2.5 * seconds))):
        t = times(0.004)
        _add(sound, random.uniform(0.3, 1) * random.standard_normal(t.size) * np.exp(-t / 0.001), round(at * RATE_HZ))
    return level(sound)


def metronome(seconds: float, random: Random) -> Sound:
    """The same tick, again and again."""
    t = times(0.02)
    tick = np.sin(2 * np.pi * 2600 * t) * np.exp(-t / 0.003)
    sound = 0.0005 * random.standard_normal(round(seconds * RATE_HZ))
    for at in np.arange(0.1, seconds, 60 / random.uniform(50, 150)):
        _add(sound, tick, round(at * RATE_HZ))
    return level(sound)


def engine(seconds: float, random: Random) -> Sound:
    """A motor: a rough low buzz whose speed wanders, and its rush."""
    count = round(seconds * RATE_HZ)
    wander = np.cumsum(random.standard_normal(count)) * 2e-4
    turns = np.cumsum(38 + 4 * np.tanh(wander)) / RATE_HZ
    buzz = sum(np.sin(2 * np.pi * h * turns + h * h) / h for h in range(1, 40))
    return level(buzz + 2.0 * coloured(seconds, random, 1))


KINDS: Mapping[str, Callable[[float, Random], Sound]] = {
    "white noise": white, "pink noise": pink, "brown noise": brown, "wind": wind, "rain": rain, "applause": applause,
    "sine": sine, "hum": hum, "dial tone": dial_tone, "clicks": clicks, "metronome": metronome, "engine": engine,
}  # fmt: skip


def telephone(sound: Sound) -> Sound:
    """The sound as a telephone passes it: 300 to 3400 Hz, in the 256 steps of G.711's mu-law."""
    spectrum = np.fft.rfft(sound)
    hz = np.fft.rfftfreq(len(sound), 1 / RATE_HZ)
    spectrum[(hz < 300) | (hz > 3400)] = 0
    passed = np.clip(np.fft.irfft(spectrum, len(sound)), -1, 1)
    steps = np.round(127 * np.sign(passed) * np.log1p(255 * np.abs(passed)) / np.log(256)) / 127
    return (np.sign(steps) * np.expm1(np.abs(steps) * np.log(256)) / 255).astype(np.float32)
