"""When the sleep timer ends, by two clocks. Pure; main thread, owned by `Schedule`.

A timer that somebody has set since the start is a duration: it lasts as long, whatever the wall clock does. After a
power cut only the moment in the memory is known. A board without a clock battery then starts with a time in the past,
and its clock jumps ahead when the network comes: such a timer keeps its moment, and never lasts longer than a new one.
"""

from __future__ import annotations

from device.domain import Now

LONGEST_MIN = 720
CLOCK_SET_S = 2.0  # a jump of the wall clock by more than this means that somebody set it


class SleepTimer:
    """The memory keeps the moment (wall clock, s) at which the music stops."""

    def __init__(self) -> None:
        self._until: float | None = None  # the moment in the memory to which `_at` belongs
        self._at = 0.0  # monotonic
        self._duration = False  # set since the start

    def begin(self, minutes: float, now: Now) -> float | None:
        """Stop in this many minutes; 0: never. Returns the moment to keep in the memory."""
        self._until = now.wall + 60.0 * minutes if minutes > 0 else None
        self._at, self._duration = now.mono + 60.0 * minutes, True
        return self._until

    def left_s(self, until: float, now: Now) -> float:
        """The seconds that are left. `until`: the moment in the memory."""
        if until != self._until:
            left_s = min(until - now.wall, 60.0 * LONGEST_MIN)
            self._until, self._at, self._duration = until, now.mono + left_s, False
        elif not self._duration:
            self._at = min(self._at, now.mono + until - now.wall)
        return self._at - now.mono

    def moment(self, now: Now) -> float | None:
        """The moment to keep in the memory: another one when somebody has set the clock during a duration."""
        moved = now.wall + self._at - now.mono
        if self._duration and self._until is not None and abs(moved - self._until) > CLOCK_SET_S:
            self._until = moved
        return self._until
