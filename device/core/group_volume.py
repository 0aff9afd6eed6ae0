"""The volume of a group: that of its loudest device; the others keep their share of it. Pure; main thread.

Every device hears the same command and works out its own volume. It remembers its exact share, so that the balance of
the rooms survives small volumes, zero and the limits of single devices.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

HOLD_S = 2.0  # for so long after a command, the others may not have published their new volumes yet


@dataclass(frozen=True, slots=True)
class Loudness:
    """A device's volume and the highest that it may have now, in percent."""

    volume: int
    ceiling: int = 100


@dataclass(frozen=True, slots=True)
class _Last:
    """The last command: when, the loudest device's volume and limit after it, this device's volume and its share."""

    at: float
    level: int
    top: int
    own: int
    share: float


class GroupVolume:
    """This device's share in the volume of its group."""

    def __init__(self) -> None:
        self._last: _Last | None = None

    def level(self, devices: Collection[Loudness], mono: float) -> int:
        """The volume of the loudest of these devices, in percent."""
        last = self._held(mono)
        return max(one.volume for one in devices) if last is None else last.level

    def top(self, devices: Collection[Loudness], mono: float) -> int:
        """The highest volume that the group may have: the limit of its loudest device."""
        last, level = self._held(mono), self.level(devices, mono)
        return max(one.ceiling for one in devices if one.volume == level) if last is None else last.top

    def set(self, percent: int, own: Loudness, devices: Collection[Loudness], mono: float) -> int:
        """This device's volume once the group has `percent`. `devices`: all of the group, this one included."""
        level, top, last = self.level(devices, mono), self.top(devices, mono), self._last
        if last is not None and (last.level, last.own) == (level, own.volume):
            share = last.share
        else:
            share = own.volume / level if level else 1.0
        goal = max(0, min(percent, top))
        volume = min(own.ceiling, int(share * goal + 0.5))
        self._last = _Last(mono, goal, top, volume, share)
        return volume

    def _held(self, mono: float) -> _Last | None:
        return self._last if self._last is not None and mono < self._last.at + HOLD_S else None
