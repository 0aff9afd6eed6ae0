"""A newer version of the program, as surfaces show it."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Update:
    """`latest`: the newest version that the owner's source offers, empty if none is known. `notes` say what is new.
    `progress`: percent, while it is being installed. `problem`: why the last try failed, as a sentence."""

    latest: str = ""
    notes: str = ""
    progress: int | None = None
    problem: str = ""


def newer(version: str, than: str) -> bool:
    """Whether `version` comes after `than`. A version that is not made of numbers is older than all others."""
    return _numbers(version) > _numbers(than)


def _numbers(version: str) -> tuple[int, ...]:
    found = re.match(r"[0-9]+(\.[0-9]+)*", version)
    numbers = tuple(int(part) for part in found[0].split(".")) if found else ()
    return (*numbers, *(0,) * (4 - len(numbers)))
