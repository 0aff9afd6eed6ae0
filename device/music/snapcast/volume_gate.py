"""The member's own volume: every sample of the group's sound passes here before its loudspeaker gets it. Pure.

The leader sends full scale, and a faulty one may send anything. The largest sample that leaves is the one
of the volume, and the volume is never above `max_volume`. Sound that begins after silence comes in over the ramp.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from device.music.audio.volume import Ramp, amplitude, limited
from device.music.snapcast.timeline import Block

FULL = 2**31 - 1


class VolumeGate:
    """A volume with its ramps. The time is that of the blocks."""

    def __init__(self, percent: int, max_volume: int, ramp_s: float) -> None:
        self._most = max_volume
        self._ramp_s = ramp_s
        self._now_s = 0.0
        self._volume = Ramp(limited(percent, max_volume), limited(percent, max_volume))
        self._entry = Ramp(0, 1)

    def set_volume(self, percent: int) -> None:
        """Go there from the next block on."""
        percent = limited(percent, self._most)
        self._volume = Ramp(self._volume.at(self._now_s), percent, self._now_s, self._ramp_s)

    def apply(self, block: Block) -> npt.NDArray[np.int32]:
        """The samples of a block at their volume, int32[n, 2]. Rounds towards zero: no sample passes its volume."""
        if block.fresh:
            self._entry = Ramp(0, 1, block.start_s, self._ramp_s)
        begin, end = self._factor(block.start_s), self._factor(block.end_s)
        self._now_s = block.end_s
        line = np.linspace(begin, end, len(block.frames), endpoint=False)[:, None]
        return np.asarray(np.trunc(block.frames * (line * (FULL / 2**15))), "<i4")

    def _factor(self, at_s: float) -> float:
        return amplitude(self._volume.at(at_s)) * self._entry.at(at_s) ** 3
