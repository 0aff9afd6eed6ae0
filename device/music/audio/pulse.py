"""Sound to a PulseAudio or PipeWire server, through libpulse's simple API (pulse/simple.h).

Why our own: the mix is made here, so libVLC's output cannot be used; six calls of a C library need no binding.

Adapter: loads the C library itself; it comes with libVLC's plugins. The output belongs to the player's worker thread.
The server scales what it gets once more by its own volume for this program, which is at 100% unless somebody moves it.
"""

from __future__ import annotations

import ctypes
import functools
import os
import socket
from collections.abc import Mapping
from typing import Any

import numpy as np

from device.errors import SoundError
from device.music.audio.mixer import FloatFrames
from device.music.audio.pcm_buffer import CHANNELS, RATE_HZ

PLAYBACK = 1
FLOAT32 = 5
BUFFER_S = 0.25
CONNECT_S = 1.0
ANY = 2**32 - 1  # "choose a sensible value"


class SampleSpec(ctypes.Structure):
    """pa_sample_spec."""

    _fields_ = (("format", ctypes.c_int), ("rate", ctypes.c_uint32), ("channels", ctypes.c_uint8))


class BufferAttr(ctypes.Structure):
    """pa_buffer_attr, in bytes."""

    _fields_ = tuple((name, ctypes.c_uint32) for name in ("maxlength", "tlength", "prebuf", "minreq", "fragsize"))


class PulseOutput:
    """A sink of the server by its name, empty for its default."""

    def __init__(self, device: str) -> None:
        self.words = f"sound server, device {device or 'default'}"
        self._device = device
        self._stream: int | None = None

    def open(self) -> None:
        """Connect and begin a stream."""
        library, error = _library(), ctypes.c_int()
        if library is None:
            raise SoundError("libpulse-simple is missing: apt install libpulse0, or set player.output to alsa")
        if not answers(os.environ):  # libpulse would try to start a server of its own
            raise SoundError(self._sentence("no server answers this user"))
        spec = SampleSpec(FLOAT32, RATE_HZ, CHANNELS)
        attr = BufferAttr(ANY, round(BUFFER_S * RATE_HZ) * CHANNELS * 4, ANY, ANY, ANY)
        device = os.fsencode(self._device) if self._device else None
        self._stream = library.pa_simple_new(
            None, b"Affetto", PLAYBACK, device, b"music", ctypes.byref(spec), None, ctypes.byref(attr),
            ctypes.byref(error),
        )  # fmt: skip
        if self._stream is None:
            raise self._error(error.value)

    def write(self, sound: FloatFrames) -> None:
        """Wait for room and write."""
        library, error = _library(), ctypes.c_int()
        block = np.ascontiguousarray(sound, "<f4")
        if library is not None and library.pa_simple_write(
            self._stream, ctypes.c_void_p(block.ctypes.data), ctypes.c_size_t(block.nbytes), ctypes.byref(error)
        ):
            self.drop()
            raise self._error(error.value)

    def delay_s(self) -> float:
        """The sound that the server and the device still have to play."""
        library, error = _library(), ctypes.c_int()
        if library is None or self._stream is None:
            return 0.0
        delay_us = library.pa_simple_get_latency(self._stream, ctypes.byref(error))
        return 0.0 if error.value else float(min(delay_us / 1e6, 2.0))

    def drop(self) -> None:
        """End the stream."""
        library = _library()
        if library is not None and self._stream is not None:
            library.pa_simple_free(self._stream)
        self._stream = None

    def problem(self) -> str:
        """The server's reason why it does not accept sound."""
        try:
            self.open()
        except SoundError as error:
            return str(error)
        self.drop()
        return ""

    def close(self) -> None:
        """The same as `drop`."""
        self.drop()

    def _error(self, number: int) -> SoundError:
        library = _library()
        return SoundError(
            self._sentence(os.fsdecode(library.pa_strerror(number)).lower() if library is not None else "")
        )

    def _sentence(self, reason: str) -> str:
        return (
            f"PulseAudio or PipeWire does not accept sound for {self.words} ({reason}): start it for this user, "
            "check player.device, or set player.output to alsa"
        )


@functools.cache
def _library() -> Any | None:
    try:
        library: Any = ctypes.CDLL("libpulse-simple.so.0")
        words: Any = ctypes.CDLL("libpulse.so.0")
    except OSError:
        return None
    library.pa_simple_new.restype = ctypes.c_void_p
    library.pa_simple_new.argtypes = (
        ctypes.c_char_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_void_p,
        ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p,
    )  # fmt: skip
    library.pa_simple_write.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p)
    library.pa_simple_free.argtypes = (ctypes.c_void_p,)
    library.pa_simple_get_latency.argtypes = (ctypes.c_void_p, ctypes.c_void_p)
    library.pa_simple_get_latency.restype = ctypes.c_uint64
    library.pa_strerror = words.pa_strerror
    library.pa_strerror.restype = ctypes.c_char_p
    return library


def answers(environment: Mapping[str, str]) -> bool:
    """Whether a sound server takes a connection from this user. A server elsewhere in the network is believed."""
    named = environment.get("PULSE_SERVER", "")
    if named and not named.startswith(("unix:", "/")):
        return True
    runtime = environment.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}"
    path = named.removeprefix("unix:") or f"{runtime}/pulse/native"
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(CONNECT_S)
        try:
            probe.connect(path)
        except OSError:
            return False
    return True
