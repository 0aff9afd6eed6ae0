"""The store's own thread, so that no disk ever holds up a decision. Only the newest memory is written: latest wins.

The main thread calls `save` and `record`, which return at once. After every write the inbox gets `Saved`.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable

from device.domain import Event, Listen, Memory, Saved
from device.errors import StateError
from device.store.database import Store

log = logging.getLogger("affetto")

CLOSE_S = 10.0  # a disk that is slow gets so long for the last write
WAITING_LISTENS = 1000  # lines that wait for a disk that hangs; more would only fill the memory


class StoreWriter:
    """Writes to a `Store` on a thread that belongs to it. `start` begins; `close` writes what waits and ends."""

    def __init__(self, store: Store, put: Callable[[Event], None]) -> None:
        self._store, self._put = store, put
        self._changed = threading.Condition()
        self._memory: Memory | None = None
        self._listens: deque[Listen] = deque(maxlen=WAITING_LISTENS)
        self._closing = False
        self._problem = ""
        self._thread = threading.Thread(target=self._run, name="store", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether the thread works as it should."""
        return self._thread.is_alive()

    def save(self, memory: Memory) -> None:
        """Write this memory as soon as the disk is free; an older one that still waits is not written any more."""
        with self._changed:
            self._memory = memory
            self._changed.notify()

    def record(self, listen: Listen) -> None:
        """Add a line to the history."""
        with self._changed:
            self._listens.append(listen)
            self._changed.notify()

    def history(self) -> tuple[tuple[Listen, ...], int]:
        """All lines that are remembered, oldest first, and how many there ever were. From any thread."""
        with self._changed:
            return self._store.history, self._store.total

    def close(self) -> None:
        """Write what waits, and end. Idempotent."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join(CLOSE_S)
        if not self._thread.is_alive():
            self.step()  # a thread that never ran owes everything
            self._store.close()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._memory is not None or self._listens or self._closing)
                if self._closing:
                    return
            self.step()

    def step(self) -> None:
        """Write once what waits, if anything does."""
        with self._changed:
            memory, self._memory = self._memory, None
            listens, self._listens = list(self._listens), deque(maxlen=WAITING_LISTENS)
        if memory is None and not listens:
            return
        problem = ""
        try:
            self._store.write(memory, listens)
        except StateError as error:
            problem = str(error)
        if problem != self._problem:
            log.warning("%s", problem) if problem else log.info("The disk takes what changes again.")
        self._problem = problem
        self._put(Saved(memory or self._store.memory, problem))
