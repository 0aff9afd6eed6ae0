"""An output that falls silent at a set time: a leader whose lease has ended must not be audible."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from device.music.audio.mixer import FloatFrames
from device.music.audio.outputs import Output


class Gate:
    """Passes blocks on to `output` until `until()` (monotonic, s), and silence after that.

    It looks at the clock before each block. So a process that was frozen is silent at once when it wakes.
    """

    def __init__(self, output: Output, until: Callable[[], float], clock: Callable[[], float] = time.monotonic) -> None:
        self.words = output.words
        self._output, self._until, self._clock = output, until, clock

    def open(self) -> None:
        """Open the device."""
        self._output.open()

    def write(self, sound: FloatFrames) -> None:
        """Write the next block, or silence instead."""
        self._output.write(sound if self._clock() < self._until() else np.zeros_like(sound))

    def delay_s(self) -> float:
        """The time until the next block would be audible."""
        return self._output.delay_s()

    def drop(self) -> None:
        """Close the device."""
        self._output.drop()

    def problem(self) -> str:
        """Why the output is silent; empty if it seems to work."""
        return self._output.problem()

    def close(self) -> None:
        """Release everything."""
        self._output.close()
