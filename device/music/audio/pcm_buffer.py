"""The decoded part of a track that is not played yet: libVLC's thread appends, the player's thread reads.

No lock: each of the two counters is written by one thread only, and a deque takes and gives whole blocks atomically.
"""

from __future__ import annotations

from collections import deque

import numpy as np
import numpy.typing as npt

RATE_HZ = 44100
CHANNELS = 2

Frames = npt.NDArray[np.int16]
"""Sound as int16[n, 2]."""

NOTHING: Frames = np.zeros((0, CHANNELS), np.int16)


class PcmBuffer:
    """A queue of frames at `RATE_HZ`. `given` and `taken` count them."""

    def __init__(self) -> None:
        self.given = 0
        self.taken = 0
        self._blocks: deque[Frames] = deque()
        self._rest = NOTHING  # of the block that was begun; the reader's own
        self._over = False

    def append(self, samples: bytes) -> None:
        """Interleaved 16-bit samples, next in time. Called by the decoding thread."""
        block: Frames = np.frombuffer(samples, "<i2").reshape(-1, CHANNELS)
        self._blocks.append(block)
        self.given += len(block)
        self._over = False  # a chained Ogg file is drained between its songs and goes on

    def finish(self) -> None:
        """Mark the end. Called by the decoding thread."""
        self._over = True

    @property
    def over(self) -> bool:
        """Whether all of it is decoded."""
        return self._over

    @property
    def frames(self) -> int:
        """The number of frames that wait to be read."""
        return self.given - self.taken

    @property
    def ahead_s(self) -> float:
        """The same in seconds."""
        return self.frames / RATE_HZ

    def read(self, count: int) -> Frames:
        """The next `count` frames, or fewer if there are fewer. Called by the reading thread."""
        parts: list[Frames] = []
        left = count
        while left > 0 and (len(self._rest) or self._blocks):
            if not len(self._rest):
                self._rest = self._blocks.popleft()
            parts.append(self._rest[:left])
            self._rest = self._rest[left:]
            left -= len(parts[-1])
        self.taken += count - left
        return np.concatenate(parts) if parts else NOTHING

    def peak(self, count: int) -> int:
        """The largest amplitude (0 to 32768) among at least the next `count` frames, as far as they are there."""
        largest = _largest(self._rest)
        seen = len(self._rest)
        for block in list(self._blocks):
            if seen >= count:
                break
            largest = max(largest, _largest(block))
            seen += len(block)
        return largest


def _largest(frames: Frames) -> int:
    return max(int(frames.max()), -int(frames.min())) if len(frames) else 0
