"""Instruments out of formulas: each turns a pitch, a length and a loudness into a mono wave.

Pure arrays, any thread. Waves are float32 at `RATE_HZ`, roughly within -1..1. Methods: plucked strings after Karplus
and Strong (Computer Music Journal 7(2), 1983), bells and electric piano by frequency modulation after Chowning (Journal
of the AES 21(7), 1973), the rest additive or from wave tables, band-limited by leaving out partials above 0.42 RATE_HZ.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Wave = NDArray[Any]  # float32
Instrument = Callable[[float, float], Wave]  # MIDI pitch, seconds held

RATE_HZ = 32_000
TABLE = 2048
TOP_HZ = 0.42 * RATE_HZ


def hertz(pitch: float) -> float:
    """The frequency of a MIDI pitch (69 is 440 Hz)."""
    return float(440.0 * 2 ** ((pitch - 69) / 12))


def times(seconds: float) -> Wave:
    """Sample times 0, 1/RATE_HZ, ..."""
    return np.arange(max(1, round(seconds * RATE_HZ)), dtype=np.float32) / RATE_HZ


def envelope(held_s: float, attack_s: float, decay_s: float, sustain: float, release_s: float) -> Wave:
    """Rises to 1, falls towards `sustain` with time constant `decay_s`, and to 0 in `release_s` after the note."""
    t = times(held_s + release_s)
    rise = np.minimum(t / max(attack_s, 1e-4), 1)
    body = sustain + (1 - sustain) * np.exp(-np.maximum(t - attack_s, 0) / max(decay_s, 1e-4))
    fall = np.clip(1 - (t - held_s) / max(release_s, 1e-4), 0, 1)
    return np.asarray(rise * body * fall * fall, np.float32)


@lru_cache(maxsize=256)
def _table(partials: int, slope: float, even: float) -> Wave:
    """One period of a sum of sines of amplitude 1/n^slope; `even` scales the even ones."""
    phase = np.arange(TABLE) * (2 * np.pi / TABLE)
    n = np.arange(1, partials + 1)
    weight = n ** -slope * np.where(n % 2 == 0, even, 1.0)
    wave = np.sin(np.outer(phase, n)) @ weight
    wave /= np.abs(wave).max()
    return np.append(wave, wave[0]).astype(np.float32)


def oscillate(frequency: float | Wave, seconds: float, slope: float, *, even: float = 1.0, phase: float = 0.0) -> Wave:
    """A wave-table tone; slope 1 is a saw, 2 soft, 3 nearly a sine. `frequency` in Hz may change by the sample."""
    t = times(seconds)
    highest = float(np.max(frequency))
    table = _table(int(np.clip(TOP_HZ // highest, 1, 60)), slope, even)
    if isinstance(frequency, np.ndarray):
        turns = np.cumsum(frequency, dtype=np.float64) / RATE_HZ
    else:
        turns = frequency * t.astype(np.float64)
    place = ((turns + phase) % 1.0) * TABLE
    low = place.astype(np.int32)
    share = (place - low).astype(np.float32)
    out: Wave = table[low] * (1 - share) + table[low + 1] * share
    return out


def _vibrato(f: float, seconds: float, depth: float, rate_hz: float = 5.2) -> Wave:
    t = times(seconds)
    return np.asarray(f * (1 + depth * np.clip((t - 0.15) / 0.4, 0, 1) * np.sin(2 * np.pi * rate_hz * t)), np.float32)


def pluck(pitch: float, held_s: float, *, brightness: float = 0.75, ring_s: float = 1.2) -> Wave:
    """A plucked string: noise goes round a delay line and loses its treble at every turn."""
    f = hertz(pitch)
    period = max(2, int(RATE_HZ / f))
    total = round((held_s + 0.25) * RATE_HZ)
    rng = np.random.default_rng(round(pitch * 16))
    turn: Wave = rng.uniform(-1, 1, period).astype(np.float32)
    for _ in range(round(4 * (1 - brightness))):
        turn = (turn + np.roll(turn, 1)) / 2
    turn -= turn.mean()
    turn /= np.abs(turn).max() + 1e-6
    loss = np.float32(0.001 ** (period / RATE_HZ / ring_s))
    rounds = np.empty((int(total * 1.3) // period + 3, period), np.float32)
    for row in rounds:
        row[:] = turn
        turn = loss * (0.5 * turn + 0.5 * np.roll(turn, 1))
    # Each turn delays by period + 1/2: read the line at the speed that makes the pitch right.
    speed = f * (period + 0.5) / RATE_HZ
    wave = np.interp(np.arange(total) * speed, np.arange(rounds.size), rounds.ravel())
    return np.asarray(wave * envelope(held_s, 0.001, 9, 1, 0.25)[:total], np.float32)


def bell(pitch: float, held_s: float) -> Wave:
    """A glockenspiel-like bell."""
    f, ring = hertz(pitch), max(held_s, 0.9)
    t = times(ring + 0.4)
    index = 2.2 * np.exp(-t / 0.18)
    tone = np.sin(2 * np.pi * f * t + index * np.sin(2 * np.pi * 3.5 * f * t)) if 4.5 * f < TOP_HZ else np.sin(
        2 * np.pi * f * t)
    return np.asarray(0.8 * tone * np.exp(-t / 0.45) * envelope(ring, 0.002, 9, 1, 0.4), np.float32)


def epiano(pitch: float, held_s: float) -> Wave:
    """An electric piano: a soft fundamental and a short tine."""
    f = hertz(pitch)
    t = times(held_s + 0.35)
    body = np.sin(2 * np.pi * f * t + (1.1 * np.exp(-t / 0.5)) * np.sin(2 * np.pi * f * t))
    tine = np.sin(2 * np.pi * f * t + 0.5 * np.exp(-t / 0.12) * np.sin(2 * np.pi * min(14 * f, TOP_HZ) * t))
    tremolo = 1 - 0.12 * (0.5 + 0.5 * np.sin(2 * np.pi * 4.3 * t))
    out = (0.7 * body + 0.3 * tine) * tremolo * envelope(held_s, 0.004, 0.9, 0.18, 0.35)
    return np.asarray(out, np.float32)


def piano(pitch: float, held_s: float) -> Wave:
    """A felted piano: stiff-string partials, the higher ones dying sooner."""
    f = hertz(pitch)
    t = times(held_s + 0.5)
    wave = np.zeros_like(t)
    for n in range(1, 13):
        partial = n * f * np.sqrt(1 + 0.0004 * n * n)
        if partial > TOP_HZ:
            break
        weight = np.sin(np.pi * n / 7.3) ** 2 * 0.93 ** n / n ** 0.65 + (0.5 if n == 1 else 0.0)
        life = 2.6 * (220 / f) ** 0.4 / (1 + 0.35 * (n - 1))
        wave += weight * np.exp(-t / life) * np.sin(2 * np.pi * partial * t + n)
    knock = np.exp(-t / 0.012) * np.sin(2 * np.pi * 95 * t) * 0.15
    return np.asarray(0.8 * (wave + knock) * envelope(held_s, 0.003, 9, 1, 0.5), np.float32)


def pad(pitch: float, held_s: float) -> Wave:
    """A warm carpet of three detuned voices."""
    f = hertz(pitch)
    seconds = held_s + 0.9
    voices = sum(oscillate(f * 2 ** (cents / 1200), seconds, 1.55, phase=0.3 * i) for i, cents in enumerate((-7, 1, 8)))
    return np.asarray(voices / 3 * envelope(held_s, 0.55, 9, 1, 0.9), np.float32)


def strings(pitch: float, held_s: float) -> Wave:
    """Bowed strings in section: vibrato, detuned."""
    f = hertz(pitch)
    seconds = held_s + 0.45
    voices = sum(oscillate(_vibrato(f * 2 ** (cents / 1200), seconds, 0.004, rate), seconds, 1.35, phase=0.4 * i)
                 for i, (cents, rate) in enumerate(((-6, 5.0), (5, 5.7))))
    return np.asarray(voices / 2 * envelope(held_s, min(0.18, held_s / 2), 9, 1, 0.45), np.float32)


def spiccato(pitch: float, held_s: float) -> Wave:
    """Short bounced strokes of low strings."""
    f = hertz(pitch)
    seconds = min(held_s, 0.16) + 0.12
    wave: Wave = oscillate(f, seconds, 1.1) + 0.7 * oscillate(f * 1.004, seconds, 1.1, phase=0.5)
    return np.asarray(0.6 * wave * envelope(seconds - 0.12, 0.006, 0.09, 0.25, 0.12), np.float32)


def flute(pitch: float, held_s: float) -> Wave:
    """A breathy whistle."""
    f = hertz(pitch)
    seconds = held_s + 0.12
    tone = oscillate(_vibrato(f, seconds, 0.006), seconds, 2.4)
    breath: Wave = np.random.default_rng(round(pitch)).standard_normal(tone.size).astype(np.float32)
    breath = np.convolve(breath, np.ones(6, np.float32) / 6, "same") * np.exp(-times(seconds) / 0.25)
    return np.asarray((0.9 * tone + 0.07 * breath[: tone.size]) * envelope(held_s, 0.05, 9, 1, 0.12), np.float32)


def lead(pitch: float, held_s: float) -> Wave:
    """A bright synthesiser lead."""
    f = hertz(pitch)
    seconds = held_s + 0.1
    wave = oscillate(_vibrato(f, seconds, 0.004), seconds, 1.15) + oscillate(f * 1.006, seconds, 1.15, phase=0.5)
    return np.asarray(0.5 * wave * envelope(held_s, 0.008, 0.25, 0.7, 0.1), np.float32)


def stab(pitch: float, held_s: float) -> Wave:
    """A short saw chord, five voices wide."""
    f = hertz(pitch)
    seconds = held_s + 0.15
    wave = sum(oscillate(f * 2 ** (cents / 1200), seconds, 1.05, phase=0.37 * i)
               for i, cents in enumerate((-14, -6, 0, 7, 13)))
    return np.asarray(wave / 3.5 * envelope(held_s, 0.005, 0.2, 0.45, 0.15), np.float32)


def bass(pitch: float, held_s: float) -> Wave:
    """A round finger bass."""
    f = hertz(pitch)
    seconds = held_s + 0.06
    t = times(seconds)
    bright = oscillate(f, seconds, 1.5) * np.exp(-t / 0.25)
    return np.asarray((0.65 * oscillate(f, seconds, 2.6) + 0.45 * bright) * envelope(held_s, 0.006, 0.8, 0.6, 0.06),
                      np.float32)


def growl(pitch: float, held_s: float) -> Wave:
    """A driven saw bass."""
    f = hertz(pitch)
    seconds = held_s + 0.05
    wave = oscillate(f, seconds, 1.0) + 0.8 * oscillate(f * 1.007, seconds, 1.0, phase=0.2)
    return np.asarray(0.75 * np.tanh(2.2 * wave) * envelope(held_s, 0.004, 0.5, 0.7, 0.05), np.float32)


def guitar(pitch: float, held_s: float) -> Wave:
    """A distorted power chord: root, fifth and octave through one amplifier and its cabinet."""
    ring = 0.35 if held_s < 0.2 else 3.0
    strings_ = [pluck(pitch + step, held_s, brightness=0.9, ring_s=ring) for step in (0, 7.02, 12)]
    drive = np.tanh(9 * sum(s[: min(map(len, strings_))] for s in strings_))
    cabinet = np.hanning(13).astype(np.float32)
    wave = np.convolve(drive, cabinet / cabinet.sum(), "same")
    return np.asarray(0.6 * wave * envelope(held_s, 0.002, 9, 1, 0.25)[: wave.size], np.float32)


def kick(_pitch: float, _held_s: float) -> Wave:
    """A bass drum: a sine that falls from 150 to 48 Hz, and a click."""
    t = times(0.35)
    phase = 2 * np.pi * (48 * t + 102 * 0.028 * (1 - np.exp(-t / 0.028)))
    click = np.random.default_rng(1).standard_normal(t.size) * np.exp(-t / 0.002) * 0.25
    return np.asarray((np.sin(phase) * np.exp(-t / 0.11) + click) * np.clip((0.35 - t) / 0.05, 0, 1), np.float32)


def snare(_pitch: float, _held_s: float) -> Wave:
    """A snare drum: two modes of the skin and its wires."""
    t = times(0.28)
    wires = _highpass(np.random.default_rng(2).standard_normal(t.size)) * np.exp(-t / 0.075)
    skin = (np.sin(2 * np.pi * 186 * t) + 0.6 * np.sin(2 * np.pi * 331 * t)) * np.exp(-t / 0.05)
    return np.asarray((0.32 * wires + 0.4 * skin) * np.clip((0.28 - t) / 0.05, 0, 1), np.float32)


def clap(_pitch: float, _held_s: float) -> Wave:
    """Several hands, not quite together."""
    t = times(0.25)
    noise = _highpass(np.random.default_rng(3).standard_normal(t.size))
    hands = sum(np.exp(-np.maximum(t - d, 0) / 0.009) * (t >= d) for d in (0.0, 0.011, 0.021))
    wave = 0.4 * noise * (hands / 2 + 0.6 * np.exp(-t / 0.06)) * np.clip((0.25 - t) / 0.05, 0, 1)
    return np.asarray(wave, np.float32)


def hat(_pitch: float, held_s: float) -> Wave:
    """A hi-hat, closed if short."""
    open_ = held_s > 0.24
    t = times(0.4 if open_ else 0.08)
    noise = _highpass(_highpass(np.random.default_rng(4).standard_normal(t.size)))
    return np.asarray(0.22 * noise * np.exp(-t / (0.14 if open_ else 0.022)) * np.clip((t[-1] - t) / 0.02, 0, 1),
                      np.float32)


def shaker(_pitch: float, _held_s: float) -> Wave:
    """A shaker: a soft rush of noise."""
    t = times(0.12)
    noise = _highpass(np.random.default_rng(5).standard_normal(t.size))
    return np.asarray(0.16 * noise * np.sin(np.pi * t / 0.12) ** 2, np.float32)


def crash(_pitch: float, _held_s: float) -> Wave:
    """A cymbal."""
    t = times(1.8)
    noise = _highpass(np.random.default_rng(6).standard_normal(t.size))
    return np.asarray(0.25 * noise * np.exp(-t / 0.5) * np.clip((1.8 - t) / 0.3, 0, 1), np.float32)


def tom(pitch: float, _held_s: float) -> Wave:
    """A tuned drum, also a timpano."""
    t = times(0.7)
    f = hertz(pitch)
    phase = 2 * np.pi * f * (t + 0.35 * 0.04 * (1 - np.exp(-t / 0.04)))
    skin = np.sin(phase) + 0.3 * np.sin(1.5 * phase) * np.exp(-t / 0.08)
    return np.asarray(0.8 * skin * np.exp(-t / 0.22) * np.clip((0.7 - t) / 0.1, 0, 1), np.float32)


def tick(_pitch: float, _held_s: float) -> Wave:
    """A clock."""
    t = times(0.05)
    return np.asarray(0.5 * np.sin(2 * np.pi * 2600 * t) * np.exp(-t / 0.006), np.float32)


def _highpass(noise: Wave) -> Wave:
    return np.diff(noise, prepend=0.0) / 1.4
