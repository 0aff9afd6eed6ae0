"""Stars in the tags of a file: ratings from other programs. Pure.

Three conventions exist. ID3's POPM holds 1 to 255 (Windows Media Player writes 1, 64, 128, 196 and 255 for one to five
stars; 0 means not rated). The Free Music Player Specifications (FMPS_RATING) hold 0.0 to 1.0. Vorbis and APE comments
hold RATING as stars, as 0.0 to 1.0, or up to 100; WMA holds up to 99.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from device.music.metadata.fields import own_text

STARS = ((1, 1), (64, 2), (128, 3), (196, 4), (255, 5))  # POPM up to so much, and its stars
MOST = 5


def rating_of(sources: Iterable[Any]) -> float | None:
    """The rating in [0, 1], one star being 0.2; None if there is none."""
    listed = list(sources)
    fmps = _number(own_text("FMPS_RATING", listed))
    if fmps is not None and 0 <= fmps <= 1:
        return fmps
    popularities = (frame for tags in listed if hasattr(tags, "getall") for frame in tags.getall("POPM"))
    for frame in popularities:
        if 0 < frame.rating <= 255:
            return next(stars for most, stars in STARS if frame.rating <= most) / MOST
    for name in ("RATING", "WM/SharedUserRating"):
        if (number := _number(own_text(name, listed))) is not None:
            return scaled(number)
    return None


def scaled(number: float) -> float | None:
    """A rating of unknown scale: up to 1 is a share, up to 5 are stars, up to 100 percent. 0 means not rated."""
    if not 0 < number <= 100:
        return None
    if number <= 1 and number != 1:
        return number
    return number / MOST if number <= MOST else min(number / 100, 1.0)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
