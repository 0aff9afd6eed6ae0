"""Sound straight to ALSA, through libasound's simple calls (`snd_pcm_set_params`, `snd_pcm_writei`).

Why our own: the mix is made here, so libVLC's output cannot be used; a dozen calls of a C library need no binding.

Adapter: loads the C library itself. The output belongs to the player's worker thread; any thread may call the functions
at the end. Samples go out with 32 bits where the device or its plug takes them, so that a low volume does not cost the
quiet sounds; ALSA turns them into what the card has.
"""

from __future__ import annotations

import ctypes
import errno
import functools
import os
import re
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from device.errors import SoundError
from device.music.audio.mixer import FloatFrames
from device.music.audio.pace import Pace
from device.music.audio.pcm_buffer import CHANNELS, RATE_HZ

PLAYBACK = 0
NONBLOCK = 1  # a busy device refuses at once
INTERLEAVED = 3
FORMATS: dict[int, np.dtype[Any]] = {
    10: np.dtype("<i4"),
    2: np.dtype("<i2"),
}  # SND_PCM_FORMAT_S32_LE, S16_LE: the first that is taken
BUFFER_US = 250_000
RESAMPLE = 1
AGAIN_AFTER_S = 0.01
AGAIN_S = 1.0  # a device on a slow board may say "try again" although it should block
LEAD_S = 0.5  # more than any card takes at once; the null device would take everything


class AlsaOutput:
    """An ALSA device by its name, empty for "default"."""

    def __init__(self, device: str) -> None:
        self.words = f"ALSA device {device or 'default'}"
        self._device = device or "default"
        self._pcm: Any = None
        self._type = FORMATS[10]
        self._pace = Pace(LEAD_S)
        hush()

    def open(self) -> None:
        """Open and set up the device."""
        library = _library()
        if library is None:
            raise SoundError(_MISSING)
        pcm = ctypes.c_void_p()
        error = library.snd_pcm_open(ctypes.byref(pcm), os.fsencode(self._device), PLAYBACK, NONBLOCK)
        if error < 0:
            raise self._error(error)
        for number, kind in FORMATS.items():
            error = library.snd_pcm_set_params(pcm, number, INTERLEAVED, CHANNELS, RATE_HZ, RESAMPLE, BUFFER_US)
            if error == 0:
                library.snd_pcm_nonblock(pcm, 0)
                self._pcm, self._type = pcm, kind
                return
        library.snd_pcm_close(pcm)
        raise self._error(error)

    def write(self, sound: FloatFrames) -> None:
        """Wait for room and write. Recovers from an interruption; raises SoundError if the device is gone."""
        library, at = _library(), 0
        block = _integers(sound, self._type)
        patience = Patience(AGAIN_S)
        while at < len(block) and library is not None:
            count = library.snd_pcm_writei(
                self._pcm, ctypes.c_void_p(block[at:].ctypes.data), ctypes.c_ulong(len(block) - at)
            )
            if count >= 0:
                at += count
                patience = Patience(AGAIN_S)
            elif count == -errno.EAGAIN and patience.wait():
                continue
            elif library.snd_pcm_recover(self._pcm, ctypes.c_int(count), 1) < 0:
                self.drop()
                raise self._error(count)
        self._pace.keep(len(sound))

    def delay_s(self) -> float:
        """The sound that the device still has to play."""
        library, frames = _library(), ctypes.c_long()
        if library is None or self._pcm is None or library.snd_pcm_delay(self._pcm, ctypes.byref(frames)) < 0:
            return 0.0
        return max(0.0, frames.value / RATE_HZ)

    def drop(self) -> None:
        """Close the device."""
        library = _library()
        if library is not None and self._pcm is not None:
            library.snd_pcm_drop(self._pcm)
            library.snd_pcm_close(self._pcm)
        self._pcm = None
        self._pace.reset()

    def problem(self) -> str:
        """libasound's reason why the device does not open."""
        reason = why_not(self._device)
        return self._sentence(reason) if reason else ""

    def close(self) -> None:
        """The same as `drop`."""
        self.drop()

    def _error(self, number: int) -> SoundError:
        return SoundError(self._sentence(words_of(number)))

    def _sentence(self, reason: str) -> str:
        return (
            f"{self.words} does not open ({reason}); `aplay -L` lists the devices: set player.device to one of them"
        )


class Patience:
    """How long to try one thing again and again."""

    def __init__(self, longest_s: float) -> None:
        self._until_s = time.monotonic() + longest_s

    def wait(self) -> bool:
        """Wait a moment; returns whether to try again."""
        time.sleep(AGAIN_AFTER_S)
        return time.monotonic() < self._until_s


def _integers(sound: FloatFrames, kind: np.dtype[Any]) -> npt.NDArray[np.signedinteger[Any]]:
    """Towards zero, so that no sample passes its volume. In double precision, since 32 bits do not fit into a float."""
    return np.ascontiguousarray(np.trunc(sound.astype(np.float64) * np.iinfo(kind).max).astype(kind))


_MISSING = "libasound is missing: apt install libasound2"


@functools.cache
def _library() -> Any | None:
    try:
        library = ctypes.CDLL("libasound.so.2")
    except OSError:
        return None
    library.snd_strerror.restype = ctypes.c_char_p
    library.snd_pcm_writei.restype = ctypes.c_long
    return library


def hush() -> None:
    """Keep libasound's complaints off stderr, for the rest of the process: a dozen lines for each try to open."""
    library = _library()
    if library is not None:
        # A handler that ignores its arguments, in C: it may be called while Python is already shutting down.
        library.snd_lib_error_set_handler(ctypes.CDLL(None).getpid)


def words_of(number: int) -> str:
    """libasound's words for a negative error number."""
    if number == -errno.ENODEV:
        return "it was pulled out"
    library = _library()
    return os.fsdecode(library.snd_strerror(number)).lower() if library is not None else _MISSING


def stable_name(device: str, cards: Path = Path("/proc/asound")) -> str:
    """The name that stays with the card, for an ALSA device that is named by the card's number; empty for any other.
    The plug converts what the card itself does not take."""
    found = re.fullmatch(r"(plug)?hw:(?:CARD=)?(\d+)(?:,(?:DEV=)?(\d+))?", device)
    if not found:
        return ""
    try:
        name = (cards / f"card{found[2]}" / "id").read_text().strip()
    except OSError:
        name = "NAME, as in `aplay -L`"
    return f"plughw:CARD={name}" + (f",DEV={found[3]}" if found[3] and found[3] != "0" else "")


def why_not(device: str) -> str:
    """libasound's reason why `device` cannot be opened for playing; empty if it can."""
    library = _library()
    if library is None:
        return _MISSING
    handle = ctypes.c_void_p()
    error = library.snd_pcm_open(ctypes.byref(handle), os.fsencode(device), PLAYBACK, NONBLOCK)
    if error < 0:
        return words_of(error)
    library.snd_pcm_close(handle)
    return ""
