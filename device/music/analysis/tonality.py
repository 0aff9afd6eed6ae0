"""Notes, keys and chords: chroma, mode, tonal centroid, dissonance, melody and how many sound at once. Pure numpy.

Chroma and key follow Gomez 2006 with the key profiles of Krumhansl and Kessler 1982, tonal centroids Harte et al. 2006,
dissonance Sethares 1993, the melody's salience Salamon and Gomez 2012 (harmonic summation, without their contours).
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from device.music.analysis.spectrum import LONG_FRAMES_PER_S, PITCH_LOWEST_HZ, PITCH_STEPS, Array, Pictures
from device.music.analysis.timbre import Named, spread

MAJOR = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
MINOR = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)
HARMONICS = 8
FADING = 0.8  # of one harmonic to the next
MELODY_BINS = (PITCH_STEPS, 5 * PITCH_STEPS)  # 110 Hz to 1.76 kHz
PARTIALS = 12  # the strongest ones, between which dissonance is summed


def tonality(pictures: Pictures) -> Named:
    """All features of this module, by name."""
    peaks = pictures.peaks
    chroma = _chroma(peaks)
    yield from _key(chroma)
    yield from _chords(chroma)
    yield from _centroid(chroma)
    yield from _dissonance(peaks)
    yield from _melody(peaks)


def _chroma(peaks: Array) -> Array:
    """[L, 12], each row of sum 1 (or 0). The tuning is the third of a semitone where most of the energy lies."""
    octaves = peaks[:, : 6 * PITCH_STEPS].reshape(len(peaks), 6, PITCH_STEPS).sum(1)
    tuning = int(np.argmax(octaves.sum(0).reshape(12, 3).sum(0)))
    rolled = np.roll(octaves, 1 - tuning, axis=1).reshape(len(peaks), 12, 3)
    chroma = rolled @ np.array([0.5, 1.0, 0.5], np.float32)
    return np.asarray(chroma / (chroma.sum(1, keepdims=True) + 1e-6), np.float32)


@cache
def _profiles() -> Array:
    """[24, 12]: twelve major keys, twelve minor; mean 0, length 1."""
    rows = np.array([np.roll(profile, key) for profile in (MAJOR, MINOR) for key in range(12)])
    return unit_rows(rows)


@cache
def _triads() -> Array:
    """[24, 12]: major, then minor."""
    rows = np.zeros((24, 12))
    for key in range(12):
        rows[key, [key, (key + 4) % 12, (key + 7) % 12]] = 1
        rows[12 + key, [key, (key + 3) % 12, (key + 7) % 12]] = 1
    return unit_rows(rows)


def unit_rows(rows: npt.NDArray[Any]) -> Array:
    """Rows [n, 12] less their mean, made length 1, so that their dot product is a correlation."""
    centred = rows - rows.mean(-1, keepdims=True)
    return np.asarray(centred / (np.linalg.norm(centred, axis=-1, keepdims=True) + 1e-6), np.float32)


def _likeness(chroma: Array, templates: Array) -> Array:
    return np.asarray(unit_rows(chroma) @ templates.T, np.float32)


def _key(chroma: Array) -> Named:
    mean = chroma.mean(0)
    keys = _likeness(mean[None], _profiles())[0]
    yield "key_major", float(keys[:12].max())
    yield "key_minor", float(keys[12:].max())
    yield "mode", float(keys[:12].max() - keys[12:].max())
    ordered = np.sort(keys)
    yield "key_clarity", float(ordered[-1] - ordered[-3])
    share = mean / (mean.sum() + 1e-6) + 1e-4
    yield "chroma_entropy", float(-(share * np.log(share)).sum())
    # the mean chroma turned to its best key: how strong each degree of the scale is
    tonic = int(np.argmax(np.maximum(keys[:12], keys[12:])))
    for degree, weight in enumerate(np.roll(mean, -tonic)):
        yield f"degree{degree}", float(weight)
    local = _likeness(pooled(chroma, 47), _profiles())  # 3 s
    yield "mode_local", float((local[:, :12].max(1) - local[:, 12:].max(1)).mean())
    yield "key_changes", float((np.diff(local.argmax(1)) != 0).mean()) if len(local) > 1 else 0.0
    yield "key_local", float(local.max(1).mean())


def pooled(rows: Array, size: int) -> Array:
    """Means of `size` rows each; of all of them if they are fewer."""
    usable = len(rows) // size * size
    if not usable:
        return np.asarray(rows.mean(0, keepdims=True), np.float32)
    return np.asarray(rows[:usable].reshape(-1, size, rows.shape[1]).mean(1), np.float32)


def _chords(chroma: Array) -> Named:
    likeness = _likeness(pooled(chroma, 8), _triads())  # half a second
    best = likeness.argmax(1)
    yield "chord_major", float((best < 12).mean())
    yield "chord_mode", float((likeness[:, :12].max(1) - likeness[:, 12:].max(1)).mean())
    yield "chord_clarity", float(likeness.max(1).mean())
    yield "chord_changes", float((np.diff(best) != 0).mean()) if len(best) > 1 else 0.0
    yield "chords", float(len(np.unique(best)) / max(8.0, len(best)) ** 0.5)


def _centroid(chroma: Array) -> Named:
    angle = np.outer(np.arange(12), (7 * np.pi / 6, 3 * np.pi / 2, 2 * np.pi / 3))
    place = np.concatenate([np.sin(angle), np.cos(angle)], 1) * np.tile((1.0, 1.0, 0.5), 2)
    centroid = chroma @ place.astype(np.float32)
    yield "centroid_length", float(np.linalg.norm(centroid, axis=1).mean())
    yield from spread("harmonic_change", np.linalg.norm(np.diff(pooled(centroid, 4), axis=0), axis=1))
    for number, name in enumerate(("fifths", "minor_thirds", "major_thirds")):
        yield f"centroid_{name}", float(np.hypot(centroid[:, number], centroid[:, number + 3]).mean())


@cache
def _beating() -> Array:
    """Sensory dissonance of two partials of strength 1 in each pair of pitch bins."""
    hz = PITCH_LOWEST_HZ * 2 ** (np.arange(7 * PITCH_STEPS) / PITCH_STEPS)
    low = np.minimum(hz[:, None], hz[None])
    gap = np.abs(hz[:, None] - hz[None]) * 0.24 / (0.0207 * low + 18.96)
    roughness: Array = (np.exp(-3.51 * gap) - np.exp(-5.75 * gap)).astype(np.float32)
    return roughness


def _dissonance(peaks: Array) -> Named:
    chosen = np.argpartition(peaks, -PARTIALS, axis=1)[:, -PARTIALS:]
    strength = np.take_along_axis(peaks, chosen, 1)
    strength = strength / (strength.sum(1, keepdims=True) + 1e-6)
    pairs = _beating()[chosen[:, :, None], chosen[:, None, :]]
    yield from spread("dissonance", np.einsum("li,lij,lj->l", strength, pairs, strength, optimize=True))
    yield from spread("partials", (peaks > 0.3 * peaks.max(1, keepdims=True)).sum(1).astype(np.float32))
    share = np.sort(strength, axis=1)
    yield "partials_top3", float(share[:, -3:].sum(1).mean())


def salience_of(peaks: Array) -> Array:
    """How much each pitch from 110 Hz to 1.76 kHz sounds like a melody, [L, bins of a third of a semitone]."""
    low, high = MELODY_BINS
    found = np.zeros((len(peaks), high - low), np.float32)
    for harmonic in range(1, HARMONICS + 1):
        shift = round(PITCH_STEPS * np.log2(harmonic))
        part = peaks[:, low + shift : high + shift]
        found[:, : part.shape[1]] += FADING ** (harmonic - 1) * np.sqrt(part)
    return found


def _melody(peaks: Array) -> Named:
    salience = salience_of(peaks)
    best = salience.argmax(1)
    height = salience.max(1)
    semitones = best / 3.0
    sure = height > 0.6 * np.median(height)
    line = semitones[sure] if sure.sum() > 8 else semitones
    yield from spread("melody", line.astype(np.float32))
    yield "melody_range", float(np.percentile(line, 95) - np.percentile(line, 5))
    yield from spread("salience", np.log(height + 0.1))
    step = np.abs(np.diff(semitones))
    yield "melody_held", float((step < 0.5).mean())
    yield "melody_wavers", float(((step > 0.2) & (step < 1.2)).mean())
    yield "melody_leaps", float((step > 4).mean())
    held = np.diff(np.flatnonzero(np.concatenate([[True], step >= 0.9, [True]]))) / LONG_FRAMES_PER_S
    yield "note_s", float(np.log(held.mean()))
    yield "long_notes", float(held[held > 0.5].sum() / held.sum())
    left, right = salience[:, 1:-1] >= salience[:, :-2], salience[:, 1:-1] > salience[:, 2:]
    layers = (left & right & (salience[:, 1:-1] > 0.6 * height[:, None])).sum(1)
    yield from spread("layers", layers.astype(np.float32))
    yield "layers_change", float((np.diff(layers) != 0).mean())
    yield "one_voice", float((layers <= 1).mean())
