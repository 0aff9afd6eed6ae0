"""What tools/quantize.py shows while it works: bars on a terminal, one line a step in a pipe or a log."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn


class Display:
    """Prints sentences and shows steps. Enter it once; a bar moves from its first moment on, and shows its seconds."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._bars = Progress(
            TextColumn("{task.description:32}"), BarColumn(), TextColumn("{task.fields[count]:>11}"),
            TimeElapsedColumn(), console=console, transient=True, disable=not console.is_terminal,
        )  # fmt: skip

    def __enter__(self) -> Display:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def say(self, sentence: str = "", style: str | None = None) -> None:
        self.console.print(sentence, style=style, markup=False)

    def warn(self, sentence: str) -> None:
        self.say(f"quantize: warning: {sentence}", "yellow")

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        """A step of unknown length."""
        task = self._begin(what)
        try:
            yield
        finally:
            self._bars.remove_task(task)

    def track(self, what: str, rows: Iterable[Any]) -> Iterator[Any]:
        """Pass `rows` on, and count them."""
        total = len(rows) if hasattr(rows, "__len__") else None
        with self.counted(what, total) as count:
            for number, row in enumerate(rows, 1):
                yield row
                count(number)

    @contextmanager
    def counted(self, what: str, total: int | None) -> Iterator[Any]:
        """Yields a function that takes the number done. The bar pulses until the first one, so it never stands at 0."""
        task = self._begin(what)

        def count(done: int) -> None:
            words = f"{done}/{total}" if total else f"{done}"
            self._bars.update(task, total=total, completed=done, count=words)

        try:
            yield count
        finally:
            self._bars.remove_task(task)

    def _begin(self, what: str) -> Any:
        if not self.console.is_terminal:
            self.say(f"{what} ...")
        return self._bars.add_task(what, total=None, count="")
