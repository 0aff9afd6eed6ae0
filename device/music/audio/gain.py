"""Brings each track to the loudness of the others while it plays, without ever passing full scale. Pure.

A track's gain leads to -18 LUFS, as ReplayGain 2.0 has it (reading/loudness.py says where it comes from). Most records
are louder than that and become quieter, so that the volume stays the ceiling; a quiet one is made louder only as far as
its own loudest moments leave room. How loud those are is seen as they come: the gain goes down, over one block, before
the first sample that would not fit, and stays there. It is a slow limiter, and it never bends the wave itself.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from device.music.audio.pcm_buffer import RATE_HZ, Frames

SCALE = 32768.0
GLIDE_DB_S = 6.0  # between two tracks that are joined: as fast as somebody turns a knob, and without a click


def factor(gain_db: float) -> float:
    """The amplitude that this gain stands for."""
    return float(10 ** (gain_db / 20))


class TrackGain:
    """The gain of one track while it plays. `now` is its factor at this moment."""

    def __init__(self, gain_db: float, begin: float | None = None) -> None:
        """`begin`: the factor to start from, that of the track before where the two are joined."""
        self._wanted = factor(gain_db)
        self.now = self._wanted if begin is None else begin
        self._room = float("inf")

    def apply(self, frames: Frames, peak_ahead: int) -> npt.NDArray[np.float32]:
        """`frames` at their loudness: float32[n, 2], none beyond 1. `peak_ahead`: the largest amplitude of the frames
        that come next, at least of the next block."""
        own = max(int(frames.max()), -int(frames.min())) if len(frames) else 0
        self.now = min(self.now, _room(own))  # only binds for a first block, whose peak nobody announced
        self._room = min(self._room, _room(own), _room(peak_ahead))
        step = 10 ** (GLIDE_DB_S / 20 * len(frames) / RATE_HZ)
        end = min(max(self._wanted, self.now / step), self.now * step, self._room)
        line = np.linspace(self.now, end, len(frames), endpoint=False, dtype=np.float32)[:, None]
        self.now = end
        return np.asarray(frames * (line / np.float32(SCALE)), np.float32)


def _room(peak: int) -> float:
    return SCALE / peak if peak else float("inf")
