"""Beats: where something begins, how often, how regularly, how fast. Pure numpy.

The onset envelope is spectral flux in log-mel (Bock and Widmer 2013 use the like); tempo is the best lag of its
autocorrelation under a prior around 120 beats a minute (Ellis 2007).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from device.music.analysis.spectrum import FRAMES_PER_S, MELS, Array, Pictures
from device.music.analysis.timbre import Named, spread

SLOWEST_BPM, FASTEST_BPM = 40.0, 240.0
PRIOR_BPM, PRIOR_OCTAVES = 120.0, 0.9
REGIONS = (("bass", 0, 10), ("middle", 10, 30), ("treble", 30, MELS))
NO_BEAT = 0.05  # autocorrelation below this is no beat


def rhythm(pictures: Pictures) -> Named:
    """All features of this module, by name; `tempo_bpm` is the tempo, 0 where there is no beat."""
    rises = np.diff(pictures.mel_db, axis=0, prepend=pictures.mel_db[:1])
    rise = np.maximum(rises, 0).astype(np.float32, copy=False)
    onset = rise.mean(1)
    yield from spread("onset", onset)
    for name, first, last in REGIONS:
        part = rise[:, first:last].mean(1)
        yield f"onset_{name}", float(part.mean())
        yield f"pulse_{name}", _pulse(_autocorrelation(part))
    peaks = _peaks(onset)
    yield "onsets_per_s", float(len(peaks) / len(onset) * FRAMES_PER_S)
    gaps = np.diff(peaks) / FRAMES_PER_S
    yield "onset_gap_std", float(np.std(np.log2(gaps + 0.03))) if len(gaps) > 2 else 0.0
    yield "onset_height", float(onset[peaks].mean()) if len(peaks) else 0.0
    yield "together", float((rise > 3.0).mean(1).std())  # drums begin in all bands at once
    yield "percussive", float(np.log(np.percentile(onset, 95) + 0.1) - np.log(np.median(onset) + 0.1))
    yield from _tempo(_autocorrelation(onset))


def _autocorrelation(onset: Array) -> Array:
    """Up to 4 s of lag, 1 at lag 0; an envelope that does not move gives zeros beyond it."""
    centred = onset - onset.mean()
    size = 1 << int(np.ceil(np.log2(2 * len(centred))))
    found = np.fft.irfft(np.abs(np.fft.rfft(centred, size)) ** 2)[: round(4 * FRAMES_PER_S)]
    return np.asarray(found / (found[0] + 1e-6), np.float32)


def _lags(correlation: Array) -> tuple[npt.NDArray[np.intp], Array]:
    lags = np.arange(1, len(correlation))
    bpm = 60 * FRAMES_PER_S / lags
    usable = (bpm >= SLOWEST_BPM) & (bpm <= FASTEST_BPM)
    return lags[usable], bpm[usable].astype(np.float32)


def _pulse(correlation: Array) -> float:
    """Pulse clarity: the highest autocorrelation at a lag that may be a beat (Lartillot et al. 2008)."""
    lags, _ = _lags(correlation)
    return float(correlation[lags].max())


def _tempo(correlation: Array) -> Named:
    lags, bpm = _lags(correlation)
    strength = correlation[lags]
    prior = np.exp(-0.5 * (np.log2(bpm / PRIOR_BPM) / PRIOR_OCTAVES) ** 2)
    best = int(np.argmax(np.maximum(strength, 0) * prior))
    clear = float(strength[best])
    yield "tempo_bpm", _refined(correlation, int(lags[best])) if clear > NO_BEAT else 0.0
    yield "tempo_log", float(np.log2(bpm[best] / PRIOR_BPM))
    yield "pulse", float(strength.max())
    yield "pulse_at_tempo", clear
    positive = np.maximum(strength, 0) + 1e-4
    share = positive / positive.sum()
    yield "tempo_entropy", float(-(share * np.log(share)).sum())
    for low, high in ((40, 70), (70, 100), (100, 140), (140, 240)):
        inside = strength[(bpm >= low) & (bpm < high)]
        yield f"pulse_{low}_{high}bpm", float(inside.max()) if inside.size else 0.0


def _refined(correlation: Array, lag: int) -> float:
    """The tempo of a parabola through the peak: lags alone are 3% apart."""
    if not 1 <= lag < len(correlation) - 1:
        return 60 * FRAMES_PER_S / lag
    before, at, after = (float(correlation[lag + step]) for step in (-1, 0, 1))
    bend = before - 2 * at + after
    shift = 0.5 * (before - after) / bend if bend < -1e-9 else 0.0
    return float(60 * FRAMES_PER_S / (lag + np.clip(shift, -0.5, 0.5)))


def _peaks(onset: Array) -> npt.NDArray[np.intp]:
    """Frames that are the highest within 3 and stand out from the half second around them."""
    middle = np.convolve(onset, np.ones(17, np.float32) / 17, "same")
    padded = np.pad(onset, 3, mode="edge")
    highest = np.max([padded[step : step + len(onset)] for step in range(7)], axis=0)
    return np.flatnonzero((onset >= highest) & (onset > 1.3 * middle + 0.3))
