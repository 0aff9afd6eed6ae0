"""Counts unreadable frames. A single one is harmless: cheap cameras send a broken JPEG now and then.

A camera skips bad frames and counts them here. Only a long run of them is a fault. The eye's thread owns the counter.
"""

from __future__ import annotations

import logging

from device.errors import CameraError

log = logging.getLogger("affetto.eye")


class BadFrames:
    """The bad frames of one camera. A run that lasts `longest_s` seconds raises CameraError."""

    def __init__(self, camera: str, longest_s: float) -> None:
        self._camera, self._longest_s = camera, longest_s
        self._since_s: float | None = None
        self.count = 0

    def good(self) -> None:
        """A frame was readable: the run is over."""
        self._since_s = None

    def bad(self, at_s: float, problem: str) -> None:
        """A frame at `at_s` (s, CLOCK_MONOTONIC) was unreadable. Raises CameraError(problem) if the run is too long."""
        if self._since_s is None:
            self._since_s = at_s
        if at_s - self._since_s >= self._longest_s:
            raise CameraError(problem)
        self.add(1)

    def add(self, count: int) -> None:
        """Count bad frames. Logs the first one, and then whenever the count has grown tenfold."""
        before, self.count = self.count, self.count + count
        if not before:
            log.warning("The %s sent an unreadable frame; Affetto skips such frames.", self._camera)
        elif len(str(self.count)) > len(str(before)):
            log.warning("The %s has sent %d unreadable frames.", self._camera, self.count)
