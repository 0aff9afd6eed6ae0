"""The progress of a scan, on stderr: bars on a terminal, otherwise a line from time to time."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from device.console import count
from device.scan.report import one_line

LINE_S = 15.0  # between two lines without a terminal
LONGEST_NAME = 30


class Display(Protocol):
    """Shows the progress of a scan."""

    def read(self, done: int, total: int | None) -> None:
        """`done` of `total` files are read; None: `done` files are found so far."""

    def analyse(self, done: int, total: int, name: str) -> None:
        """`done` of `total` tracks are analysed, and the one called `name` is next."""


@contextmanager
def display(console: Console) -> Iterator[Display]:
    """The display that suits the console."""
    if not console.is_terminal:
        yield Lines()
        return
    columns = (
        SpinnerColumn(), TextColumn("{task.description}"), BarColumn(20), TextColumn("{task.fields[count]}"),
        TimeElapsedColumn(), TimeRemainingColumn(), TextColumn("{task.fields[name]}"),
    )  # fmt: skip
    with Progress(*columns, console=console, speed_estimate_period=120) as progress:
        yield Bars(progress)


class Bars:
    """One bar for reading tags and one for the analysis, which takes a hundred times as long. A spinner and a clock run
    while a single track takes its time, and before the first is done."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._reading = progress.add_task("Searching", total=None, count="", name="")
        self._analysing = progress.add_task("Analysing", total=None, count="", name="", start=False, visible=False)

    def read(self, done: int, total: int | None) -> None:
        """See `Display`."""
        if total is None:
            self._progress.update(self._reading, count=count(done, "file"))
            return
        words = f"{done:,}/{total:,}" if total else "nothing new"
        self._progress.update(
            self._reading, description="Reading", total=max(total, 1), completed=done if total else 1, count=words
        )

    def analyse(self, done: int, total: int, name: str) -> None:
        """See `Display`."""
        if not self._progress.tasks[self._analysing].started:
            self._progress.start_task(self._analysing)
        shown = one_line(name)
        shown = shown if len(shown) <= LONGEST_NAME else shown[: LONGEST_NAME - 1] + "…"
        self._progress.update(
            self._analysing, visible=True, total=max(total, 1), completed=done if total else 1,
            count=f"{done:,}/{total:,}", name=escape(shown),
        )  # fmt: skip


class Lines:
    """A line now and then, for logs and pipes."""

    def __init__(
        self, write: Callable[[str], object] = lambda line: print(line, file=sys.stderr, flush=True),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._write, self._clock = write, clock
        self._due = clock() + LINE_S

    def read(self, done: int, total: int | None) -> None:
        """See `Display`."""
        self._line(f"Searching: {count(done, 'file')} found" if total is None else f"Reading: {done:,} of {total:,}")

    def analyse(self, done: int, total: int, name: str) -> None:
        """See `Display`."""
        self._line(f"Analysing: {done:,} of {total:,}")

    def _line(self, words: str) -> None:
        if self._clock() >= self._due:
            self._due = self._clock() + LINE_S
            self._write(words)
