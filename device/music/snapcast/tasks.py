"""Tasks of an event loop that never die silently, and waits with a limit.

Not asyncio.timeout: before Python 3.13, a time that runs out just as the wait succeeds cancels the task's next wait.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Endless:
    """A task that runs until `close`."""

    def __init__(self, work: Coroutine[Any, Any, None]) -> None:
        """Starts it. Call it on the event loop."""
        self._closed = False
        self._task = asyncio.get_running_loop().create_task(work)

    def check(self) -> None:
        """Raise what ended the task, if it has ended before `close`."""
        if self._task.done() and not self._closed:
            self._task.result()
            raise RuntimeError(f"{self._task!r} has ended")

    async def close(self) -> None:
        """Cancel it and wait for its end."""
        self._closed = True
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task


async def within(seconds: float, work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`. Raises TimeoutError, and cancels it, if it takes longer."""
    task = asyncio.get_running_loop().create_task(work)
    try:
        done, _ = await asyncio.wait({task}, timeout=seconds)
        if not done:
            raise TimeoutError
        return task.result()
    finally:
        task.cancel()
