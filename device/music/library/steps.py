"""Large lists in small steps, so that other threads get their turn.

Python runs one thread at a time. A thread that sorts or frees 100,000 objects in one call keeps the others waiting for
as long as that takes. So does one that makes a short system call for each object: it gives way for some microseconds
only, too short for another thread to wake up, and by doing so restarts the 5 ms after which Python would make it
give way. Measured (bench/waiting.py) without these steps: 50 ms.
"""

from __future__ import annotations

import heapq
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

STEP = 1000  # items; sorting or freeing so many takes about a millisecond

WORK_S = 0.002  # then the thread pauses
PAUSE_S = 0.0001

T = TypeVar("T")


def hurry() -> None:
    """In the place of a `Pace`, for work that somebody waits for."""


class Pace:
    """Call it once for each object: it gives way to other threads when it is time to, for `pause_s`. A thread that
    reads rows needs the interpreter for each row; it gets on only while all others pause for longer."""

    def __init__(self, pause_s: float = PAUSE_S) -> None:
        self._pause_s = pause_s
        self._began = time.perf_counter()

    def __call__(self) -> None:
        if time.perf_counter() - self._began > WORK_S:
            time.sleep(self._pause_s)
            self._began = time.perf_counter()


def sort(items: Sequence[T], key: Callable[[T], Any]) -> Iterator[T]:
    """The items in the order of `key`."""
    if len(items) <= STEP:
        return iter(sorted(items, key=key))
    return heapq.merge(*(sorted(items[at : at + STEP], key=key) for at in range(0, len(items), STEP)), key=key)


def drain(items: deque[T]) -> Iterator[T]:
    """The items in order; each leaves the queue, and memory, before the next comes."""
    while items:
        yield items.popleft()


def free(items: deque[T]) -> None:
    """Let go of the items."""
    pace = Pace()
    while items:
        items.popleft()
        pace()


def batches(items: deque[T]) -> Iterator[list[T]]:
    """The items in order, `STEP` at a time."""
    rest = drain(items)
    while batch := list(islice(rest, STEP)):
        yield batch
