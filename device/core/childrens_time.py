"""How long the children have heard music today. Pure; main thread, owned by `Schedule`.

A new day begins only when the date moves on: a board without a clock battery starts in the past after a power cut,
and pulling the plug must not give more time. If the clock stays behind for a whole day, it is right after all.
"""

from __future__ import annotations

from dataclasses import replace

from device.domain import Now, ScheduleMemory

DAY_S = 86_400.0


class ChildrensTime:
    """Counts whole minutes into the memory."""

    def __init__(self) -> None:
        self._played_s = 0.0  # of the present minute
        self._behind_since: float | None = None  # monotonic: the clock shows a day before the one in the memory

    def count(self, state: ScheduleMemory, today: str, played_s: float, now: Now) -> ScheduleMemory:
        """The memory after `played_s` more seconds of music on `today` (ISO date)."""
        if self._is_new(state.played_day, today, now):
            state, self._played_s = replace(state, played_day=today, played_min=0), 0.0
        self._played_s += played_s
        if self._played_s < 60.0:
            return state
        self._played_s -= 60.0
        return replace(state, played_min=state.played_min + 1)

    def _is_new(self, day: str, today: str, now: Now) -> bool:
        if today >= day:
            self._behind_since = None
            return today > day
        if self._behind_since is None:
            self._behind_since = now.mono
        return now.mono - self._behind_since >= DAY_S
