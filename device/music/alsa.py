"""Two questions to libasound, which libVLC uses but does not answer for: be quiet, and why does this device not open?

Adapter: loads the C library itself, because libVLC goes on "playing" into a device that does not open and says
nothing of it, while libasound fills stderr with a dozen lines for each block of samples.
"""

from __future__ import annotations

import ctypes
import functools
import os
from typing import Any

PLAYBACK = 0
NONBLOCK = 1  # a busy device is to be refused, not waited for


@functools.cache
def _library() -> Any | None:
    try:
        return ctypes.CDLL("libasound.so.2")
    except OSError:
        return None


def hush() -> None:
    """Keep libasound's complaints off stderr, for the rest of the process."""
    library = _library()
    if library is not None:
        # A handler that ignores its arguments, in C: it may be called while Python is already shutting down.
        library.snd_lib_error_set_handler(ctypes.CDLL(None).getpid)


def why_not(device: str) -> str:
    """libasound's reason why `device` cannot be opened for playing; empty if it can."""
    library = _library()
    if library is None:
        return "libasound is missing: apt install libasound2"
    library.snd_strerror.restype = ctypes.c_char_p
    handle = ctypes.c_void_p()
    error = library.snd_pcm_open(ctypes.byref(handle), os.fsencode(device), PLAYBACK, NONBLOCK)
    if error < 0:
        return os.fsdecode(library.snd_strerror(error)).lower()
    library.snd_pcm_close(handle)
    return ""
