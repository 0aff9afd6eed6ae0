"""What a voice in front does to the sound: syllables, glides, a line that dominates, hissing consonants. Pure numpy.

Syllables move the middle bands 3 to 8 times a second (the 4 Hz modulation of Scheirer and Slaney 1997); a singer glides
between notes where keys step; the melody's salience is that of tonality.py. Nothing here tells whether somebody sings:
an oboe has some of this, too.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from device.music.analysis.spectrum import FRAMES_PER_S, Array, Pictures
from device.music.analysis.timbre import Named, spread
from device.music.analysis.tonality import salience_of

REGIONS = {"low": (4, 12), "middle": (8, 26), "high": (26, 44)}  # of the mel bands
RATES_HZ = ((0.3, 1), (1, 2), (2, 3), (3, 5), (5, 8), (8, 15))
SEGMENT = 128  # frames (4 s) whose modulation is looked at together, half overlapping
STEPS = 3.0  # bins of salience in a semitone
REGISTERS = (0, 7, 14, 21, 28, 48)  # semitones above 110 Hz
VOWEL_HZ, FRONT_HZ, HISS_HZ = 300, 900, 3000  # where vowels, their second formant and consonants begin


def voice(pictures: Pictures) -> Named:
    """All features of this module, by name."""
    for name, (first, last) in REGIONS.items():
        yield from _syllables(name, pictures.mel_db[:, first:last].mean(1))
    yield from _line(salience_of(pictures.peaks))
    yield from _consonants(pictures.power, pictures.frequencies_hz)


def _syllables(name: str, level_db: Array) -> Named:
    """Shares of the modulation of one region at different rates, as logarithms."""
    moving = level_db - level_db.mean()
    size = min(SEGMENT, len(moving))
    parts = np.lib.stride_tricks.sliding_window_view(moving, size)[:: SEGMENT // 2] * np.hanning(size)
    power = (np.abs(np.fft.rfft(parts, SEGMENT, axis=1)) ** 2).mean(0)
    hz = np.fft.rfftfreq(SEGMENT, 1 / FRAMES_PER_S)
    total = power[1:].sum() + 1e-6
    for low, high in RATES_HZ:
        yield f"syllables_{name}_{low:g}hz", float(np.log(power[(hz >= low) & (hz < high)].sum() / total + 1e-3))


def _line(salience: Array) -> Named:
    """How the melody moves, how far it stands out, and in which register it lies; `salience` [L, bins]."""
    pitch, height = salience.argmax(1) / STEPS, salience.max(1)
    step = np.diff(pitch)
    close = np.abs(step) < 1.5
    yield "glide", float(np.abs(step[close]).mean()) if close.any() else 0.0
    yield "glide_share", float(((np.abs(step) > 0.3) & close).mean())
    yield "unbroken", float(close.mean())
    yield from spread("dominance", np.log(height / (np.median(salience, axis=1) + 1e-3) + 1))
    line = pitch[height > 0.6 * np.median(height)]
    for low, high in pairwise(REGISTERS):
        yield f"register{low}", float(((line >= low) & (line < high)).mean()) if line.size else 0.0


def _consonants(power: Array, hz: Array) -> Named:
    """Front vowels against dark ones, hiss against vowels, how fast hiss comes and goes, how both go together."""
    below, dark, front, hiss = (
        power[:, (hz > low) & (hz < high)].sum(1)
        for low, high in ((-1, VOWEL_HZ), (VOWEL_HZ, FRONT_HZ), (FRONT_HZ, HISS_HZ), (HISS_HZ, np.inf))
    )
    bright = np.log((front + 1e-4) / (below + dark + 1e-4))
    sibilant = np.log((hiss + 1e-4) / (front + 1e-4))
    yield from spread("front", bright)
    yield from spread("hiss", sibilant)
    yield "hiss_moves", float(np.abs(np.diff(sibilant)).mean())
    apart = bright.std() * sibilant.std()
    together = ((bright - bright.mean()) * (sibilant - sibilant.mean())).mean()
    yield "front_with_hiss", float(together / apart) if apart > 1e-6 else 0.0
