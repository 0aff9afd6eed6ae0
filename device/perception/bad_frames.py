"""Frames that cannot be read. One decides nothing: cheap cameras send a broken JPEG now and then, and start with some.

A camera passes bad frames over and counts them here. Only a run of them is a fault. The eye's thread; no other state.
"""

from __future__ import annotations

import logging

from device.errors import CameraError

log = logging.getLogger("affetto.eye")


class BadFrames:
    """The bad frames of one camera. A run of them that lasts `longest_s` seconds raises CameraError."""

    def __init__(self, camera: str, longest_s: float) -> None:
        self._camera, self._longest_s = camera, longest_s
        self._since_s: float | None = None
        self.count = 0

    def good(self) -> None:
        """A frame could be read: the run is over."""
        self._since_s = None

    def bad(self, at_s: float, problem: str) -> None:
        """A frame at `at_s` (s, CLOCK_MONOTONIC) could not be read. Raises CameraError(problem) at the end of a run."""
        if self._since_s is None:
            self._since_s = at_s
        if at_s - self._since_s >= self._longest_s:
            raise CameraError(problem)
        self.add(1)

    def add(self, count: int) -> None:
        """Count bad frames. The log says so at the first, and each time that there are ten times as many."""
        before, self.count = self.count, self.count + count
        if not before:
            log.warning("The %s sent a frame that cannot be read; Affetto leaves such frames out.", self._camera)
        elif len(str(self.count)) > len(str(before)):
            log.warning("The %s has sent %d frames that cannot be read.", self._camera, self.count)
