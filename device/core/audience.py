"""Who listens now: whose tastes count, and who may do what. Pure; main thread.

A *guest* is somebody whose name is not a profile of this home. As long as no profile has a name of its own, and guest
mode is off, nobody is a guest.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from device.domain import EVERYONE, Memory, Now, Origin, Target

MOST_PROFILES = 12  # that count at the same time


@dataclass(frozen=True, slots=True)
class Audience:
    """`profiles`: those whose tastes count now, at least one. `guests`: guest mode is on, so nothing is learnt.
    `known`: the names of all profiles of this home. `faces`: how many faces the camera sees."""

    profiles: tuple[str, ...] = (EVERYONE,)
    guests: bool = False
    known: Collection[str] = ()
    faces: int = 0

    def is_guest(self, name: str) -> bool:
        """Whether this person is a guest. A command without a name comes from the household."""
        household = {"", EVERYONE, *self.known, *self.profiles}
        return name not in household and (self.guests or household != {"", EVERYONE})


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What an order depends on besides itself: where it came from, the music's target, who listens, the time, and
    whether the device is muted."""

    origin: Origin
    target: Target
    audience: Audience
    now: Now
    muted: bool = False


def with_presence(memory: Memory, name: str, here: bool) -> Memory:
    """The memory after this profile has come or gone. Without any profile, `everyone` counts."""
    others = tuple(other for other in memory.profiles if other not in (name, EVERYONE))
    return with_present(memory, (*others, name) if here else others)


def with_present(memory: Memory, names: tuple[str, ...]) -> Memory:
    """The memory with exactly these profiles present, each once, the latest `MOST_PROFILES` of them."""
    unique = tuple(dict.fromkeys(names))[-MOST_PROFILES:]
    return replace(memory, profiles=unique or (EVERYONE,))
