"""What came out of a member's loudspeaker: the samples that its snapclient wrote, and when.

snapclient writes 32-bit stereo samples to a file, at the pace of a sound card. A thread notes how long each file is
at which time, so that a place in the file has a time.
"""

from __future__ import annotations

import threading
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from device.music.audio.pcm_buffer import RATE_HZ

FRAME_BYTES = 8
STEP_S = 0.02
WINDOW_S = 0.05
QUIET = 1e-4  # of full scale: below this there is silence

ALIKE = 0.6  # the same music after a change of volume correlates by more than this, other songs by less
MISSING_S = 0.3  # a file that is later than this by its own pace was not written to

Samples = npt.NDArray[np.float32]


class Ears:
    """Notes the growth of the files until `close`."""

    def __init__(self, files: list[Path]) -> None:
        self._files = files
        self._grown: list[list[tuple[float, int]]] = [[] for _ in files]
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop. Idempotent."""
        self._closing.set()
        self._thread.join()

    def _work(self) -> None:
        while not self._closing.wait(STEP_S):
            now = time.monotonic()
            for grown, file in zip(self._grown, self._files, strict=True):
                size = file.stat().st_size if file.exists() else 0
                if not grown or grown[-1][1] != size:
                    grown.append((now, size))

    def sound(self, number: int, begin_s: float, end_s: float) -> Samples:
        """What member `number` played between these times (monotonic, s): mono, float32[n] in [-1, 1]. Time in which
        nothing was written is silence. The places of samples are right to a fraction of a second."""
        raw = np.fromfile(self._files[number], "<i4") if self._files[number].exists() else np.zeros(0, "<i4")
        mono = (raw[: len(raw) // 2 * 2].reshape(-1, 2).mean(1, dtype=np.float64) / 2**31).astype(np.float32)
        parts, late_s = [], 0.0
        grown = [(at, size // FRAME_BYTES) for at, size in self._grown[number] if begin_s <= at <= end_s]
        for (_, before), (at, after) in pairwise(grown):
            parts.append(mono[before:after])
            behind_s = at - begin_s - sum(map(len, parts)) / RATE_HZ
            if behind_s > late_s + MISSING_S:
                parts.insert(-1, np.zeros(round((behind_s - late_s) * RATE_HZ), np.float32))
            elif behind_s > late_s:
                late_s = behind_s
        parts.append(np.zeros(max(0, round((end_s - begin_s) * RATE_HZ) - sum(map(len, parts))), np.float32))
        return np.concatenate(parts)


def loudness(sound: Samples) -> npt.NDArray[np.float64]:
    """The root mean square of each window of `WINDOW_S`."""
    length = round(WINDOW_S * RATE_HZ)
    blocks = sound[: len(sound) // length * length].reshape(-1, length).astype(np.float64)
    return np.asarray(np.sqrt((blocks**2).mean(1)))


def longest_silence_s(sound: Samples) -> float:
    """The longest time without sound."""
    longest = here = 0
    for quiet in loudness(sound) < QUIET:
        here = here + 1 if quiet else 0
        longest = max(longest, here)
    return longest * WINDOW_S


def likeness(one: Samples, other: Samples) -> float:
    """The highest normalised cross-correlation of `one` with any part of `other`, 0 to 1; 1 if one of them is
    silent."""
    if min(np.abs(one).max(initial=0), np.abs(other).max(initial=0)) < QUIET:
        return 1.0
    size = 1 << (len(one) + len(other)).bit_length()
    product = np.fft.irfft(np.fft.rfft(other, size) * np.conj(np.fft.rfft(one, size)), size)
    shifts = np.abs(product[: max(1, len(other) - len(one))])
    energy = np.concatenate([[0.0], np.cumsum(other.astype(np.float64) ** 2)])
    energies = energy[len(one) :][: len(shifts)] - energy[: len(energy) - len(one)][: len(shifts)]
    return float((shifts / np.sqrt(np.maximum(energies, 1e-9) * float((one.astype(np.float64) ** 2).sum()))).max())


def different_s(one: Samples, other: Samples, window_s: float = 1.0, shift_s: float = 1.5) -> float:
    """For how many seconds two members played different music: no shift of up to `shift_s` makes them alike."""
    length, shift = round(window_s * RATE_HZ), round(shift_s * RATE_HZ)
    starts = range(shift, min(len(one), len(other)) - length - shift, length)
    alike = [likeness(one[at : at + length], other[at - shift : at + length + shift]) for at in starts]
    return sum(value < ALIKE for value in alike) * window_s
