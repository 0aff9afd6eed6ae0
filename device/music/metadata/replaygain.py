"""The gain that brings a track to the same loudness as the others. Pure.

ReplayGain 2.0 (wiki.hydrogenaud.io, "ReplayGain 2.0 specification"): the gain brings a track to -18 LUFS, the peak is
its largest sample. RFC 7845 has gains of its own for Opus, in 1/256 dB to -23 LUFS; ID3v2.4 has a frame of its own,
RVA2. Where a file says nothing, what analysis measured counts. (Apple never published what iTunNORM means, so it does
not count.) Music is never turned up so far that its peak would clip; where nobody says how high that is, the player
finds out while it plays (audio/gain.py).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Any

from device.music.metadata.fields import Texts
from device.music.metadata.tags import HIGHEST_PEAK, MOST_GAIN_DB

REFERENCE_LUFS = -18.0
R128_LUFS = -23.0
LOWEST_DB, HIGHEST_DB = -30.0, 15.0  # as far as the player goes, whatever the tags say
MASTER = 1  # the channel of RVA2 that means all channels
MINUS = str.maketrans(dict.fromkeys("\u2212\u2010\u2011\u2012\u2013\ufe63\uff0d", "-"))  # signs that look like one
NUMBER = re.compile(r"\s*([-+]?)\s*(\d{1,9}(?:[.,]\d{0,30})?|[.,]\d{1,30})(e[-+]?\d{1,3})?(?![\d.,])", re.IGNORECASE)


def gain_of_tags(text: Texts, frames: Iterable[Any] = ()) -> tuple[float | None, float | None]:
    """Gain (dB to -18 LUFS) and peak (1 is full scale) that the tags state, for the track or else for its album.

    `frames` are mutagen's RVA2 frames.
    """
    adjustments = list(frames)
    for scope in ("track", "album"):
        peak = number(text(f"replaygain_{scope}_peak"))
        stated = [(_opus_gain(text(f"r128_{scope}_gain")), peak), (number(text(f"replaygain_{scope}_gain")), peak)]
        stated += [(frame.gain, frame.peak) for frame in adjustments if _scope_of(frame) == scope]
        for gain_db, peak in stated:
            if gain_db is not None and abs(gain_db) <= MOST_GAIN_DB:
                return gain_db, peak if peak is not None and 0 < peak <= HIGHEST_PEAK else None
    return None, None


def gain_of(tag_db: float | None, peak: float | None, loudness_lufs: float | None) -> float:
    """The gain to play with, in dB; 0 where nothing is known."""
    wanted = tag_db if tag_db is not None else None if loudness_lufs is None else REFERENCE_LUFS - loudness_lufs
    if wanted is None:
        return 0.0
    headroom_db = -20 * math.log10(peak) if peak else HIGHEST_DB
    return max(LOWEST_DB, min(wanted, headroom_db, HIGHEST_DB))


def number(text: str) -> float | None:
    """The number that a text such as "-6.50 dB" begins with; also with the comma and the minus of typographers."""
    found = NUMBER.match(text[:100].translate(MINUS))
    if found is None:
        return None
    sign, digits, power = found.groups()
    value = float(sign + digits.replace(",", ".") + (power or ""))
    return value if math.isfinite(value) else None


def _opus_gain(text: str) -> float | None:
    """A gain of RFC 7845 as one of ReplayGain."""
    steps = number(text)
    return None if steps is None else steps / 256 + (REFERENCE_LUFS - R128_LUFS)


def _scope_of(frame: Any) -> str:
    """Whether an RVA2 frame speaks of the track or its album; programs that name neither mean the track."""
    if frame.channel != MASTER or not math.isfinite(frame.gain):
        return ""
    return "album" if str(frame.desc).strip().casefold() == "album" else "track"
