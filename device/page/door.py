"""Who may connect to the page, and how long a connection may take: limits that the HTTP server does not have.

It stands between the sockets and aiohttp. Without it, somebody who opens connections and sends nothing, or one byte at
a time (Slowloris), keeps every phone out; so does somebody who reads no answer. Only the event loop's thread.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

REFUSAL = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\nRetry-After: 10\r\n"
    b"Content-Length: 57\r\nConnection: close\r\n\r\nToo many connections are open; close some pages, or wait."
)


@dataclass(frozen=True, slots=True)
class Limits:
    """`most` connections at a time, `most_alone` of them from one address: all phones behind a proxy. `request_s`: so
    long may the first request take to arrive, without its body; aiohttp limits the wait for the next ones. `answer_s`:
    so long may a client read nothing of what waits for it."""

    most: int = 500
    most_alone: int = 400
    request_s: float = 10.0
    answer_s: float = 30.0


class Door:
    """A factory of protocols for `loop.create_server`. `server`: aiohttp's factory."""

    def __init__(self, server: Callable[[], asyncio.Protocol], limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self._server = server
        self._open = Counter[str]()

    def __call__(self) -> Visitor:
        """The protocol of one new connection."""
        return Visitor(self, self._server())

    def enter(self, address: str) -> bool:
        """Whether there is room for one more connection from this address."""
        if self._open.total() >= self.limits.most or self._open[address] >= self.limits.most_alone:
            return False
        self._open[address] += 1
        return True

    def leave(self, address: str) -> None:
        """A connection that had entered is over."""
        self._open[address] -= 1
        if not self._open[address]:
            del self._open[address]


class Visitor(asyncio.Protocol):
    """One connection: passes everything on to aiohttp's `inner`, and ends what takes too long."""

    def __init__(self, door: Door, inner: asyncio.Protocol) -> None:
        self._door, self._inner = door, inner
        self._address = ""
        self._transport: asyncio.Transport | None = None  # None: refused, or over
        self._timer: asyncio.TimerHandle | None = None

    def arrived(self) -> None:
        """A whole request is here, apart from its body."""
        self._stop_timer()

    # --- What asyncio calls ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let the connection in, if there is room."""
        assert isinstance(transport, asyncio.Transport)
        peer = transport.get_extra_info("peername")
        address = str(peer[0]) if peer else "?"
        if not self._door.enter(address):
            transport.write(REFUSAL)
            transport.close()
            return
        self._address, self._transport = address, transport
        self._start_timer(self._door.limits.request_s)
        self._inner.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Bytes of a request."""
        if self._transport is not None:
            self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        """The client sends no more."""
        return None if self._transport is None else self._inner.eof_received()

    def pause_writing(self) -> None:
        """The client reads too slowly for now."""
        if self._transport is not None:
            self._start_timer(self._door.limits.answer_s)
            self._inner.pause_writing()

    def resume_writing(self) -> None:
        """The client has read on."""
        if self._transport is not None:
            self._stop_timer()
            self._inner.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is over."""
        self._stop_timer()
        if self._transport is not None:
            self._transport = None
            self._door.leave(self._address)
            self._inner.connection_lost(exc)

    def _start_timer(self, seconds: float) -> None:
        self._stop_timer()
        if self._transport is not None:
            self._timer = asyncio.get_running_loop().call_later(seconds, self._transport.abort)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
