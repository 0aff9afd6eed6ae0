"""The only way into the main thread: a bounded queue of events, in which readings coalesce.

Any thread puts, the main thread gets. A new reading replaces one that still waits, because only the newest matters.
A full inbox drops what comes from outside (commands, and messages of the group, which repeats them) and logs that. All
other events are few and always fit.
"""

from __future__ import annotations

import logging
import threading
from collections import deque

from device.domain import Asked, Event, EyeClosed, EyeOpened, EyeRead, FromGroup, Linked, Misunderstood, TrackAt

log = logging.getLogger("affetto")

FULL = 1000
SWITCH_S = 0.001  # how long another thread may keep the interpreter while the main thread waits for it


class ThreadDied(Exception):
    """A thread ended with an unexpected exception."""


class Inbox:
    """Events in order of arrival. `dropped` counts messages that did not fit."""

    def __init__(self, full: int = FULL) -> None:
        self.dropped = 0
        self._full = full
        self._events: deque[Event] = deque()
        self._changed = threading.Condition()
        self._stopped = False
        self._died: BaseException | None = None

    def __len__(self) -> int:
        return len(self._events)

    def put(self, event: Event) -> None:
        """Add an event. From any thread; never waits."""
        with self._changed:
            if isinstance(event, EyeRead | TrackAt) and self._replace(event):
                return
            if len(self._events) >= self._full and _from_outside(event):
                self._drop()
                return
            self._events.append(event)
            self._changed.notify()

    def get(self, timeout_s: float) -> Event | None:
        """The oldest event; None after `timeout_s` without one, or after `stop`. Raises `ThreadDied` as soon as a
        thread has died."""
        with self._changed:
            self._changed.wait_for(lambda: self._events or self._stopped or self._died, max(0.0, timeout_s))
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
        if self._changed.acquire(blocking=False):  # a signal may arrive while the main thread holds it
            self._changed.notify_all()
            self._changed.release()

    def fail(self, error: BaseException) -> None:
        """A thread died of `error`: `get` raises from now on."""
        with self._changed:
            self._died = self._died or error
            self._changed.notify_all()

    def _replace(self, event: EyeRead | TrackAt) -> bool:
        """Replace an older event of the same kind that still waits, if no other event forbids that."""
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
            log.warning("The inbox is full (%d events); %d messages dropped so far.", self._full, self.dropped)


def _from_outside(event: Event) -> bool:
    """Whether others decide how many such events there are. `Linked` tells of our own connection."""
    return isinstance(event, Asked | Misunderstood) or (
        isinstance(event, FromGroup) and not isinstance(event.news, Linked)
    )
