"""What the sound is made of, moment by moment: MFCC, spectral shape, spectral contrast, dynamics, roughness of
envelopes. Pure numpy; feature names as the field has them.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import pairwise

import numpy as np

from device.music.analysis.spectrum import FRAMES_PER_S, MELS, Array, Pictures

COEFFICIENTS = 20
CONTRAST_HZ = (50, 200, 400, 800, 1600, 3200, 7600)
MODULATION_HZ = ((0.5, 1.5), (1.5, 3), (3, 6), (6, 10), (10, 15))
REGIONS = ((0, 10), (10, 22), (22, 34), (34, MELS))  # of the mel bands: bass, low middle, high middle, treble
SEGMENT = 128  # frames (4 s) whose envelopes are looked at together

Named = Iterator[tuple[str, float]]


def timbre(pictures: Pictures) -> Named:
    """All features of this module, by name."""
    yield from _cepstrum(pictures.mel_db)
    yield from _shape(pictures)
    yield from _contrast(pictures)
    yield from _dynamics(pictures.level_db)
    yield from _modulation(pictures.mel_db)
    yield from _bands(pictures.mel_db)


def spread(name: str, series: Array) -> Named:
    """Mean, standard deviation, 10th and 90th percentile over time."""
    low, high = np.percentile(series, (10, 90))
    yield f"{name}_mean", float(series.mean())
    yield f"{name}_std", float(series.std())
    yield f"{name}_p10", float(low)
    yield f"{name}_p90", float(high)


def _cepstrum(mel_db: Array) -> Named:
    """Davis and Mermelstein 1980; the 0th, the level, is left out."""
    mfcc = mel_db @ _cosines()
    change = mfcc[2:] - mfcc[:-2]
    for number in range(1, COEFFICIENTS):
        yield f"mfcc{number}_mean", float(mfcc[:, number].mean())
        yield f"mfcc{number}_std", float(mfcc[:, number].std())
        yield f"mfcc{number}_delta", float(np.abs(change[:, number]).mean())


@cache
def _cosines() -> Array:
    angle = np.pi * np.outer(np.arange(MELS) + 0.5, np.arange(COEFFICIENTS)) / MELS
    return np.asarray(np.cos(angle) * np.sqrt(2 / MELS), np.float32)


def _shape(pictures: Pictures) -> Named:
    """Centroid, width, roll-off, flatness, crest, flux, slope: of frames that are not silent."""
    loud = pictures.level_db > -40
    power = pictures.power[loud] if loud.any() else pictures.power
    hz = pictures.frequencies_hz
    total = power.sum(1) + 1e-9
    magnitude = np.sqrt(power)
    share = magnitude / (magnitude.sum(1, keepdims=True) + 1e-9)
    centroid = share @ hz
    yield from spread("centroid", np.log2(centroid + 50))
    yield from spread("width", np.log2(np.sqrt(np.maximum(share @ hz**2 - centroid**2, 1.0)) + 50))
    summed = np.cumsum(power, axis=1)
    for percent in (25, 50, 85, 95):
        at = (summed < percent / 100 * total[:, None]).sum(1)
        yield from spread(f"rolloff{percent}", np.log2(hz[np.minimum(at, hz.size - 1)] + 50))
    for name, first, last in (("low", 7, 64), ("high", 64, 480)):
        band = power[:, first:last] + 1e-7 * total[:, None]
        flatness = np.log(band).mean(1) - np.log(band.mean(1))
        yield from spread(f"flatness_{name}", flatness.astype(np.float32, copy=False))
        yield from spread(f"crest_{name}", np.log(band.max(1)) - np.log(band.mean(1)))
    change = np.sqrt(np.square(np.diff(share, axis=0)).sum(1)) if len(share) > 1 else np.zeros(1)
    yield from spread("flux", change.astype(np.float32, copy=False))


def _contrast(pictures: Pictures) -> Named:
    """Peaks against valleys in six bands (Jiang et al. 2002)."""
    hz = pictures.frequencies_hz
    for number, (low, high) in enumerate(pairwise(CONTRAST_HZ)):
        band = pictures.power[:, (hz >= low) & (hz < high)]
        few = max(1, round(0.2 * band.shape[1]))
        band = np.partition(band, (few - 1, -few), axis=1)  # the logarithm keeps the order, and few bins need it
        valley, peak = (10 * np.log10(part + 1e-7).mean(1) for part in (band[:, :few], band[:, -few:]))
        yield f"contrast{number}_mean", float((peak - valley).mean())
        yield f"contrast{number}_std", float((peak - valley).std())
        yield f"valley{number}_mean", float(valley.mean())
        yield f"valley{number}_std", float(valley.std())


def _dynamics(level_db: Array) -> Named:
    yield from spread("level", level_db)
    percentiles = np.percentile(level_db, (5, 50, 95))
    yield "level_range", float(percentiles[2] - percentiles[0])
    yield "level_skew", float(percentiles[2] + percentiles[0] - 2 * percentiles[1])
    yield "quiet_share", float((level_db < -3).mean())
    change = np.diff(level_db)
    yield "attack", float(np.maximum(change, 0).mean())
    yield "attack_most", float(np.percentile(change, 98))
    slow = level_db[: len(level_db) // 31 * 31].reshape(-1, 31).mean(1) if len(level_db) >= 62 else level_db
    yield "swell", float(slow.std())  # from second to second
    yield "rise", float(np.polyfit(np.linspace(-1, 1, slow.size), slow, 1)[0])


def _modulation(mel_db: Array) -> Named:
    """How fast the envelopes of four regions move: the fluctuation patterns of Pampalk et al. 2002, in five rates."""
    for number, (first, last) in enumerate(REGIONS):
        envelope = mel_db[:, first:last]
        usable = len(envelope) // SEGMENT * SEGMENT or len(envelope)
        parts = envelope[:usable].reshape(-1, min(SEGMENT, usable), last - first)
        parts = parts - parts.mean(1, keepdims=True)
        spectrum = np.abs(np.fft.rfft(parts, axis=1)).mean((0, 2)) / parts.shape[1]
        hz = np.fft.rfftfreq(parts.shape[1], 1 / FRAMES_PER_S)
        for low, high in MODULATION_HZ:
            chosen = spectrum[(hz >= low) & (hz < high)]
            yield f"modulation{number}_{low:g}hz", float(np.log(chosen.mean() + 1e-3)) if chosen.size else 0.0


def _bands(mel_db: Array) -> Named:
    """The mean spectrum in twelve bands, and how much each one moves."""
    wide = mel_db.reshape(len(mel_db), 12, -1).mean(2)
    level = wide.mean()
    for number in range(12):
        yield f"band{number}_mean", float(wide[:, number].mean() - level)
        yield f"band{number}_std", float(wide[:, number].std())
    together = np.corrcoef(wide.T + 1e-3 * np.random.default_rng(0).standard_normal(wide.T.shape))
    for gap in (1, 3, 6):
        yield f"bands_together{gap}", float(np.diagonal(together, gap).mean())
