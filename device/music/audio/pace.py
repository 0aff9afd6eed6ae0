"""Real time, for what takes sound without a clock of its own: a file, nothing at all, or ALSA's null device."""

from __future__ import annotations

import time

from device.music.audio.pcm_buffer import RATE_HZ


class Pace:
    """Lets blocks pass when their time comes, at most `lead_s` ahead of it."""

    def __init__(self, lead_s: float) -> None:
        self._lead_s = lead_s
        self._end_s = 0.0  # when what passed is over (monotonic)

    def keep(self, frames: int) -> None:
        """Wait until another `frames` may pass."""
        now_s = time.monotonic()
        self._end_s = max(self._end_s, now_s) + frames / RATE_HZ
        time.sleep(max(0.0, self._end_s - self._lead_s - now_s))

    def ahead_s(self) -> float:
        """By how many seconds the frames that passed are ahead of real time."""
        return max(0.0, self._end_s - time.monotonic())

    def reset(self) -> None:
        """Start counting again."""
        self._end_s = 0.0
