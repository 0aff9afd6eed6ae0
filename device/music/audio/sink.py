"""Opens the sound device while there is something to play, and retries when it is gone.

Belongs to the player's worker thread. After some seconds of silence, the sink closes the device, so that other programs
can use it and a card can sleep. It does not do so at once, because many cards click, or swallow the first notes, when
they wake up.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from device.domain import Event, SoundBack, SoundLost
from device.errors import SoundError
from device.music.audio.mixer import FloatFrames
from device.music.audio.outputs import Output
from device.music.audio.pcm_buffer import CHANNELS

RETRY_S = 1.0
LINGER_S = 3.0  # also more than any output holds back


class Sink:
    """An `Output` that is open or closed, `lost` or not."""

    def __init__(self, output: Output, put: Callable[[Event], None]) -> None:
        self.lost = False
        self._own = self._output = output
        self._put = put
        self._open = False
        self._retry_s = 0.0
        self._quiet_s: float | None = None  # when the silence began

    @property
    def open(self) -> bool:
        """Whether the device is held."""
        return self._open

    def ready(self, now_s: float) -> bool:
        """Whether the device takes sound; opens it if it is time to try again."""
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

    def write(self, sound: FloatFrames, now_s: float) -> bool:
        """Write a block, in real time; False if the device is gone."""
        self._quiet_s = None
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

    def rest(self, now_s: float, frames: int) -> None:
        """Write a block of silence; after `LINGER_S` without music, close the device."""
        if not self._open:
            return
        self._quiet_s = now_s if self._quiet_s is None else self._quiet_s
        if now_s - self._quiet_s < LINGER_S:
            try:
                self._output.write(np.zeros((frames, CHANNELS), np.float32))
            except SoundError:  # nobody misses it now; the next sound shows it
                self._open = False
        else:
            self._output.drop()
            self._open = False

    def change(self, output: Output | None) -> None:
        """Use another output from now on; None: the first one again."""
        before, self._output = self._output, output or self._own
        if before is self._output:
            return
        self._open = False
        self._retry_s = 0.0
        before.drop()
        if before is not self._own:
            before.close()

    def close(self) -> None:
        """Close everything, for good."""
        self.change(None)
        self._open = False
        self._output.drop()
        self._output.close()

    def _lose(self, error: SoundError, now_s: float) -> None:
        self._retry_s = now_s + RETRY_S
        if not self.lost:
            self.lost = True
            self._put(SoundLost(str(error)))
