"""Ends the eye's process when the conductor has gone, or if the camera hangs.

It has its own thread, because a hanging camera blocks the main thread inside a C library, where no Python exception or
signal handler runs. It owns the sending side of the socket, so that its last message never interrupts a reading.
"""

from __future__ import annotations

import os
import select
import socket
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from device.perception.protocol import Trouble, encode

POLL_MS = 250
GRACE_S = 0.3  # after the peer has gone, the main thread has this time to close the camera and leave


class Watchdog:
    """Each `send` is a sign of life: the first must come within `opening_s`, each later one within `silence_s`.

    `end` ends the process with a status; tests replace it.
    """

    def __init__(
        self,
        peer: socket.socket,
        opening_s: float,
        silence_s: float,
        *,
        end: Callable[[int], object] = os._exit,
    ) -> None:
        self._peer, self._silence_s, self._end = peer, silence_s, end
        self._limit_s = opening_s
        self._alive_s = time.monotonic()
        self._sending = threading.Lock()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)
        peer.settimeout(silence_s)

    def send(self, line: bytes) -> None:
        """Send a line. Raises ConnectionError or TimeoutError if the peer is gone or does not read."""
        with self._sending:
            self._peer.sendall(line)
        self._alive_s, self._limit_s = time.monotonic(), self._silence_s

    def send_last(self, line: bytes) -> None:
        """Send a line if possible; never raises."""
        if self._sending.acquire(timeout=GRACE_S):
            try:
                self._peer.sendall(line)
            except OSError:
                pass  # the peer has gone too
            finally:
                self._sending.release()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        poll = select.poll()
        poll.register(self._peer, select.POLLIN | select.POLLRDHUP)
        while not self._done.is_set():
            events = poll.poll(POLL_MS)
            if events and self._gone():
                if not self._done.wait(GRACE_S):
                    self._end(0)
                return
            if time.monotonic() - self._alive_s > self._limit_s:
                self.send_last(
                    encode(Trouble(f"The camera delivered no frame for {self._limit_s:.0f} s; was it unplugged?"))
                )
                self._end(1)
                return

    def _gone(self) -> bool:
        """Whether the peer has closed. By the protocol it sends nothing; anything else is ignored."""
        try:
            return self._peer.recv(4096, socket.MSG_DONTWAIT) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True
