"""How far a track has to be turned up or down to sound as loud as the others. Pure.

ReplayGain 2.0 (wiki.hydrogenaud.io, "ReplayGain 2.0 specification"): the gain brings a track to -18 LUFS, the peak is
its largest sample. RFC 7845 has gains of its own for Opus, in 1/256 dB to -23 LUFS. Where a file says nothing, what
analysis measured counts. Music is never turned up so far that its peak would clip; where nobody says how high that is,
the player finds out while it plays (sound/levelling.py).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable

REFERENCE_LUFS = -18.0
R128_LUFS = -23.0
LOWEST_DB, HIGHEST_DB = -30.0, 15.0  # what lies outside was a taggers' mistake

Texts = Callable[[str], str]
"""The first text under a name, whatever the format calls it; empty if there is none."""


def gain_of_tags(text: Texts) -> tuple[float | None, float | None]:
    """Gain (dB to -18 LUFS) and peak (1 is full scale) that the tags state, for the track or else for its album."""
    for scope in ("track", "album"):
        gain_db = _number(text(f"replaygain_{scope}_gain"))
        if gain_db is None:
            steps = _number(text(f"r128_{scope}_gain"))
            gain_db = None if steps is None else steps / 256 + (REFERENCE_LUFS - R128_LUFS)
        if gain_db is not None and LOWEST_DB <= gain_db <= HIGHEST_DB:
            peak = _number(text(f"replaygain_{scope}_peak"))
            return gain_db, peak if peak is not None and 0 < peak < 100 else None
    return None, None


def gain_of(tag_db: float | None, peak: float | None, loudness_lufs: float | None) -> float:
    """The gain to play with, in dB; 0 where nothing is known."""
    wanted = tag_db if tag_db is not None else None if loudness_lufs is None else REFERENCE_LUFS - loudness_lufs
    if wanted is None:
        return 0.0
    headroom_db = -20 * math.log10(peak) if peak else HIGHEST_DB
    return max(LOWEST_DB, min(wanted, headroom_db, HIGHEST_DB))


def _number(text: str) -> float | None:
    """The number that a text such as "-6.50 dB" begins with."""
    found = re.match(r"\s*([-+]?\d{1,6}(?:[.,]\d{1,12})?)", text)
    return float(found[1].replace(",", ".")) if found else None
