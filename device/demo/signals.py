"""Let SIGTERM and SIGHUP (the terminal closed) end a program like Ctrl-C: with an exception, so that it cleans up."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

ENDINGS = (signal.SIGTERM, signal.SIGHUP)


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Raise SystemExit in the main thread for a signal that ends the program. Only the first one counts, so that the
    clean-up is not interrupted. A signal that was ignored before (nohup) stays ignored. Main thread."""
    before = {number: signal.getsignal(number) for number in ENDINGS}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, _end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(number: int, _frame: FrameType | None) -> None:
    for other in ENDINGS:
        signal.signal(other, signal.SIG_IGN)
    if number == signal.SIGHUP:  # the terminal is gone, and writing to it would fail
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nowhere, stream)
    sys.exit(128 + number)
