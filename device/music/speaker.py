"""The open sound device, as long as something is to be heard; and the tries to get it back when it is gone.

Belongs to the player's worker thread. The device is let go in silence, so that others may have it and a card may sleep.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from device.domain import Event, SoundBack, SoundLost
from device.errors import SoundError
from device.music.mixer import Sound
from device.music.outputs import Output
from device.music.reel import CHANNELS, RATE_HZ

RETRY_S = 1.0
TAIL_S = 0.3  # more than any output holds back


class Speaker:
    """An `Output` that is open or closed, `lost` or not."""

    def __init__(self, output: Output, put: Callable[[Event], None]) -> None:
        self.lost = False
        self._output = output
        self._put = put
        self._open = False
        self._retry_s = 0.0

    def ready(self, now_s: float) -> bool:
        """Whether sound can be written; opens the device if it is time for a try."""
        if self._open:
            return True
        if self.lost and now_s < self._retry_s:
            return False
        try:
            self._output.open()
        except SoundError as error:
            self._lose(error, now_s)
            return False
        self._open = True
        if self.lost:
            self.lost = False
            self._put(SoundBack())
        return True

    def write(self, sound: Sound, now_s: float) -> bool:
        """Hand a block over, in its time; False if the device is gone."""
        try:
            self._output.write(sound)
        except SoundError as error:
            self._open = False
            self._lose(error, now_s)
            return False
        return True

    def delay_s(self) -> float:
        """How long after now the next block is heard."""
        return self._output.delay_s() if self._open else 0.0

    def rest(self, now_s: float) -> None:
        """Let what was written be heard to its end, then let go of the device."""
        if self._open and self.write(np.zeros((round(TAIL_S * RATE_HZ), CHANNELS), np.float32), now_s):
            self._output.drop()
        self._open = False

    def close(self) -> None:
        """Let go at once and for good."""
        self._open = False
        self._output.drop()
        self._output.close()

    def _lose(self, error: SoundError, now_s: float) -> None:
        self._retry_s = now_s + RETRY_S
        if not self.lost:
            self.lost = True
            self._put(SoundLost(str(error)))
