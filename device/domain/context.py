"""What people are doing, by their own word, and the table of what that means for the music."""

from __future__ import annotations

import re
from dataclasses import dataclass

from device.domain.affect import MoodName

LONGEST_NAME = 64
DAY_PARTS = ("night", "morning", "afternoon", "evening")  # six hours each, from midnight
GUESTS = "guests"  # the row for guests
ROW = re.compile(r"\s*([^:,]{1,64}?)\s*:\s*([a-z]+)\s+([0-9]{1,3})\s*%\s*")
ROW_FORM = "rows such as `dinner: calm 40%`: a name, a mood, and how far the music leans towards it"


@dataclass(frozen=True, slots=True)
class Context:
    """What is going on; empty texts and 0 mean nothing in particular. `guests` counts people."""

    activity: str = ""
    guests: int = 0
    scene: str = ""
    weather: str = ""


@dataclass(frozen=True, slots=True)
class Leaning:
    """One row of the table: in the context `name`, the music leans towards `mood` by this share of the way (0 to 1)."""

    name: str
    mood: MoodName
    share: float


def read_leaning(text: str) -> Leaning:
    """The row in a text such as "dinner: calm 40%". Raises ValueError with a phrase that says what is wrong."""
    found = ROW.fullmatch(text)
    if found is None:
        raise ValueError(f"takes {ROW_FORM}, not {text[:40]!r}")
    name, mood, percent = found[1], found[2], int(found[3])
    if mood not in tuple(MoodName):
        raise ValueError(f"{name}: there is no mood {mood}; there are {', '.join(MoodName)}")
    if percent > 100:
        raise ValueError(f"{name}: {percent}% is too much; the limit is 100%")
    return Leaning(name.casefold(), MoodName(mood), percent / 100)
