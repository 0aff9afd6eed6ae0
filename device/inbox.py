"""The one way into the deciding thread: a queue of events that is bounded, and in which readings coalesce.

Any thread puts, the main thread takes. Of readings that nobody has taken yet only the newest stays, in the place of the
first: the mood is over time, and an old picture says nothing that a new one does not. Commands are refused when the
inbox is full, and the log says so; all other events are few by their nature and always fit.
"""

from __future__ import annotations

import logging
import threading
from collections import deque

from device.domain import Asked, Event, EyeClosed, EyeOpened, EyeRead, Misunderstood, TrackAt

log = logging.getLogger("affetto")

FULL = 1000


class ThreadDied(Exception):
    """A thread ended by an exception that nobody expected."""


class Inbox:
    """Events in the order in which they came. `dropped` counts commands that found it full."""

    def __init__(self, full: int = FULL) -> None:
        self.dropped = 0
        self._full = full
        self._events: deque[Event] = deque()
        self._there = threading.Condition()
        self._stopped = False
        self._died: BaseException | None = None

    def __len__(self) -> int:
        return len(self._events)

    def put(self, event: Event) -> None:
        """Add an event. From any thread; never waits."""
        with self._there:
            if isinstance(event, EyeRead | TrackAt) and self._replace(event):
                return
            if len(self._events) >= self._full and isinstance(event, Asked | Misunderstood):
                self._drop()
                return
            self._events.append(event)
            self._there.notify()

    def get(self, timeout_s: float) -> Event | None:
        """The oldest event; None after `timeout_s` without one, or when `stop` was called. Raises `ThreadDied` as soon
        as a thread has died."""
        with self._there:
            self._there.wait_for(lambda: self._events or self._stopped or self._died, max(0.0, timeout_s))
            if self._died is not None:
                raise ThreadDied(str(self._died)) from self._died
            return None if self._stopped or not self._events else self._events.popleft()

    @property
    def stopped(self) -> bool:
        """Whether `stop` was called."""
        return self._stopped

    def stop(self) -> None:
        """Make `get` return None from now on. From any thread and from signal handlers of the main thread."""
        self._stopped = True
        if self._there.acquire(blocking=False):  # a signal may come while the main thread holds it
            self._there.notify_all()
            self._there.release()

    def die(self, error: BaseException) -> None:
        """A thread died: `get` raises from now on."""
        with self._there:
            self._died = self._died or error
            self._there.notify_all()

    def _replace(self, event: EyeRead | TrackAt) -> bool:
        """Put it in the place of an older one of its kind, if that is the last of them and still waits."""
        for at in range(len(self._events) - 1, -1, -1):
            waiting = self._events[at]
            if isinstance(event, EyeRead) and isinstance(waiting, EyeRead):
                self._events[at] = event
                return True
            if isinstance(event, EyeRead) and isinstance(waiting, EyeOpened | EyeClosed):
                return False
            if isinstance(event, TrackAt) and not isinstance(waiting, EyeRead):
                if isinstance(waiting, TrackAt) and waiting.serial == event.serial:
                    self._events[at] = event
                    return True
                return False
        return False

    def _drop(self) -> None:
        self.dropped += 1
        if self.dropped & (self.dropped - 1) == 0:  # the first, second, fourth, eighth ...
            log.warning("The inbox is full (%d events): %d commands were dropped so far.", self._full, self.dropped)
