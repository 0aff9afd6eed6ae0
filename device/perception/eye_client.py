"""The conductor's end of the line to the eye: connects, listens, and brings a lost eye back.

Open means that the camera is on. A thread of its own connects to the eye's socket, or starts the eye as a child,
puts what it says into the inbox, and decides nothing. An eye that breaks off, talks nonsense or falls silent is
ended and started again, later each time. This module never touches a frame, and imports nothing that could.
"""

from __future__ import annotations

import logging
import selectors
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from device.config.schema import CameraConfig
from device.domain import Event, EyeClosed, EyeOpened, EyeRead
from device.errors import LinkError
from device.perception.eye_process import EyeProcess, Line, SocketEye
from device.perception.protocol import HEARTBEAT_S, MAX_LINE, OPENING_S, Hello, Lines, Trouble, parse, silence_s

log = logging.getLogger("affetto.eye")

CLOSE_S = 2.0  # to end an eye; see child.py
LATE_S = 10.0  # how far behind its word the thread may be on a board that is busy
LASTING = 4  # so many failures in a row are not a moment's


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to wait before the next try: doubling from `first_s` to `longest_s`, and from the start again after a
    connection that held for `healthy_s`."""

    first_s: float = 1.0
    longest_s: float = 300.0  # a camera that is broken for good costs next to nothing
    healthy_s: float = 60.0

    def after(self, failures: int) -> float:
        """The wait after so many failures in a row (1 or more)."""
        return min(self.first_s * 2.0 ** min(failures - 1, 32), self.longest_s)


class EyeClient:
    """Opens and closes the eye, and says `EyeOpened`, `EyeRead` and `EyeClosed` through `put`.

    `open` and `close` return at once and may be called again and in any order; each opening ends in `EyeClosed("")`
    once it is closed. `command` starts the eye instead of `python -m device eye`; the socket's number is added.
    """

    def __init__(
        self,
        config: CameraConfig,
        config_path: Path | None,
        put: Callable[[Event], None],
        *,
        command: Sequence[str] = (),
        backoff: Backoff = Backoff(),
    ) -> None:
        named = ("--config", str(config_path)) if config_path is not None else ()
        self._command = tuple(command) or (sys.executable, "-m", "device", "eye", *named)
        self._config, self._put, self._backoff = config, put, backoff
        self._opening: Opening | None = None

    @property
    def pid(self) -> int | None:
        """The process number of the eye while it is a child of ours."""
        return self._opening.pid if self._opening is not None else None

    @property
    def alive(self) -> bool:
        """Whether readings come, or the link is seeing to it that they will; false only if the link itself hangs or has
        died, which nothing but a new process cures. Always true while the camera is off."""
        return self._opening is None or self._opening.alive

    def open(self) -> None:
        """Switch the camera on. The old eye is gone before the new one starts: both want the same camera."""
        if self._opening is None or self._opening.closing:
            before = self._opening
            self._opening = Opening(self._config, self._command, self._put, self._backoff, before)

    def close(self) -> None:
        """Switch the camera off; a child is gone within 2 s."""
        if self._opening is not None:
            self._opening.close()

    def join(self, timeout_s: float = 3.0) -> bool:
        """Wait until a closed link has let go of everything; whether it has."""
        return self._opening is None or self._opening.join(timeout_s)


class Opening:
    """One time that the link is open: a thread that holds a connection, again and again until `close`."""

    def __init__(
        self,
        config: CameraConfig,
        command: tuple[str, ...],
        put: Callable[[Event], None],
        backoff: Backoff,
        before: Opening | None,
    ) -> None:
        self._config, self._command, self._put, self._backoff = config, command, put, backoff
        self._before = before
        self._line: Line | None = None
        # close() has to wake the thread wherever it waits for the eye, so it makes a socket readable
        self._wake, self._waker = socket.socketpair()
        self.closing = False
        self._due_s = time.monotonic() + CLOSE_S  # when the thread will have been heard of again, by its own word
        # not a daemon thread: Python waits for it at the end, so that a child is gone before the conductor is
        self._thread = threading.Thread(target=self._run, name="eye link")
        self._thread.start()

    @property
    def pid(self) -> int | None:
        line = self._line
        return line.pid if line is not None else None

    @property
    def alive(self) -> bool:
        if not self._thread.is_alive():
            return self.closing  # it ended because it was asked to
        return time.monotonic() < self._due_s + LATE_S

    def close(self) -> None:
        self.closing = True
        self._waker.close()

    def join(self, timeout_s: float | None = None) -> bool:
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        if self._before is not None:
            self._before.join()
            self._before = None
        failures = 0
        while not self._over():
            began_s = time.monotonic()
            problem = self._hold()
            if self._over():
                break
            failures = 1 if time.monotonic() - began_s >= self._backoff.healthy_s else failures + 1
            wait_s = self._backoff.after(failures)
            if failures >= LASTING:
                problem += f" The next try is in {wait_s:.0f} s, or when the camera is switched off and on."
            log.warning("%s", problem)
            self._put(EyeClosed(problem))
            self._rest(wait_s)
        self._put(EyeClosed(""))
        self._waker.close()
        self._wake.close()

    def _over(self) -> bool:
        """Closed, or left behind by a main thread that ended without closing."""
        return self.closing or not threading.main_thread().is_alive()

    def _hold(self) -> str:
        """One connection from beginning to end; returns what was the problem with it."""
        try:
            socket_path = self._config.eye_socket
            line: Line = SocketEye(socket_path) if socket_path else EyeProcess(self._command)
        except LinkError as error:
            return str(error)
        self._line = line
        problem = ""
        try:
            self._listen(line.sock)
        except LinkError as error:
            problem = str(error)
        self._due_s = time.monotonic() + CLOSE_S
        ending = line.close()
        self._line = None
        return problem or ending

    def _listen(self, sock: socket.socket) -> None:
        """Pass on what the eye says until it or we close; raises LinkError for a problem."""
        lines, opened = Lines(), False
        self._due_s = deadline_s = time.monotonic() + OPENING_S + HEARTBEAT_S
        while chunk := self._receive(sock, deadline_s):
            for line in lines.feed(chunk):
                self._put(_event(line, opened))
                opened = True
                self._due_s = deadline_s = time.monotonic() + silence_s(self._config) + HEARTBEAT_S

    def _receive(self, sock: socket.socket, deadline_s: float) -> bytes:
        """The next bytes, or none when the eye has closed or we are to close; LinkError when the time is up."""
        with selectors.DefaultSelector() as selector:
            selector.register(sock, selectors.EVENT_READ)
            selector.register(self._wake, selectors.EVENT_READ)
            while not self._over():
                left_s = deadline_s - time.monotonic()
                if left_s <= 0:
                    raise LinkError("The eye has fallen silent, its camera may hang; it is started again.")
                if any(key.fileobj is sock for key, _ in selector.select(min(left_s, 1.0))):
                    try:
                        return sock.recv(MAX_LINE)
                    except OSError:
                        return b""
        return b""

    def _rest(self, wait_s: float) -> None:
        self._due_s = until_s = time.monotonic() + wait_s
        with selectors.DefaultSelector() as selector:
            selector.register(self._wake, selectors.EVENT_READ)
            while not self._over() and (left_s := until_s - time.monotonic()) > 0:
                selector.select(min(left_s, 1.0))


def _event(line: bytes, opened: bool) -> Event:
    """What a line means; `opened` is whether the eye has greeted already. LinkError for what may not come now."""
    message = parse(line)
    if isinstance(message, Trouble):
        raise LinkError(message.problem)
    if isinstance(message, Hello) is opened:
        raise LinkError("The eye greets at the wrong time; it is started again.")
    return EyeOpened(message.camera) if isinstance(message, Hello) else EyeRead(message)
