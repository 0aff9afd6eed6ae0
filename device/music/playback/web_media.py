"""Gives libVLC the bytes of a medium from outside, by callbacks: libVLC has no address to open.

libVLC's own thread calls back and may wait there for the server; `WebSource.close` ends that wait.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

from device.music.playback.libvlc import LibVlc, report
from device.music.playback.web_source import Opened, WebSource

UNKNOWN_SIZE = (1 << 64) - 1
CACHING_MS = 1500


class WebMedia:
    """libVLC's media for an open `source`. Keep it as long as libVLC may call."""

    def __init__(self, libvlc: LibVlc, source: WebSource, opened: Opened) -> None:
        self._source, self._size = source, opened.size
        kinds = libvlc.vlc.CallbackDecorators
        calls = [
            kinds.MediaOpenCb(_or(-1, self._open)),
            kinds.MediaReadCb(_or(-1, self._read)),
            kinds.MediaSeekCb(_or(-1, self._seek)),
            kinds.MediaCloseCb(_or(None, lambda _opaque: None)),
        ]
        if not opened.seekable:
            calls[2] = kinds.MediaSeekCb()
        self._calls = calls  # libVLC has only pointers to them
        new = libvlc.vlc.dll.libvlc_media_new_callbacks
        new.restype = ctypes.c_void_p
        pointers = [ctypes.cast(call, ctypes.c_void_p) for call in calls]
        self.media: Any = libvlc.vlc.Media(new(libvlc.instance, *pointers, None))
        demuxer, _, container = opened.demuxer.partition(":")
        options = [f":demux={demuxer}", f":network-caching={CACHING_MS}"]
        for option in (*options, *([f":avformat-format={container}"] if container else [])):
            self.media.add_option(option)

    def _open(self, _opaque: object, _data: object, size: Any) -> int:
        size[0] = UNKNOWN_SIZE if self._size is None else self._size
        return 0 if self._source.seek(0) else -1

    def _read(self, _opaque: object, buffer: Any, room: int) -> int:
        piece = self._source.read(room)
        ctypes.memmove(buffer, piece, len(piece))
        return len(piece)

    def _seek(self, _opaque: object, at: int) -> int:
        return 0 if self._source.seek(at) else -1


def _or(failure: object, call: Callable[..., Any]) -> Callable[..., Any]:
    """`call`; an exception in it is a defect, which goes to `threading.excepthook` and gives `failure`."""
    def guard(*arguments: Any) -> Any:
        try:
            return call(*arguments)
        except BaseException:
            report()
            return failure

    return guard
