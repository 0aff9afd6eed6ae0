"""A stretch of sound as the pictures that features are read from: frames, spectra, mel and pitch bands. Pure numpy.

Everything is made level with the sound's own loudness first, so that no feature knows how loud a file was mastered, and
looks no higher than 7.6 kHz, so that it knows little of the codec.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]

RATE_HZ = 16000
FRAME = 1024  # samples of a short frame: 64 ms, for timbre and rhythm
HOP = 512  # 32 ms
LONG_FRAME = 4096  # 256 ms, for pitch
LONG_HOP = 1024  # 64 ms
FRAMES_PER_S = RATE_HZ / HOP
LONG_FRAMES_PER_S = RATE_HZ / LONG_HOP
MELS = 48
LOWEST_HZ, HIGHEST_HZ = 50.0, 7600.0
PITCH_LOWEST_HZ = 55.0  # A1
PITCH_STEPS = 36  # bins in an octave: three in a semitone
PITCH_OCTAVES = 7
QUIET_DB = -60.0  # below the loudest: counts as nothing
AT_ONCE = 64  # frames transformed at a time, to save memory
ENOUGH = 2 * RATE_HZ  # samples, for everything that is measured over time
SILENT = 1e-5  # root mean square, where 1 is full scale


@dataclass(frozen=True, slots=True)
class Pictures:
    """`power` [T, 513]: short frames. `mel_db` [T, 48]. `level_db` [T]. `pitch` [L, 252]: magnitude in bins of a third
    of a semitone from `PITCH_LOWEST_HZ`, whitened. `peaks` [L, 252]: only what stands out in `pitch`. `frequencies_hz`
    [513] of `power`."""

    power: Array
    mel_db: Array
    level_db: Array
    pitch: Array
    peaks: Array
    frequencies_hz: Array


def look(mono: Array) -> Pictures | None:
    """The pictures of `mono` (float32 [n] at 16 kHz), which is repeated if it is short; None if it is silent."""
    if mono.size == 0:
        return None
    if mono.size < ENOUGH:
        mono = np.pad(mono, (0, ENOUGH - mono.size), mode="wrap")
    mono = mono - mono.mean()
    rms = float(np.sqrt(np.mean(np.square(mono, dtype=np.float64))))
    if rms < SILENT:
        return None
    mono = (mono / rms).astype(np.float32)
    power = _power(mono, FRAME, HOP)
    mel = power @ mel_bands()
    floor = float(mel.mean()) * 10 ** (QUIET_DB / 10)
    mel_db = 10 * np.log10(np.maximum(mel, floor))
    energy = power.sum(1)
    level_db = 10 * np.log10(np.maximum(energy, float(energy.mean()) * 10 ** (QUIET_DB / 10)))
    level_db -= 10 * np.log10(energy.mean())
    frequencies_hz = np.fft.rfftfreq(FRAME, 1 / RATE_HZ).astype(np.float32)
    pitch = _pitch(mono)
    return Pictures(power, mel_db, level_db, pitch, _peaks(pitch), frequencies_hz)


def _power(mono: Array, size: int, hop: int) -> Array:
    frames = np.lib.stride_tricks.sliding_window_view(mono, size)[::hop]
    window = (np.hanning(size) / np.sqrt((np.hanning(size) ** 2).sum())).astype(np.float32)
    power = np.empty((len(frames), size // 2 + 1), np.float32)
    for begin in range(0, len(frames), AT_ONCE):
        spectrum = np.fft.rfft(frames[begin : begin + AT_ONCE] * window, axis=1)
        power[begin : begin + AT_ONCE] = spectrum.real**2 + spectrum.imag**2
    return power


def _pitch(mono: Array) -> Array:
    magnitude = np.sqrt(_power(mono, LONG_FRAME, LONG_HOP))
    bands = magnitude @ pitch_bands()
    # whitened: what stands out from the two thirds of an octave around it, so that bass does not drown melody
    around = _smooth(bands, 25)
    return np.asarray(np.maximum(bands - around, 0) / (np.sqrt(around) + 1e-3), np.float32)


def _peaks(pitch: Array) -> Array:
    """Only bins that are higher than both neighbours, with what they share with them."""
    left = np.pad(pitch, ((0, 0), (1, 0)))[:, :-1]
    right = np.pad(pitch, ((0, 0), (0, 1)))[:, 1:]
    return np.where((pitch >= left) & (pitch > right), pitch + 0.5 * (left + right), 0).astype(np.float32)


def _smooth(rows: Array, width: int) -> Array:
    """Moving average along the last axis, of odd width, with the ends repeated."""
    padded = np.pad(rows, ((0, 0), (width // 2 + 1, width // 2)), mode="edge")
    total = np.cumsum(padded, axis=1, dtype=np.float64)
    return np.asarray((total[:, width:] - total[:, :-width]) / width, np.float32)


@cache
def mel_bands() -> Array:
    """Triangles on the mel scale (O'Shaughnessy 1987), [513, 48], each of sum 1."""
    edges_mel = np.linspace(_mel(LOWEST_HZ), _mel(HIGHEST_HZ), MELS + 2)
    edges_hz = 700 * (10 ** (edges_mel / 2595) - 1)
    at_hz = np.fft.rfftfreq(FRAME, 1 / RATE_HZ)
    bands = np.zeros((at_hz.size, MELS))
    for band, (low, mid, high) in enumerate(zip(edges_hz, edges_hz[1:], edges_hz[2:], strict=False)):
        low, high = min(low, mid - RATE_HZ / FRAME), max(high, mid + RATE_HZ / FRAME)  # a bin wide at least
        bands[:, band] = np.clip(np.minimum((at_hz - low) / (mid - low), (high - at_hz) / (high - mid)), 0, None)
    return np.asarray(bands / bands.sum(0), np.float32)


def _mel(hz: float) -> float:
    return float(2595 * np.log10(1 + hz / 700))


@cache
def pitch_bands() -> Array:
    """Which bins of the long spectrum belong to which pitch, [2049, 252]: triangles a semitone wide."""
    at_hz = np.fft.rfftfreq(LONG_FRAME, 1 / RATE_HZ)
    place = PITCH_STEPS * np.log2(np.maximum(at_hz, 1.0) / PITCH_LOWEST_HZ)
    centres = np.arange(PITCH_OCTAVES * PITCH_STEPS)
    # low down a bin of the spectrum is wider than a semitone
    width = np.maximum(1.5, PITCH_STEPS * np.log2(1 + RATE_HZ / LONG_FRAME / np.maximum(at_hz, 30.0)))
    bands = np.clip(1 - np.abs(place[:, None] - centres) / width[:, None], 0, None)
    return np.asarray(bands / np.maximum(bands.sum(0), 1e-9), np.float32)
