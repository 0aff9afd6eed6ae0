"""The conductor's end of the control socket. A surface: it decides nothing.

Its thread runs an event loop that serves all connections. The main thread calls `show` and `notify`, which only leave a
message for that loop.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import logging
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from device.control import address
from device.control.connection import LARGEST_LINE, Connection, Questions, SlowQuestions
from device.control.documents import PartsRenderer, digest, plain
from device.domain import Announce, Answer, Asked, Command, Event, Handled, Misunderstood, Now, Origin, Snapshot

log = logging.getLogger("affetto.control")

NAME = "control"
MOST = 64  # connections
PUBLISH_S = 0.2  # the shortest time between two snapshots
RETRY_S = 1.0  # how often a client that was behind gets another chance
MOST_LISTED = 1_000_000  # entries of a list in the answer to a slow question
BEAT_S = 10.0  # if the loop shows no sign of life for this long, it hangs


@dataclass(slots=True)
class Waiting:
    """A command that somebody waits for. Holds the origin, so that its identity stays unique."""

    origin: Origin
    connection: Connection
    number: int
    refusals: list[str] = field(default_factory=list)


class ControlSurface:
    """Serves `control.sock` in `data_dir`. `slow_questions`: what clients may ask for, besides the cover."""

    def __init__(
        self, data_dir: Path, put: Callable[[Event], None], slow_questions: SlowQuestions | None = None
    ) -> None:
        self._path, self._put = address.socket_path(data_dir), put
        self._questions: Questions = {"cover": self._cover}
        self._slow_questions = slow_questions or {}
        self._finding_out = asyncio.Lock()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="control", daemon=True)
        self._socket: socket.socket | None = None
        self._snapshot: Snapshot | None = None
        self._woken = self._closing = False
        # What follows belongs to the thread of the loop.
        self._connections: set[Connection] = set()
        self._waiting: dict[int, Waiting] = {}
        self._renderer = PartsRenderer()
        self._wake = asyncio.Event()
        self._beat_s = time.monotonic()
        self._error: BaseException | None = None

    @property
    def alive(self) -> bool:
        """Whether the thread works; true if the socket could not be made, which only a log line tells."""
        if self._socket is None or self._closing:
            return True
        return self._thread.is_alive() and time.monotonic() < self._beat_s + BEAT_S

    def start(self) -> None:
        """Listen, and serve on a thread of its own."""
        try:
            self._socket = address.listen(self._path)
        except OSError as error:
            log.warning(
                "%s cannot be created (%s); the phone page and commands such as `affetto set` will not work.",
                self._path, error.strerror or error,
            )  # fmt: skip
            return
        self._beat_s = time.monotonic()
        self._thread.start()

    def show(self, snapshot: Snapshot, now: Now) -> None:
        """Leave the newest snapshot for the subscribers."""
        self._snapshot = snapshot
        if not self._woken and self._thread.is_alive():
            self._woken = True
            self._call(self._wake.set)

    def notify(self, notice: Announce | Answer | Handled) -> None:
        """Answer the client whose command was handled, and tell subscribers what happened."""
        if isinstance(notice, Announce):
            event = {"event_type": str(notice.event_type), **plain(notice.facts)}
            self._call(lambda: self._tell(event))
        elif notice.origin.surface == NAME:
            self._call(lambda: self._take(notice))

    def close(self) -> None:
        """End all connections and remove the socket. Idempotent."""
        self._closing = True
        if self._thread.is_alive():
            self._call(self._loop.stop)
            self._thread.join(2.0)
        if self._socket is not None:
            self._socket.close()
            self._socket = None
            with contextlib.suppress(OSError):
                self._path.unlink()
        if not self._loop.is_running() and not self._loop.is_closed():
            self._loop.close()

    def _call(self, job: Callable[[], object]) -> None:
        """Run `job` on the loop's thread."""
        with contextlib.suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(job)

    # --- The thread of the loop ---

    def _run(self) -> None:
        self._loop.set_exception_handler(self._failed)
        publishing = self._loop.create_task(self._publish())
        publishing.add_done_callback(lambda task: None if task.cancelled() else self._loop.stop())
        self._loop.run_forever()
        if publishing.done() and not publishing.cancelled():
            self._error = self._error or publishing.exception()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        for connection in list(self._connections):
            connection.drop()
        self._loop.run_until_complete(asyncio.sleep(0))
        if self._error is not None and not self._closing:
            raise self._error

    def _failed(self, loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        """An unexpected exception ends the thread, and so the process."""
        error = context.get("exception")
        if isinstance(error, ConnectionError):
            return
        self._error = error if isinstance(error, BaseException) else RuntimeError(str(context.get("message")))
        loop.stop()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(writer, self._obey, self._questions, self._find_out)
        sock = writer.get_extra_info("socket")
        full = len(self._connections) >= MOST
        if full or not address.may_use(sock):
            connection.answer(
                0, f"{MOST} clients are connected; close one." if full else "You may not use this socket."
            )
            writer.close()
            return
        self._connections.add(connection)
        try:
            while line := await reader.readline():
                connection.take(line)
                if connection.subscribed:
                    self._wake.set()
                await writer.drain()
        except ValueError:
            connection.answer(0, f"A line has at most {LARGEST_LINE} bytes.")
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._connections.discard(connection)
            self._waiting = {key: one for key, one in self._waiting.items() if one.connection is not connection}
            writer.close()

    def _obey(self, connection: Connection, number: int, who: str, line: str, command: Command | str) -> None:
        origin = Origin(NAME, who or "a program on this device", line)
        self._waiting[id(origin)] = Waiting(origin, connection, number)
        self._put(Misunderstood(origin, command) if isinstance(command, str) else Asked(command, origin))

    def _take(self, notice: Answer | Handled) -> None:
        """The session's word about a command. If nobody waits for it any longer, a stream has failed after it began."""
        key = id(notice.origin)
        if (waiting := self._waiting.get(key)) is None:
            return
        if isinstance(notice, Answer):
            waiting.refusals.append(notice.message)
            return
        del self._waiting[key]
        waiting.connection.waiting -= 1
        waiting.connection.answer(waiting.number, str(plain(" ".join(waiting.refusals))))

    async def _find_out(self, name: str) -> object:
        """The answer to a slow question. Raises KeyError if there is none by this name."""
        question = self._slow_questions[name]
        async with self._finding_out:
            return plain(await _in_thread(question), MOST_LISTED)

    def _cover(self) -> dict[str, str]:
        """The cover of the track that plays, as a JPEG in base64; empty for none."""
        picture = self._snapshot.playback.cover if self._snapshot is not None else b""
        return {"digest": digest(picture), "jpeg": base64.b64encode(picture).decode()}

    def _tell(self, event: dict[str, object]) -> None:
        for connection in self._connections:
            connection.notice(event)

    async def _publish(self) -> None:
        """Listen, and send snapshots as long as the loop runs."""
        assert self._socket is not None
        # start_unix_server of Python 3.13 looks for the socket at its address, which is valid only while it binds
        await asyncio.start_server(self._serve, sock=self._socket, limit=LARGEST_LINE)
        while True:
            self._beat_s = time.monotonic()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), RETRY_S)
            self._wake.clear()
            self._woken = False
            subscribers = [one for one in self._connections if one.subscribed]
            if subscribers and self._snapshot is not None:
                self._renderer.render(self._snapshot)
                for connection in subscribers:
                    connection.offer(self._renderer.parts, time.monotonic())
            await asyncio.sleep(PUBLISH_S)


async def _in_thread(job: Callable[[], object]) -> object:
    """What `job` returns, on a daemon thread: the program can end before the job does."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[object] = loop.create_future()

    def settle(result: object, error: Exception | None) -> None:
        if not future.done():
            future.set_result(result) if error is None else future.set_exception(error)

    def run() -> None:
        try:
            result, error = job(), None
        except Exception as failed:  # raised where it is awaited
            result, error = None, failed
        with contextlib.suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(settle, result, error)

    threading.Thread(target=run, name="question", daemon=True).start()
    return await future
