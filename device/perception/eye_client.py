"""The conductor's side of the eye: connects, listens, and brings a lost eye back.

Open means that the camera is on. A thread connects to the eye's socket, or starts the eye as a child, puts what it
sends into the inbox, and decides nothing. It ends an eye that breaks off, sends nonsense, sends too much or falls
silent, and starts it again, later each time. This module never touches a frame, and imports nothing that could.
"""

from __future__ import annotations

import logging
import select
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from device.backoff import Backoff
from device.config.schema import CameraConfig
from device.domain import Event, EyeClosed, EyeOpened, EyeRead, Reading
from device.errors import LinkError
from device.perception.eye_process import EyeConnection, EyeProcess, SocketEye
from device.perception.protocol import HEARTBEAT_S, MAX_LINE, OPENING_S, Hello, Lines, Trouble, parse, silence_s

log = logging.getLogger("affetto.eye")

RESTARTS = Backoff()
CLOSE_S = 2.0  # to end an eye; see eye_process.py
LATE_S = 10.0  # how far behind its word the thread may be on a board that is busy
LASTING = 4  # so many failures in a row are more than a moment's
FASTEST_HZ, BURST = 60, 4096  # readings: twice what any camera gives, and what the socket holds after a pause
OLDEST_S, NEWEST_S = 120.0, 1.0  # how far a reading's time may lie before and after ours


class EyeClient:
    """Opens and closes the eye; puts `EyeOpened`, `EyeRead` and `EyeClosed` through `put`.

    `open` and `close` return at once, and may come again and in any order; each opening ends in `EyeClosed("")` once
    it is closed. `command` starts the eye instead of `python -m device eye`; the socket's number is added.
    """

    def __init__(
        self,
        config: CameraConfig,
        config_path: Path | None,
        put: Callable[[Event], None],
        *,
        command: Sequence[str] = (),
        backoff: Backoff = RESTARTS,
    ) -> None:
        named = ("--config", str(config_path)) if config_path is not None else ()
        self._command = tuple(command) or (sys.executable, "-m", "device", "eye", *named)
        self._config, self._put, self._backoff = config, put, backoff
        self._supervisor: Supervisor | None = None

    @property
    def pid(self) -> int | None:
        """The process number of the eye while it is a child of ours."""
        return self._supervisor.pid if self._supervisor is not None else None

    @property
    def alive(self) -> bool:
        """Whether readings come, or the thread sees to it that they will. False only if the thread itself hangs or has
        died, which nothing but a new process cures. Always true while the camera is off."""
        return self._supervisor is None or self._supervisor.alive

    def open(self) -> None:
        """Switch the camera on. The old eye is gone before the new one starts: both want the same camera."""
        if self._supervisor is None or self._supervisor.closing:
            before = self._supervisor
            self._supervisor = Supervisor(self._config, self._command, self._put, self._backoff, before)

    def close(self) -> None:
        """Switch the camera off; a child is gone within 2 s."""
        if self._supervisor is not None:
            self._supervisor.close()

    def join(self, timeout_s: float = 3.0) -> bool:
        """Wait until a closed eye has let go of everything; whether it has."""
        return self._supervisor is None or self._supervisor.join(timeout_s)


class Supervisor:
    """One time that the camera is on: a thread that keeps a connection to an eye, again and again until `close`."""

    def __init__(
        self,
        config: CameraConfig,
        command: tuple[str, ...],
        put: Callable[[Event], None],
        backoff: Backoff,
        before: Supervisor | None,
    ) -> None:
        self._config, self._command, self._put, self._backoff = config, command, put, backoff
        self._before = before
        self._connection: EyeConnection | None = None
        # close() has to wake the thread wherever it waits for the eye, so it makes a socket readable
        self._wake, self._waker = socket.socketpair()
        self.closing = False
        self._due_s = time.monotonic() + CLOSE_S  # by then the thread sets a new time, or it hangs
        # not a daemon thread: Python waits for it at the end, so that a child is gone before the conductor is
        self._thread = threading.Thread(target=self._run, name="eye client")
        self._thread.start()

    @property
    def pid(self) -> int | None:
        connection = self._connection
        return connection.pid if connection is not None else None

    @property
    def alive(self) -> bool:
        if not self._thread.is_alive():
            return self.closing
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
            failures = self._backoff.count(failures, time.monotonic() - began_s)
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
            path = self._config.eye_socket
            connection: EyeConnection = SocketEye(path) if path else EyeProcess(self._command)
        except LinkError as error:
            return str(error)
        self._connection = connection
        problem = ""
        try:
            self._listen(connection.sock)
        except LinkError as error:
            problem = str(error)
        self._due_s = time.monotonic() + CLOSE_S
        ending = connection.close()
        self._connection = None
        return problem or ending

    def _listen(self, sock: socket.socket) -> None:
        """Pass on what the eye sends until it or we close; raises LinkError for a problem."""
        lines, conversation = Lines(), Conversation(time.monotonic())
        self._due_s = deadline_s = time.monotonic() + OPENING_S + HEARTBEAT_S
        while chunk := self._receive(sock, deadline_s):
            for line in lines.feed(chunk):
                self._put(conversation.take(line, time.monotonic()))
                self._due_s = deadline_s = time.monotonic() + silence_s(self._config) + HEARTBEAT_S

    def _receive(self, sock: socket.socket, deadline_s: float) -> bytes:
        """The next bytes, or none when the eye has closed or we are to close; LinkError when the time is up."""
        while not self._over():
            left_s = deadline_s - time.monotonic()
            if left_s <= 0:
                raise LinkError("The eye has fallen silent, and its camera may hang; Affetto starts it again.")
            if sock.fileno() in self._await(sock, min(left_s, 1.0)):
                try:
                    return sock.recv(MAX_LINE)
                except OSError:
                    return b""
        return b""

    def _rest(self, wait_s: float) -> None:
        self._due_s = until_s = time.monotonic() + wait_s
        while not self._over() and (left_s := until_s - time.monotonic()) > 0:
            self._await(None, min(left_s, 1.0))

    def _await(self, sock: socket.socket | None, timeout_s: float) -> set[int]:
        """Wait for bytes on `sock`, or for `close`; returns the numbers of the sockets that have something."""
        poll = select.poll()
        for one in (self._wake, sock):
            if one is not None:
                poll.register(one, select.POLLIN)
        return {number for number, _ in poll.poll(timeout_s * 1000)}


class Conversation:
    """What an eye may send when: one greeting, then readings of now, no faster than a camera. No clock of its own."""

    def __init__(self, began_s: float) -> None:
        self._greeted = False
        self._budget, self._at_s = float(BURST), began_s  # readings that may come now (a token bucket), and since when

    def take(self, line: bytes, now_s: float) -> Event:
        """What a line means at `now_s` (CLOCK_MONOTONIC). LinkError for trouble, and for what may not come now."""
        message = parse(line)
        if isinstance(message, Trouble):
            raise LinkError(message.problem)
        if isinstance(message, Hello) is self._greeted:
            raise LinkError("The eye greets at the wrong time; Affetto starts it again.")
        self._greeted = True
        if isinstance(message, Hello):
            return EyeOpened(message.camera)
        self._check(message, now_s)
        return EyeRead(message)

    def _check(self, reading: Reading, now_s: float) -> None:
        if not now_s - OLDEST_S <= reading.at_s <= now_s + NEWEST_S:  # both processes share the clock
            raise LinkError("The eye sent a reading of another time; Affetto starts it again.")
        self._budget = min(self._budget + FASTEST_HZ * (now_s - self._at_s), BURST) - 1
        self._at_s = now_s
        if self._budget < 0:
            raise LinkError("The eye sends more readings than a camera can give; Affetto starts it again.")
