"""The store's own thread, so that a slow disk never delays a decision. Only the newest memory is written: latest wins.

The main thread calls `save`, `record`, `note` and `erase`, which return at once. After every write the inbox gets
`Saved`.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from functools import partial

from device.domain import DiaryEntry, Erasure, Event, Listen, Memory, Saved
from device.errors import StateError
from device.store.database import Store
from device.store.diary import PRUNE_S, DiaryStore

log = logging.getLogger("affetto")

CLOSE_S = 10.0  # how long `close` waits for the last write on a slow disk
WAITING_LISTENS = 1000  # the most listens, and the most diary entries, that wait while the disk hangs


class StoreWriter:
    """Writes to a `Store` and a `DiaryStore` on a thread of its own. `start` begins; `close` writes pending data and
    ends."""

    def __init__(self, store: Store, diary: DiaryStore, put: Callable[[Event], None]) -> None:
        self._store, self._diary, self._put = store, diary, put
        self._changed = threading.Condition()
        self._memory: Memory | None = None
        self._listens: deque[Listen] = deque(maxlen=WAITING_LISTENS)
        self._entries: deque[DiaryEntry] = deque(maxlen=WAITING_LISTENS)
        self._erasures: list[Erasure] = []
        self._closing = False
        self._problem = ""
        self._thread = threading.Thread(target=self._run, name="store", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether the thread still works."""
        return self._thread.is_alive()

    def save(self, memory: Memory) -> None:
        """Write this memory as soon as the disk is free, instead of an older one that still waits."""
        with self._changed:
            self._memory = memory
            self._changed.notify()

    def record(self, listen: Listen) -> None:
        """Add a listen to the history."""
        with self._changed:
            self._listens.append(listen)
            self._changed.notify()

    def note(self, entry: DiaryEntry) -> None:
        """Add an entry to the diary."""
        with self._changed:
            self._entries.append(entry)
            self._changed.notify()

    def erase(self, erasure: Erasure) -> None:
        """Delete this from the history and from the diary, together with what still waits."""
        with self._changed:
            self._erasures.append(erasure)
            self._changed.notify()

    def history(self) -> tuple[tuple[Listen, ...], int]:
        """The stored listens, oldest first, and the total number so far. From any thread."""
        with self._changed:
            return self._store.history, self._store.total

    def close(self) -> None:
        """Write pending data, and end. Idempotent."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join(CLOSE_S)
        if not self._thread.is_alive():
            self.step()  # in case the thread never ran
            self._store.close()
            self._diary.close()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closing, PRUNE_S)
                if self._closing:
                    return
            self.step()

    @property
    def _waiting(self) -> bool:
        return bool(self._memory is not None or self._listens or self._entries or self._erasures)

    def step(self) -> None:
        """Write pending data once, if there is any, and let the diary delete what is too old."""
        with self._changed:
            waiting = self._waiting
            memory, self._memory = self._memory, None
            listens, self._listens = list(self._listens), deque(maxlen=WAITING_LISTENS)
            entries, self._entries = list(self._entries), deque(maxlen=WAITING_LISTENS)
            erasures, self._erasures = self._erasures, []
        problems = []
        work: list[Callable[[], None]] = [lambda: self._diary.write(entries)]
        if memory is not None or listens:
            work.insert(0, lambda: self._store.write(memory, listens))
        for erasure in erasures:
            work += [partial(self._store.erase, erasure), partial(self._diary.erase, erasure)]
        for one in work:
            try:
                one()
            except StateError as error:
                problems.append(str(error))
        if waiting:
            self._report("; ".join(dict.fromkeys(problems)), memory)

    def _report(self, problem: str, memory: Memory | None) -> None:
        if problem != self._problem:
            log.warning("%s", problem) if problem else log.info("The data folder can be written again.")
        self._problem = problem
        self._put(Saved(memory or self._store.memory, problem))
