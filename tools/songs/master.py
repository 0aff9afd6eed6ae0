"""From single parts to a finished record: room, echo, loudness, limiter, fades.

Pure arrays, any thread. Stereo is float32[2, N] at `RATE_HZ`. Loudness is measured after ITU-R BS.1770-4 (K weighting,
400 ms blocks, two gates); the filters act in the frequency domain.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tools.songs.synth import RATE_HZ, Wave

Stereo = NDArray[Any]  # float32[2, N]

CEILING = 0.891  # -1 dBFS


def pan(wave: Wave, place: float) -> Stereo:
    """A mono wave somewhere between left (-1) and right (1), with equal power."""
    angle = (place + 1) * np.pi / 4
    return np.asarray(np.stack([np.cos(angle) * wave, np.sin(angle) * wave]), np.float32)


def echo(wave: Wave, delay_s: float, feedback: float) -> Wave:
    """The wave and three repeats."""
    out = wave.copy()
    step = round(delay_s * RATE_HZ)
    for n in (1, 2, 3):
        if n * step < wave.size:
            out[n * step :] += np.float32(feedback**n) * wave[: -n * step]
    return out


def reverberate(dry: Stereo, seconds: float, *, seed: int = 0) -> Stereo:
    """What a room of this reverberation time (RT60) answers: convolution with decaying noise, wet signal only."""
    t = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    rng = np.random.default_rng(seed)
    answer = rng.standard_normal((2, t.size)) * 10 ** (-3 * t / seconds)
    answer[:, : round(0.012 * RATE_HZ)] = 0  # the walls are some metres away
    smooth = np.exp(-np.arange(24) / 5.0)
    answer = np.stack([np.convolve(side, smooth / smooth.sum(), "same") for side in answer])
    answer /= np.sqrt((answer**2).sum(axis=1, keepdims=True))
    size = _fast_length(dry.shape[1] + t.size)
    wet = np.fft.irfft(np.fft.rfft(dry, size) * np.fft.rfft(answer.astype(np.float32), size), size)
    return wet[:, : dry.shape[1]].astype(np.float32)


def finish(mix: Stereo, loudness_lufs: float, fade_in_s: float, fade_out_s: float) -> Stereo:
    """Removes what is below hearing, fades, and brings the record to a loudness without passing the ceiling."""
    record = _equalise(mix)
    record = record * _fades(record.shape[1], fade_in_s, fade_out_s)
    for _ in range(3):  # where the limiter takes loudness away, make up for it
        record = record * np.float32(10 ** ((loudness_lufs - loudness(record)) / 20))
        if np.abs(record).max() <= CEILING:
            break
        record = limit(record)
    return limit(record)


def limit(record: Stereo) -> Stereo:
    """Turns the volume down where a peak would pass the ceiling: looks ahead 5 ms, lets go within 80 ms."""
    block = RATE_HZ // 400
    blocks = -(-record.shape[1] // block)
    padded = np.zeros(blocks * block, np.float32)
    padded[: record.shape[1]] = np.abs(record).max(axis=0)
    peaks = padded.reshape(blocks, block).max(axis=1)
    spread = np.max([np.roll(np.pad(peaks, 3), k)[3:-3] for k in (-2, -1, 0, 1, 2)], axis=0)
    need = np.minimum(1.0, CEILING / np.maximum(spread, 1e-9))
    held = need.copy()
    release = 1 - np.exp(-block / RATE_HZ / 0.08)
    for i in range(1, blocks):
        held[i] = min(need[i], held[i - 1] + release * (1 - held[i - 1]))
    gain = np.interp(np.arange(record.shape[1]), (np.arange(blocks) + 0.5) * block, held)
    return np.asarray(np.clip(record * gain, -CEILING, CEILING), np.float32)


def loudness(record: Stereo) -> float:
    """Integrated loudness in LUFS; -70 for silence."""
    size = _fast_length(record.shape[1])
    weighted = np.fft.irfft(np.fft.rfft(record, size) * _k_weighting(size), size)[:, : record.shape[1]]
    hop, span = RATE_HZ // 10, 4
    tenths = (weighted[:, : weighted.shape[1] // hop * hop] ** 2).reshape(2, -1, hop).mean(axis=2).sum(axis=0)
    if tenths.size < span:
        return -70.0
    power = np.convolve(tenths, np.ones(span) / span, "valid")
    power = power[power > 10 ** ((-70 + 0.691) / 10)]
    if not power.size:
        return -70.0
    power = power[power > power.mean() / 10]
    return float(-0.691 + 10 * np.log10(power.mean()))


def _k_weighting(size: int) -> NDArray[np.complex128]:
    """The two filters of BS.1770, designed for our rate after Mansbridge, Finn & Reiss (AES 132, 2012)."""
    z = np.exp(-2j * np.pi * np.fft.rfftfreq(size))
    k = np.tan(np.pi * 1681.974450955533 / RATE_HZ)
    q, high = 0.7071752369554196, 10 ** (3.999843853973347 / 20)
    mid = high**0.4996667741545416
    shelving = ((high + mid * k / q + k * k) + 2 * (k * k - high) * z + (high - mid * k / q + k * k) * z**2) / (
        (1 + k / q + k * k) + 2 * (k * k - 1) * z + (1 - k / q + k * k) * z**2)
    k = np.tan(np.pi * 38.13547087602444 / RATE_HZ)
    q = 0.5003270373238773
    cut = (1 - 2 * z + z**2) / ((1 + k / q + k * k) + 2 * (k * k - 1) * z + (1 - k / q + k * k) * z**2)
    out: NDArray[np.complex128] = shelving * cut * (1 + k / q + k * k)
    return out


def _equalise(mix: Stereo) -> Stereo:
    """Cuts below 32 Hz (no direct current is left) and lifts what is above 2 kHz by 4 dB, without phase."""
    size = _fast_length(mix.shape[1])
    f = np.fft.rfftfreq(size, 1 / RATE_HZ)
    rumble, air = (f / 32.0) ** 4, (f / 2000.0) ** 2
    shape = rumble / (1 + rumble) * (1 + 0.58 * air / (1 + air))
    return np.fft.irfft(np.fft.rfft(mix, size) * shape, size)[:, : mix.shape[1]].astype(np.float32)


def _fades(samples: int, fade_in_s: float, fade_out_s: float) -> Wave:
    t = np.arange(samples) / RATE_HZ
    end = samples / RATE_HZ
    fade = np.clip(t / max(fade_in_s, 1e-3), 0, 1) * np.clip((end - t) / max(fade_out_s, 1e-3), 0, 1)
    return np.asarray(np.sin(fade * np.pi / 2) ** 2, np.float32)


def _fast_length(samples: int) -> int:
    """The next length whose transform is quick: a power of two times 1, 3 or 5."""
    return min(factor << max(0, math.ceil(math.log2(samples / factor))) for factor in (1, 3, 5))
