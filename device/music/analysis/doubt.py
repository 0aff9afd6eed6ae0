"""Whether a stretch of sound is music, and how far the model may be believed on it. Pure.

Five facts tell apart what is no music. The limits keep clear of every clip of the 4Q data, of soloists and of drums
alone; `tools/evaluate.py hearing` shows by how much. What is nearly true counts as music: a song that nobody hears
costs more than a talk that somebody skips.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import mode

import numpy as np

from device.music.analysis.spectrum import Array
from device.music.track_mood import Doubt

JUDGED_S = 2.5  # less than this is too little to tell music from other sounds
SPARSE_SHARE, SPARSE_DB = 0.87, -21.0  # clicks: nearly always quiet, and then far below the mean
SHAPELESS = 1.32  # noise: no pitch stands out in even a tenth of the time, the chroma point nowhere, nothing moves
STEADY_DB, STEADY_SHAPE = 1.8, 3.0  # one steady sound: neither the level nor the shape of the spectrum changes
SPEECH_ODDS, TALK_ODDS = 4.0, 3.0  # from where it is speech, and where half of the mood is the prior's
SPEECH = {"articulation": 8.8, "pulse": -8.4, "chroma_entropy": 2.3, "key_local": -7.4, "chords": 1.8}
SPEECH_BIAS = -17.5
"""Log odds of speech: its sounds change fast and without a beat, and its pitch glides, so it keeps to no key and seems
to wander from chord to chord. Logistic regression (C 0.3, balanced) on the clips against 8 synthetic and 3 real
voices."""

FLAG = 0.1  # share of the prior from which a mood is a guess
SHORT_SHARE, SHORT_POWER = 0.15, 1.4  # share of the prior for one second; how fast it falls with more
USUAL, ALIEN = 2.0, 4.0  # strangeness: 0.9 is the training clips' mean, 1.9 their extreme
FURTHEST = 8.0  # standard deviations from the mean at which one strange feature is cut off


def sort_of(found: Mapping[str, float], seconds: float) -> Doubt:
    """What the sound is, if it is no music: from all features by name, and its length."""
    if seconds < JUDGED_S:
        return Doubt.NONE
    if found["quiet_share"] > SPARSE_SHARE and found["level_mean"] < SPARSE_DB:
        return Doubt.CLICKS
    if found["salience_p90"] + found["centroid_length"] + 0.2 * found["modulation1_3hz"] < SHAPELESS:
        return Doubt.NOISE
    if found["level_range"] < STEADY_DB and found["mfcc3_std"] < STEADY_SHAPE:
        return Doubt.STEADY
    if speech_odds(found) > SPEECH_ODDS:
        return Doubt.SPEECH
    return Doubt.NONE


def speech_odds(found: Mapping[str, float]) -> float:
    """Log odds that somebody talks."""
    evidence = dict(found) | {"articulation": _articulation(found), "chords": math.log(max(found["chords"], 0.05))}
    return SPEECH_BIAS + sum(weight * evidence[name] for name, weight in SPEECH.items())


def _articulation(found: Mapping[str, float]) -> float:
    """How fast the shape of the spectrum changes: the mean logarithm of what four MFCC change by in 64 ms."""
    changes = [found[f"mfcc{number}_delta"] for number in (3, 4, 5, 7)]
    return sum(math.log(change + 0.05) for change in changes) / len(changes)


def share_of_prior(seconds: float, strangeness: float, odds: float) -> tuple[float, Doubt]:
    """How much of the prior to mix into the model's probabilities, 0 to 1, and why.

    `seconds`: the length of what was heard. The shares are those with the lowest log loss on clips cut to 0.5 to 10 s.
    `strangeness`: see `strangeness_of`. `odds`: log odds of speech.
    """
    shares = {
        Doubt.SHORT: min(1.0, SHORT_SHARE / max(seconds, 0.05) ** SHORT_POWER),
        Doubt.PERHAPS_SPEECH: 1 / (1 + math.exp(min(TALK_ODDS - odds, 50.0))),
        Doubt.STRANGE: min(1.0, max(0.0, (strangeness - USUAL) / (ALIEN - USUAL))),
    }
    why = next((doubt for doubt, share in shares.items() if share >= FLAG), Doubt.NONE)
    return 1 - math.prod(1 - share for share in shares.values()), why


def strangeness_of(standard: Array) -> float:
    """How far standardised features lie from those of the training clips: their root mean square."""
    return float(np.sqrt(np.mean(np.clip(standard, -FURTHEST, FURTHEST) ** 2)))


def verdict(sorts: Sequence[Doubt]) -> Doubt:
    """What a file is whose excerpts are of these sorts: no music if most of what sounds in it is none."""
    sounding = [sort for sort in sorts if sort is not Doubt.SILENCE]
    if not sounding:
        return Doubt.SILENCE
    others = [sort for sort in sounding if not sort.is_music]
    return mode(others) if 2 * len(others) > len(sounding) else Doubt.NONE
