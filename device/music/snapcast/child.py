"""Runs a program of Snapcast as a child process, and restarts it when it exits.

Runs on the event loop of the group's sound. The kernel ends the child when the loop's thread ends (device/leash.py).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
import time
from collections.abc import Sequence

from device.backoff import Backoff
from device.leash import leashed
from device.music.snapcast.tasks import Endless, within

log = logging.getLogger("affetto")

BACKOFF = Backoff(first_s=0.2, longest_s=10.0, healthy_s=10.0)
GOODBYE_S = 1.0


def missing(program: str) -> str:
    """A sentence if `program` is not installed; empty if it is."""
    return "" if shutil.which(program) else f"{program} is not installed: sudo apt-get install {program}"


class Child:
    """One program that runs until `close`; `check` raises what nobody expected. `close` kills what does not end within
    `GOODBYE_S`."""

    def __init__(self, words: Sequence[str]) -> None:
        """Starts it. Call it on the event loop."""
        self.problem = ""
        self._words = words
        self._process: asyncio.subprocess.Process | None = None
        self._last = ""  # the last line that it said
        self._task = Endless(self._keep())
        self.check, self.close = self._task.check, self._task.close

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        return self._process.pid if self._process is not None else None

    async def _keep(self) -> None:
        failures = 0
        while True:
            begun_s = time.monotonic()
            try:
                reason = missing(self._words[0]) or await self._run(self._words)
            finally:
                await self._end()
            failures = BACKOFF.count(failures, time.monotonic() - begun_s)
            self.problem = reason
            await asyncio.sleep(BACKOFF.after(failures))

    async def _run(self, words: Sequence[str]) -> str:
        """One life of the program; why it ended."""
        try:
            self._process = await asyncio.create_subprocess_exec(
                *leashed(words), stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        except OSError as error:  # no memory, or too many processes
            return f"{words[0]} cannot be started ({error.strerror or error})"
        watching = asyncio.get_running_loop().create_task(self._find_healthy())
        try:
            await self._listen(self._process)
            status = await self._process.wait()
        finally:
            watching.cancel()
        return f"{words[0]} ended with status {status}" + (f": {self._last}" if self._last else "")

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        while True:
            try:
                line = await process.stdout.readline()
            except ValueError:  # longer than asyncio's limit; the rest of it follows
                continue
            if not line:
                return
            self._last = line.decode("utf-8", "replace").strip()[:200] or self._last
            log.debug("%s", self._last)

    async def _find_healthy(self) -> None:
        """A program that runs for a while has no problem."""
        await asyncio.sleep(BACKOFF.first_s * 5)
        self.problem = ""

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            await within(GOODBYE_S, process.wait())
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
