"""Closes decoders in the background, because libVLC waits for a slow disk when it stops, and the music must not."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable

from device.music.playback.decoder import Decoder


class Closing:
    """The decoders that are being closed, each on a thread of its own."""

    def __init__(self) -> None:
        self._threads: list[threading.Thread] = []

    def later(self, decoders: Iterable[Decoder]) -> None:
        """Close these in the background."""
        for decoder in decoders:
            thread = threading.Thread(target=decoder.close, name=f"close {decoder.serial}", daemon=True)
            thread.start()
            self._threads = [*(before for before in self._threads if before.is_alive()), thread]

    def finish(self, within_s: float) -> bool:
        """Wait until all are closed; False if a disk blocks that for longer."""
        end_s = time.monotonic() + within_s
        for thread in self._threads:
            thread.join(max(0.0, end_s - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)
