"""Chords, major against minor over time, and what stands above the bass and the key note. Pure numpy.

The chroma are freed from overtones first: each note takes a share of its harmonics away, so that a bass note alone does
not look like a major chord. Kinds of chord are templates compared by cosine (Fujishima 1999), the profiles of keys are
those of Temperley (Music and Probability, 2007) and of Albrecht and Shanahan (2013).
"""

from __future__ import annotations

from functools import cache

import numpy as np

from device.music.analysis.spectrum import PITCH_STEPS, Array, Pictures
from device.music.analysis.timbre import Named, spread
from device.music.analysis.tonality import pooled, unit_rows

KINDS = {
    "major": (0, 4, 7), "minor": (0, 3, 7), "diminished": (0, 3, 6), "augmented": (0, 4, 8), "dominant": (0, 4, 7, 10),
    "major7": (0, 4, 7, 11), "minor7": (0, 3, 7, 10), "suspended": (0, 5, 7), "fifth": (0, 7),
}  # fmt: skip
BRIGHT, DARK = ("major", "dominant", "major7"), ("minor", "minor7", "diminished")
PROFILES = {
    "temperley": (
        (0.748, 0.06, 0.488, 0.082, 0.67, 0.46, 0.096, 0.715, 0.104, 0.366, 0.057, 0.4),
        (0.712, 0.084, 0.474, 0.618, 0.049, 0.46, 0.105, 0.747, 0.404, 0.067, 0.133, 0.33),
    ),
    "albrecht": (
        (0.238, 0.006, 0.111, 0.006, 0.137, 0.094, 0.016, 0.214, 0.009, 0.08, 0.008, 0.081),
        (0.220, 0.006, 0.104, 0.123, 0.019, 0.103, 0.012, 0.214, 0.062, 0.022, 0.061, 0.052),
    ),
}  # major, minor
OVERTONES = ((2, 0.5), (3, 0.4), (4, 0.3), (5, 0.3))  # which harmonic a note takes from, and how much
OCTAVES, BASS_OCTAVES = 6, 2  # from 55 Hz; the bass reaches to 220 Hz
CHORD = 8  # frames of pitch in which one chord sounds: half a second
PHRASE = 47  # 3 s
DIATONIC = (0, 2, 4, 5, 7, 9, 11)
LITTLE = 0.01  # share of the chroma that keeps logarithms small


def chords(pictures: Pictures) -> Named:
    """All features of this module, by name."""
    notes = _notes(pictures.peaks)
    full, bass, middle = (_chroma(part) for part in (notes, notes[:, :BASS_OCTAVES], notes[:, BASS_OCTAVES:4]))
    yield from _kinds(full)
    for name in PROFILES:
        yield from _degrees(name, full, bass)
    yield from _above_bass(full, bass)
    yield "diatonic", float(_diatonic(full.mean(0, keepdims=True))[0])
    yield "diatonic_local", float(_diatonic(pooled(full, PHRASE)).mean())
    yield "chroma_apart", float(np.abs(full - middle).sum(1).mean())


def _notes(peaks: Array) -> Array:
    """[L, 6 octaves, 12]: peaks in tune, less what lower notes explain as overtones."""
    heard = peaks[:, : OCTAVES * PITCH_STEPS]
    left = heard.copy()
    for harmonic, share in OVERTONES:
        shift = round(PITCH_STEPS * np.log2(harmonic))
        left[:, shift:] -= share * heard[:, :-shift]
    left = np.maximum(left, 0)
    tuning = int(np.argmax(left.reshape(-1, 3).sum(0)))
    semitones = np.roll(left, 1 - tuning, axis=1).reshape(len(left), OCTAVES, 12, 3)
    return np.asarray(semitones @ np.array([0.5, 1.0, 0.5], np.float32), np.float32)


def _chroma(notes: Array) -> Array:
    """[L, 12], each row of sum 1 (or 0); index 0 is A."""
    total = notes.sum(1)
    return np.asarray(total / (total.sum(1, keepdims=True) + 1e-6), np.float32)


@cache
def _templates() -> Array:
    """[108, 12]: each kind on each of the twelve notes; mean 0, length 1."""
    rows = np.zeros((len(KINDS) * 12, 12))
    for number, intervals in enumerate(KINDS.values()):
        for root in range(12):
            rows[12 * number + root, [(root + interval) % 12 for interval in intervals]] = 1
    return unit_rows(rows)


def _kinds(full: Array) -> Named:
    """Which kinds of chord sound, how clearly, how often they change, and how major they are."""
    likeness = unit_rows(np.sqrt(pooled(full, CHORD))) @ _templates().T
    best, clear = likeness.argmax(1), likeness.max(1)
    kinds = {name: likeness[:, 12 * number : 12 * number + 12].max(1) for number, name in enumerate(KINDS)}
    for number, (name, like) in enumerate(kinds.items()):
        yield f"share_{name}", float((best // 12 == number).mean())
        yield f"like_{name}", float(like.mean())
    bright, dark = (np.max([kinds[name] for name in names], axis=0) for names in (BRIGHT, DARK))
    major = bright - dark
    yield from spread("major", major)
    yield "major_share", float((major > 0).mean())
    weight = np.maximum(clear, 0) ** 4
    yield "major_clear", float((major * weight).sum() / (weight.sum() + 1e-6))
    for seconds in (2, 6):
        slow = pooled(major[:, None], 2 * seconds)[:, 0]
        yield f"major_{seconds}s_std", float(slow.std())
        yield f"major_{seconds}s_share", float((slow > 0).mean())
    yield "chords_clear", float((clear > 0.6).mean())
    yield "chord_length", float(len(best) / (1 + (np.diff(best) != 0).sum()))
    share = np.bincount(best)[np.unique(best)] / len(best)
    yield "chord_entropy", float(-(share * np.log(share)).sum())


@cache
def _profiles(name: str) -> Array:
    """[24, 12]: twelve major keys, twelve minor; mean 0, length 1."""
    return unit_rows(np.array([np.roll(profile, key) for profile in PROFILES[name] for key in range(12)]))


def _degrees(name: str, full: Array, bass: Array) -> Named:
    """How major the key is, and how strong each degree of its scale; the bass helps to find the key note."""
    mean = full.mean(0)
    keys = _profiles(name) @ unit_rows(mean[None])[0]
    yield f"mode_{name}", float(keys[:12].max() - keys[12:].max())
    ordered = np.sort(keys)
    yield f"clarity_{name}", float(ordered[-1] - ordered[-2])
    tonic = int(np.argmax(np.maximum(keys[:12], keys[12:]) + 0.3 * unit_rows(bass.mean(0, keepdims=True))[0]))
    degrees = np.roll(mean, -tonic)
    for degree, strength in enumerate(degrees):
        yield f"degree{degree}_{name}", float(strength)
    for word, high in (("third", 4), ("sixth", 9), ("seventh", 11)):
        yield f"{word}_{name}", float(_more(degrees, high))
    thirds = _more(np.roll(pooled(full, PHRASE), -tonic, axis=1), 4)
    yield f"third_{name}_std", float(thirds.std())
    yield f"third_{name}_share", float((thirds > 0).mean())


def _more(degrees: Array, high: int) -> Array:
    """How much stronger the major interval `high` is than the minor one below it, as a logarithm."""
    return np.asarray(np.log((degrees[..., high] + LITTLE) / (degrees[..., high - 1] + LITTLE)), np.float32)


def _above_bass(full: Array, bass: Array) -> Named:
    """What sounds how far above the lowest notes, and how these move."""
    lowest = pooled(bass, CHORD).argmax(1)
    columns = (lowest[:, None] + np.arange(12)) % 12
    above = np.take_along_axis(pooled(full, CHORD), columns, 1).mean(0)
    for interval in (2, 3, 4, 5, 7, 9, 10, 11):
        yield f"above_bass{interval}", float(above[interval])
    yield "above_bass_third", float(_more(above, 4))
    steps = np.diff(lowest) % 12
    for name, moves in (("moves", range(1, 12)), ("fifths", (5, 7)), ("steps", (1, 2, 10, 11))):
        yield f"bass_{name}", float(np.isin(steps, list(moves)).mean()) if steps.size else 0.0


def _diatonic(chroma: Array) -> Array:
    """The share of each row [n, 12] that the best major scale holds, [n]."""
    scales = [chroma[:, [(key + degree) % 12 for degree in DIATONIC]].sum(1) for key in range(12)]
    return np.asarray(np.max(scales, axis=0), np.float32)
