"""Where decks go that are done: a thread that closes them, because libVLC waits for a slow disk when it stops, and the
music must not.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable

from device.music.playing.deck import Deck

CLOSE_S = 1.0


class Attic:
    """Closes what is put into it, one after the other."""

    def __init__(self) -> None:
        self._decks: queue.SimpleQueue[Deck | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="attic", daemon=True)
        self._thread.start()

    def put(self, decks: Iterable[Deck]) -> None:
        """Close these, later."""
        for deck in decks:
            self._decks.put(deck)

    def close(self) -> bool:
        """Close what is left and end; False if a disk does not let it within `CLOSE_S`."""
        self._decks.put(None)
        self._thread.join(CLOSE_S)
        return not self._thread.is_alive()

    def _work(self) -> None:
        while (deck := self._decks.get()) is not None:
            deck.close()
