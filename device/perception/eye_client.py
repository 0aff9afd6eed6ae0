"""The conductor's side of the eye: connects, receives readings, and restarts a lost eye.

Open means that the camera is on. A thread connects to the eye's socket, or starts the eye as a child process, puts the
readings into the inbox, and decides nothing. If an eye disconnects, sends invalid data or too much data, or falls
silent, the thread ends and restarts it, after growing waits. This module never handles a frame, and imports nothing
that could.
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
CLOSE_S = 2.0  # the time to end an eye; see eye_process.py
LATE_S = 10.0  # how late the thread may be on a busy board
LASTING = 4  # this many failures in a row are a lasting problem
FASTEST_HZ, BURST = 60, 4096  # the limits for readings: twice any camera's rate, and a full socket after a pause
OLDEST_S, NEWEST_S = 120.0, 1.0  # how far a reading's time may be before and after ours


class EyeClient:
    """Opens and closes the eye; puts `EyeOpened`, `EyeRead` and `EyeClosed`.

    `open` and `close` return at once, and may be called in any order and repeatedly. After `close`, each `open` ends
    with `EyeClosed("")`. `command` replaces `python -m device eye`; the socket's number is appended.
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
        """The process id of the eye, if it is our child."""
        return self._supervisor.pid if self._supervisor is not None else None

    @property
    def alive(self) -> bool:
        """False only if the thread hangs or has died, which only a restart of the process cures. Always true while the
        camera is off."""
        return self._supervisor is None or self._supervisor.alive

    def open(self) -> None:
        """Switch the camera on. The old eye ends before the new one starts, because both need the same camera."""
        if self._supervisor is None or self._supervisor.closing:
            before = self._supervisor
            self._supervisor = Supervisor(self._config, self._command, self._put, self._backoff, before)

    def close(self) -> None:
        """Switch the camera off; a child process ends within 2 s."""
        if self._supervisor is not None:
            self._supervisor.close()

    def join(self, timeout_s: float = 3.0) -> bool:
        """Wait until a closed eye has released everything. Returns whether it has."""
        return self._supervisor is None or self._supervisor.join(timeout_s)


class Supervisor:
    """The period from `open` to `close`: a thread that connects to an eye, again and again."""

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
        # close() must wake the thread wherever it waits for the eye, so it makes a socket readable
        self._wake, self._waker = socket.socketpair()
        self.closing = False
        self._due_s = time.monotonic() + CLOSE_S  # if the thread has set no new time by then, it hangs
        # not a daemon thread: Python waits for it at exit, so that a child ends before the conductor does
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
        """Whether we are closed, or the main thread has ended without closing us."""
        return self.closing or not threading.main_thread().is_alive()

    def _hold(self) -> str:
        """One connection from beginning to end. Returns its problem."""
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
        """Put the eye's events until either side closes. Raises LinkError."""
        lines, conversation = Lines(), Conversation(time.monotonic())
        self._due_s = deadline_s = time.monotonic() + OPENING_S + HEARTBEAT_S
        while chunk := self._receive(sock, deadline_s):
            for line in lines.feed(chunk):
                self._put(conversation.take(line, time.monotonic()))
                self._due_s = deadline_s = time.monotonic() + silence_s(self._config) + HEARTBEAT_S

    def _receive(self, sock: socket.socket, deadline_s: float) -> bytes:
        """The next bytes; none if the eye has closed or we must close. Raises LinkError after the deadline."""
        while not self._over():
            left_s = deadline_s - time.monotonic()
            if left_s <= 0:
                raise LinkError("The eye has stopped sending, and its camera may hang; Affetto restarts it.")
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
        """Wait for bytes on `sock`, or for `close`. Returns the numbers of the readable sockets."""
        poll = select.poll()
        for one in (self._wake, sock):
            if one is not None:
                poll.register(one, select.POLLIN)
        return {number for number, _ in poll.poll(timeout_s * 1000)}


class Conversation:
    """Checks what an eye sends: one greeting, then current readings, no faster than a camera. Has no clock."""

    def __init__(self, began_s: float) -> None:
        self._greeted = False
        self._budget, self._at_s = float(BURST), began_s  # a token bucket for readings, and the time of its last update

    def take(self, line: bytes, now_s: float) -> Event:
        """The event in a line that arrives at `now_s` (CLOCK_MONOTONIC). Raises LinkError for a problem of the eye, and
        for a line that is not allowed now."""
        message = parse(line)
        if isinstance(message, Trouble):
            raise LinkError(message.problem)
        if isinstance(message, Hello) is self._greeted:
            raise LinkError("The eye sent its greeting at the wrong time; Affetto restarts it.")
        self._greeted = True
        if isinstance(message, Hello):
            return EyeOpened(message.camera)
        self._check(message, now_s)
        return EyeRead(message)

    def _check(self, reading: Reading, now_s: float) -> None:
        if not now_s - OLDEST_S <= reading.at_s <= now_s + NEWEST_S:  # both processes share the clock
            raise LinkError("The eye sent a reading with a wrong time; Affetto restarts it.")
        self._budget = min(self._budget + FASTEST_HZ * (now_s - self._at_s), BURST) - 1
        self._at_s = now_s
        if self._budget < 0:
            raise LinkError("The eye sends more readings than a camera can deliver; Affetto restarts it.")
