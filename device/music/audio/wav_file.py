"""A WAV file that grows while it is played, readable at any moment. Belongs to the player's worker thread."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np

from device.errors import PlayerError
from device.music.audio.mixer import FloatFrames
from device.music.audio.pcm_buffer import CHANNELS, RATE_HZ

LIMIT_BYTES = 2**31  # WAV cannot count further than 4 GiB, and nobody wants a full disk


class WavFile:
    """16-bit stereo. `problem` says why no more is written, if so."""

    def __init__(self, path: Path) -> None:
        """Overwrites `path`; raises PlayerError if it cannot be written."""
        self.problem = ""
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._disk = path.open("wb")
            self._file: wave.Wave_write | None = wave.open(self._disk, "wb")  # noqa: SIM115 (closed in close)
            self._file.setparams((CHANNELS, 2, RATE_HZ, 0, "NONE", ""))
            self.append(np.zeros((0, CHANNELS), np.float32))
        except OSError as error:
            raise PlayerError(f"{path} cannot be written: {error.strerror}. Choose another player.output.") from error
        if self.problem:
            raise PlayerError(self.problem)

    def append(self, sound: FloatFrames) -> None:
        """Write on, as far as there is room. Rounds towards zero, so that no sample passes its volume."""
        if self._file is None or self._file.tell() * 2 * CHANNELS > LIMIT_BYTES:
            return
        try:
            self._file.writeframes(np.trunc(sound * 32767).astype("<i2").tobytes())
            self._disk.flush()
        except OSError as error:
            self.problem = f"{self._path} can no longer be written: {error.strerror}. Free some space."
            self._close_quietly(self._file)

    def close(self) -> None:
        """Finish the file; idempotent."""
        if self._file is not None:
            self._close_quietly(self._file)

    def _close_quietly(self, file: wave.Wave_write) -> None:
        self._file = None
        try:
            file.close()
            self._disk.close()
        except OSError:
            return  # a full disk was reported when it was met; every block before it is in the file
