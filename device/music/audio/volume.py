"""The volume: the limit on it, what it means for the samples, and the ramp between two of them. Pure."""

from __future__ import annotations

from dataclasses import dataclass


def limited(percent: int, max_volume: int) -> int:
    """The volume to use when somebody asks for `percent`."""
    return max(0, min(percent, max_volume))


def amplitude(percent: float) -> float:
    """The largest sample, 0 to 1, at this volume: its cube, which is even to the ear and what VLC and PulseAudio do."""
    return (percent / 100) ** 3


@dataclass(frozen=True, slots=True)
class Ramp:
    """A value that moves in a straight line from `start` to `end` between `begin_s` and `begin_s + length_s`."""

    start: float
    end: float
    begin_s: float = 0.0
    length_s: float = 0.0

    def at(self, now_s: float) -> float:
        """The value at this time, between `start` and `end`."""
        if self.over(now_s):
            return self.end
        share = max(0.0, (now_s - self.begin_s) / self.length_s)
        return self.start + share * (self.end - self.start)

    def over(self, now_s: float) -> bool:
        """Whether the end is reached; a ramp without length is over before it begins."""
        return self.length_s <= 0 or now_s >= self.begin_s + self.length_s
