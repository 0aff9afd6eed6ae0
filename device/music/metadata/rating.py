"""Stars in the tags of a file: ratings from other programs. Pure.

The conventions, as README.md in device/music lists them with their sources:

- ID3's POPM holds 1 to 255, 0 means not rated. Windows Media Player and most others write 1, 64, 128, 196 and 255;
  MusicBee and MediaMonkey have half stars between; Traktor and Picard write multiples of 51. Other numbers count as
  Windows Explorer reads them.
- The Free Music Player Specifications (FMPS_RATING) hold 0.0 to 1.0.
- RATING is a word of many tongues: stars up to 5 (foobar2000), percent (MusicBee, MediaMonkey, Kid3), or a share with
  a decimal point; behind a colon may stand whose it is (Quod Libet, Picard). MP4 also knows the atom `rate` (percent).
- WMA's WM/SharedUserRating holds 1, 25, 50, 75 and 99.

MP4's `rtng` is no rating: it warns of explicit words.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

from device.music.metadata.fields import own_text, texts_with

MOST = 5
EXACTLY = {13: 0.5, 54: 1.5, 118: 2.5, 186: 3.5, 242: 4.5, 51: 1.0, 102: 2.0, 153: 3.0, 204: 4.0}
ABOUT = ((31, 1), (95, 2), (159, 3), (223, 4), (255, 5))
"""Stars of POPM: of exactly these numbers, and of all others up to these limits."""
WMA = ((12, 1), (37, 2), (62, 3), (86, 4), (99, 5))
"""Stars of WM/SharedUserRating up to these limits, as Windows Media Player's documentation has them."""


def rating_of(sources: Iterable[Any]) -> float | None:
    """The rating in [0, 1], one star being 0.2; None if there is none."""
    listed = list(sources)
    fmps = _number(own_text("FMPS_RATING", listed))
    if fmps is not None and 0 <= fmps <= 1:
        return fmps
    for found in (*_popularities(listed), *map(read, _ratings(listed)), _shared(listed)):
        if found is not None:
            return found
    return None


def _popularities(sources: list[Any]) -> Iterator[float]:
    frames = (frame for tags in sources if hasattr(tags, "getall") for frame in tags.getall("POPM"))
    return (stars_of(frame.rating) / MOST for frame in frames if 0 < frame.rating <= 255)


def stars_of(popularity: int) -> float:
    """The stars that 1 to 255 mean in POPM."""
    return EXACTLY.get(popularity) or next(stars for most, stars in ABOUT if popularity <= most)


def _ratings(sources: list[Any]) -> Iterator[str]:
    yield own_text("RATING", sources)
    yield from texts_with("rating:", sources)
    yield own_text("rate", sources)


def read(text: str) -> float | None:
    """The rating that a text of unknown scale means: up to 1 with a decimal point it is a share, up to 5 it is stars,
    up to 100 percent. 0 means not rated."""
    number = _number(text)
    if number is None or not 0 < number <= 100:
        return None
    if number < 1 or (number == 1 and "." in text):
        return number
    return number / MOST if number <= MOST else number / 100


def _shared(sources: list[Any]) -> float | None:
    number = _number(own_text("WM/SharedUserRating", sources))
    if number is None or not 0 < number <= 99:
        return None
    return next(stars for most, stars in WMA if number <= most) / MOST


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
