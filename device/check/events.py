"""Waiting for an event, on the thread that asks. Threads of the broker's and the eye's adapters put them."""

from __future__ import annotations

import queue
import time
from typing import TypeVar

Event = TypeVar("Event")



def wait_for(events: queue.SimpleQueue[Event], patience_s: float, *kinds: type[Event]) -> Event | None:
    """The next event of one of these kinds, or None when the time is up."""
    end_s = time.monotonic() + patience_s
    while (left_s := end_s - time.monotonic()) > 0:
        try:
            event = events.get(timeout=left_s)
        except queue.Empty:
            break
        if isinstance(event, kinds):
            return event
    return None
