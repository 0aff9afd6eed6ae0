"""The device on UPnP: a surface. Decides nothing.

The main thread calls `show` and `notify`, which only leave a message for the event loop. That runs on a thread of its
own, which also loads aiohttp, so that the device starts without waiting for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from device import __version__
from device.config.schema import Config
from device.domain import Announce, Answer, Asked, Command, Event, Handled, Now, Origin, Snapshot
from device.domain.library import Library

if TYPE_CHECKING:
    from device.upnp.host import Host

log = logging.getLogger("affetto.upnp")

NAME = "UPnP"
BEAT_S = 5.0  # also how often to look for new addresses
HANGS_S = 20.0  # without a beat for this long, the loop hangs
GOODBYE_S = 3.0
ANSWER_S = 20.0  # the main thread answers within milliseconds; after this it answers nobody


@dataclass(slots=True)
class Waiting:
    """A command whose answer a control point waits for. Holds the origin, so that its identity stays unique."""

    origin: Origin
    answer: asyncio.Future[str]
    refusals: list[str] = field(default_factory=list)


class UpnpAdapter:
    """`library`: what the media server offers; None for no media server."""

    def __init__(self, config: Config, put: Callable[[Event], None], library: Library | None = None) -> None:
        self._config, self._put, self._library = config, put, library
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="upnp", daemon=True)
        self._shown: Snapshot | None = None
        self._closing = False
        self._beat_s: float | None = None
        # What follows belongs to the thread of the loop.
        self._host: Host | None = None
        self._waiting: dict[int, Waiting] = {}
        self._error: BaseException | None = None

    @property
    def alive(self) -> bool:
        """Whether the thread works as it should."""
        if self._closing:
            return True
        beats = self._beat_s is None or time.monotonic() - self._beat_s < HANGS_S
        return self._thread.is_alive() and beats

    def start(self) -> None:
        """Appear in the network."""
        self._thread.start()

    def show(self, snapshot: Snapshot, now: Now) -> None:
        """Leave the newest snapshot for the loop, if it shows anything new here."""
        before, self._shown = self._shown, snapshot
        if before is None or before.playback != snapshot.playback or before.health.tracks != snapshot.health.tracks:
            self._call(self._show)

    def notify(self, notice: Announce | Answer | Handled) -> None:
        """Answer the control point whose command was handled."""
        if not isinstance(notice, Announce) and notice.origin.surface == NAME:
            self._call(lambda: self._take(notice))

    def close(self) -> None:
        """Say goodbye to the network, and stop. Idempotent."""
        if self._closing or not self._thread.is_alive():
            self._closing = True
            return
        self._closing = True
        self._call(self._loop.stop)
        self._thread.join(GOODBYE_S)

    def _call(self, job: Callable[[], object]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(job)

    # --- The thread of the loop ---

    def _run(self) -> None:
        from device.upnp.host import Host  # loads aiohttp: 12 MB, and seconds on a small board

        self._loop.set_exception_handler(self._failed)
        asyncio.set_event_loop(self._loop)
        self._host = Host(self._config, __version__, self._obey, self._library)
        living = self._loop.create_task(self._live(self._host))
        living.add_done_callback(_raise_error)
        self._loop.run_forever()
        living.cancel()
        self._loop.run_until_complete(self._host.close())
        self._loop.close()
        if self._error is not None:
            raise self._error

    async def _live(self, host: Host) -> None:
        """Wait for the first snapshot, appear, follow the network, and give signs of life."""
        while self._shown is None:
            await asyncio.sleep(0.05)
        self._show()
        await host.start()
        while True:
            self._beat_s = time.monotonic()
            await asyncio.sleep(BEAT_S)
            await host.follow()

    def _failed(self, loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        """An unexpected exception ends the thread, and so the process."""
        error = context.get("exception")
        if isinstance(error, ConnectionError):
            return
        self._error = error if isinstance(error, BaseException) else RuntimeError(str(context.get("message")))
        loop.stop()

    def _show(self) -> None:
        if self._host is not None and self._shown is not None:
            self._host.show(self._shown)

    def _take(self, notice: Answer | Handled) -> None:
        waiting = self._waiting.get(id(notice.origin))
        if waiting is None:
            return
        if isinstance(notice, Answer):
            waiting.refusals.append(notice.message)
        elif not waiting.answer.done():
            waiting.answer.set_result(" ".join(waiting.refusals))

    async def _obey(self, command: Command, what: str, peer: str) -> str:
        """Ask the session, and wait for its answer: the refusal, or nothing."""
        waiting = Waiting(Origin(NAME, what, peer), self._loop.create_future())
        self._waiting[id(waiting.origin)] = waiting
        self._put(Asked(command, waiting.origin))
        try:
            return await asyncio.wait_for(waiting.answer, ANSWER_S)
        except TimeoutError:
            return "The device is too busy to answer."
        finally:
            del self._waiting[id(waiting.origin)]


def _raise_error(task: asyncio.Task[None]) -> None:
    """Hand an unexpected exception of a task to the loop's exception handler."""
    if not task.cancelled() and (error := task.exception()) is not None:
        raise error
