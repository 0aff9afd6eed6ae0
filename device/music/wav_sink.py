"""Writes what libVLC decodes into a WAV file, at the pace and the volume at which it would be heard.

libVLC calls `take` on its own audio thread; it only waits until the block is due, scales it and appends it, and
never calls back into the player. The volume is ours alone and begins at 0: libVLC's memory output starts every stream
at 100% and cannot be told otherwise before.
"""

from __future__ import annotations

import threading
import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt

from device.errors import PlayerError

RATE_HZ = 44100
CHANNELS = 2
EARLY_S = 0.05
LIMIT_BYTES = 2**31  # WAV cannot count further than 4 GiB, and nobody wants a full disk


class WavSink:
    """A 16-bit stereo WAV file, readable at any moment. `problem` says why no more is written, if so."""

    def __init__(self, path: Path) -> None:
        """Overwrites `path`; raises PlayerError if it cannot be written."""
        self.problem = ""
        self._path = path
        self._target = 0.0
        self._level = 0.0
        self._hurry = threading.Event()
        self._lock = threading.Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._disk = path.open("wb")
            self._file: wave.Wave_write | None = wave.open(self._disk, "wb")  # noqa: SIM115 (closed in close)
            self._file.setparams((CHANNELS, 2, RATE_HZ, 0, "NONE", ""))
            self._append(b"")
        except OSError as error:
            raise PlayerError(f"{path} cannot be written: {error.strerror}. Choose another player.output") from error
        if self.problem:
            raise PlayerError(self.problem)

    def rewind(self) -> None:
        """A new track is about to begin: start from silence."""
        self._level = self._target = 0.0

    def set_volume(self, percent: int) -> None:
        """Reach `percent` by the end of the next block; amplitude is its cube, as in VLC's other outputs."""
        self._target = (percent / 100) ** 3

    def hurry(self, on: bool) -> None:
        """Let blocks go by unheard instead of waiting for their time."""
        if on:
            self._hurry.set()
        else:
            self._hurry.clear()

    def close(self) -> None:
        """Finish the file; idempotent."""
        self._hurry.set()
        with self._lock:
            if self._file is not None:
                self._close_quietly(self._file)

    def take(self, samples: bytes, due_s: float) -> None:
        """A block of 16-bit stereo samples that is to be heard in `due_s` seconds. Called on libVLC's thread."""
        if due_s > EARLY_S:
            self._hurry.wait(due_s - EARLY_S)
        if self._hurry.is_set():
            return
        louder = self._target
        block = scaled(samples, self._level, louder)
        self._level = louder
        with self._lock:
            self._append(block)

    def _append(self, block: bytes) -> None:
        if self._file is None or self._file.tell() * 2 * CHANNELS > LIMIT_BYTES:
            return
        try:
            self._file.writeframes(block)
            self._disk.flush()
        except OSError as error:
            self.problem = f"{self._path} cannot be written on: {error.strerror}. Make room, or choose another output"
            self._close_quietly(self._file)

    def _close_quietly(self, file: wave.Wave_write) -> None:
        self._file = None
        try:
            file.close()
            self._disk.close()
        except OSError:
            return  # a full disk was reported when it was met; every block before it is in the file


def scaled(samples: bytes, begin: float, end: float) -> bytes:
    """16-bit stereo samples whose amplitude goes from `begin` to `end` (0 to 1) in a straight line."""
    frames: npt.NDArray[np.int16] = np.frombuffer(samples, "<i2").reshape(-1, CHANNELS)
    gain = np.linspace(begin, end, len(frames), endpoint=True)[:, None]
    # towards zero, so that rounding never passes the level either
    return np.asarray(np.trunc(frames * gain), "<i2").tobytes()
