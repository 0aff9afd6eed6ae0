"""Large lists in small steps. Python runs one thread at a time, and a thread that sorts or frees 100,000 objects in one
call keeps the others waiting for as long as that takes: a command would not be answered meanwhile. Pure."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

STEP = 1000  # items; sorting or freeing so many takes about a millisecond

T = TypeVar("T")


def sort(items: Sequence[T], key: Callable[[T], Any]) -> Iterator[T]:
    """The items in the order of `key`."""
    if len(items) <= STEP:
        return iter(sorted(items, key=key))
    return heapq.merge(*(sorted(items[at : at + STEP], key=key) for at in range(0, len(items), STEP)), key=key)


def drain(items: deque[T]) -> Iterator[T]:
    """The items in order; each leaves the queue, and memory, before the next comes."""
    while items:
        yield items.popleft()


def batches(items: deque[T]) -> Iterator[list[T]]:
    """The items in order, `STEP` at a time."""
    rest = drain(items)
    while batch := list(islice(rest, STEP)):
        yield batch
