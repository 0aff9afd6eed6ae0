"""The sound of the built-in chime: four strokes on bells, then a rest. Pure.

Additive synthesis: each bell is a sum of partials in the usual tuning of a bell (hum, prime, tierce, quint, nominal and
two above), which die away the faster the higher they are.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from device.music.audio.pcm_buffer import CHANNELS, RATE_HZ, Frames

LENGTH_S = 6.0
STROKES_HZ = (523.25, 659.26, 783.99, 659.26)  # C5, E5, G5, E5
BEAT_S = 0.9
ATTACK_S = 0.008  # soft, so that nobody is frightened
RING_S = 0.9  # after this time the prime has a third of its strength
PARTIALS = ((0.5, 0.35), (1.0, 1.0), (1.2, 0.25), (1.5, 0.2), (2.0, 0.6), (3.0, 0.2), (4.2, 0.1))
"""Of each partial: its frequency and its strength, both relative to the prime."""
PEAK = 0.9


def chime() -> Frames:
    """The chime once: int16[n, 2]."""
    sound = np.zeros(round(LENGTH_S * RATE_HZ))
    for number, hertz in enumerate(STROKES_HZ):
        start = round(number * BEAT_S * RATE_HZ)
        sound[start:] += _bell(hertz, len(sound) - start)
    sound[-RATE_HZ // 5 :] *= np.linspace(1, 0, RATE_HZ // 5)  # no click at the end
    samples = np.round(sound * (PEAK * 32767 / np.abs(sound).max())).astype(np.int16)
    return np.repeat(samples[:, None], CHANNELS, axis=1)


def _bell(hertz: float, count: int) -> npt.NDArray[np.float64]:
    time_s = np.arange(count) / RATE_HZ
    partials = (
        strength * np.exp(-time_s * ratio**0.7 / RING_S) * np.sin(2 * np.pi * hertz * ratio * time_s)
        for ratio, strength in PARTIALS
    )
    sound = np.minimum(1.0, time_s / ATTACK_S)
    sound *= np.sum(list(partials), axis=0)
    return sound
