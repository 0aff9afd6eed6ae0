"""Where decks go that are done: a thread that closes them, because libVLC waits for a slow disk when it stops, and the
music must not.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable

from device.music.playback.decoder import Decoder

CLOSE_S = 1.0


class Attic:
    """Closes what is put into it, one after the other."""

    def __init__(self) -> None:
        self._decks: queue.SimpleQueue[Decoder | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="attic", daemon=True)
        self._thread.start()

    def put(self, decks: Iterable[Decoder]) -> None:
        """Close these, later."""
        for decoder in decks:
            self._decks.put(decoder)

    def close(self) -> bool:
        """Close what is left and end; False if a disk does not let it within `CLOSE_S`."""
        self._decks.put(None)
        self._thread.join(CLOSE_S)
        return not self._thread.is_alive()

    def _work(self) -> None:
        while (decoder := self._decks.get()) is not None:
            decoder.close()
