"""Keeps the phones up to date: server-sent events with the parts of the Snapshot that changed. Latest wins.

A phone gets a version when it has read the one before, so a slow phone costs no memory. Only the event loop's thread.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import time

import msgspec
from aiohttp import web

from device.control.live_client import LiveClient
from device.page.access import Role
from device.page.gate import HEADERS, SESSION, address_of, problem

MOST = 300  # streams at a time
MOST_ALONE = 250  # from one address: all phones behind a proxy
REST_S = 0.25  # the shortest time between two messages to one phone
KEEPALIVE_S = 15.0
PATIENCE_S = 20.0  # a phone that reads nothing for this long is dropped
FOR_GUESTS = {"mood", "policy", "playback", "queue", "camera", "skip_votes", "people"}


class Hub:
    """What all streams share: the client of the control socket, and the cover."""

    def __init__(self, client: LiveClient) -> None:
        self.client = client
        self.streams: dict[str, int] = {}  # of each address
        self._changed = asyncio.Event()
        self._cover: tuple[str, bytes] = ("", b"")

    def wake(self) -> None:
        """The state has changed: wake every stream."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def wait(self, timeout_s: float) -> None:
        """Wait for the next change, or for `timeout_s`."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._changed.wait(), timeout_s)

    async def cover(self, digest: str) -> bytes:
        """The cover with this digest as a JPEG; empty if the song has changed."""
        if self._cover[0] != digest:
            found = await self.client.ask("cover") or {"digest": "", "jpeg": ""}
            self._cover = (found["digest"], base64.b64decode(found["jpeg"]))
        return self._cover[1] if self._cover[0] == digest else b""

    def message(self, sent: dict[str, object], role: int) -> bytes:
        """The event with all parts that are not in `sent`, which it updates; empty if there is nothing new."""
        news = {
            name: part
            for name, part in self.client.state.items()
            if sent.get(name) is not part and (role > Role.GUEST or name in FOR_GUESTS)
        }
        if not news and sent.get("connected") == self.client.connected:
            return b""
        sent.update(news)
        sent["connected"] = self.client.connected
        body: dict[str, object] = {"now": round(time.monotonic(), 3), "connected": self.client.connected}
        body["parts"] = {name: msgspec.Raw(part) for name, part in news.items()}
        return b"data: " + msgspec.json.encode(body) + b"\n\n"

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """GET /api/stream."""
        address = address_of(request)
        if sum(self.streams.values()) >= MOST or self.streams.get(address, 0) >= MOST_ALONE:
            return problem(503, "Too many pages are open; close some.")
        self.streams[address] = self.streams.get(address, 0) + 1
        response = web.StreamResponse(headers={**HEADERS, "Cache-Control": "no-store"})
        response.content_type = "text/event-stream"
        try:
            await response.prepare(request)
            await self._feed(request, response)
        except (TimeoutError, ConnectionError):
            if request.transport is not None:
                request.transport.abort()
        finally:
            self.streams[address] -= 1
            if not self.streams[address]:
                del self.streams[address]
        return response

    async def _feed(self, request: web.Request, response: web.StreamResponse) -> None:
        session, sent = request[SESSION], dict[str, object]()
        while time.time() < session.ends:
            message = self.message(sent, session.role)
            await asyncio.wait_for(response.write(message or b":\n\n"), PATIENCE_S)
            await asyncio.sleep(REST_S)
            if not self._is_behind(sent, session.role):
                await self.wait(KEEPALIVE_S)

    def _is_behind(self, sent: dict[str, object], role: int) -> bool:
        if sent.get("connected") != self.client.connected:
            return True
        return any(
            sent.get(name) is not part
            for name, part in self.client.state.items()
            if role > Role.GUEST or name in FOR_GUESTS
        )
