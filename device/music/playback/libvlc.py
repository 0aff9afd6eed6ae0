"""libVLC's instance, its callbacks and its options. Adapter: nobody else imports python-vlc.

libVLC finds out what a file is, opens and decodes it. Mixing and the sound device are ours (device/music/audio),
because libVLC 3 cannot start a track at a given sample, which gapless playing needs. libVLC's own threads call the
callbacks given here; a callback may not call libVLC, which can deadlock (python-vlc issue 77).
"""

from __future__ import annotations

import ctypes
import sys
import threading
from collections.abc import Callable
from typing import Any

from device.errors import PlayerError

# How far ahead of time libVLC decodes. Not more: after a longer stall (a board that swaps) libVLC sets its clock
# anew, and then drops what lies more than 2 s ahead as too early.
FILE_CACHING_MS = 1500
OPTIONS = (
    "--quiet",  # libavcodec's own log too
    "--intf=dummy",
    "--no-video",
    "--no-spu",
    "--no-sub-autodetect-file",
    "--no-spdif",  # samples that are only passed through are no samples
    "--no-metadata-network-access",
    f"--file-caching={FILE_CACHING_MS}",
)
ENDED = "MediaPlayerEndReached"
ERROR = "MediaPlayerEncounteredError"

# The callbacks of the module smem (modules/stream_out/smem.c): one asks for room, the next says that it is filled.
SmemRoomCb = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.POINTER(ctypes.c_void_p), ctypes.c_size_t)
SmemFilledCb = ctypes.CFUNCTYPE(
    None, ctypes.c_void_p, ctypes.c_void_p, *([ctypes.c_uint] * 4), ctypes.c_size_t, ctypes.c_int64
)


def load() -> Any:
    """python-vlc with its libVLC, or a PlayerError that says what to install."""
    try:
        import vlc
    except ImportError as error:
        raise PlayerError("python-vlc is not installed: pip install python-vlc") from error
    except (NotImplementedError, OSError, NameError, AttributeError) as error:  # it loads libVLC when it is imported
        raise PlayerError("libVLC is not installed: apt install libvlc5 vlc-plugin-base") from error
    return vlc


class LibVlc:
    """One running libVLC."""

    def __init__(self) -> None:
        """Raises PlayerError if libVLC is missing or does not start."""
        self.vlc = load()
        try:
            self.instance: Any = self.vlc.Instance(list(OPTIONS))
            self.version = bytes(self.vlc.libvlc_get_version()).decode()  # such as "3.0.21 Vetinari"
        except (NotImplementedError, OSError, NameError, AttributeError) as error:
            raise PlayerError("libVLC does not work: apt install --reinstall libvlc5 vlc-plugin-base") from error
        if self.instance is None:
            raise PlayerError(f"libVLC {self.version} does not start: apt install vlc-plugin-base")
        self._silence_log()

    def _silence_log(self) -> None:
        """Keep libVLC's log off stderr."""
        # A handler that ignores its arguments, in C: libVLC logs a lot, and still while Python shuts down.
        handler = ctypes.cast(ctypes.CDLL(None).getpid, ctypes.c_void_p)
        self.vlc.dll.libvlc_log_set(self.instance, handler, None)

    def release(self) -> None:
        """Unload; nothing may play any more."""
        self.instance.log_unset()
        self.instance.release()


def guarded(call: Callable[..., None]) -> Callable[..., None]:
    """`call`, for a thread of libVLC: ctypes would print an exception and go on, so hand it to `threading.excepthook`
    as a thread of ours would."""

    def guard(*arguments: Any) -> None:
        try:
            call(*arguments)
        except BaseException:
            report()

    return guard


def report() -> None:
    """Hand the exception that is being handled to `threading.excepthook`."""
    kind, value, trace = sys.exc_info()
    assert kind is not None
    threading.excepthook(threading.ExceptHookArgs((kind, value, trace, threading.current_thread())))
