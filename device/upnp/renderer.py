"""The MediaRenderer: shows the Snapshot and turns calls into commands. Belongs to the thread of the event loop."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

from aiohttp import web

from device.domain import Command, Snapshot
from device.upnp import state
from device.upnp.description import Device
from device.upnp.services import AV_TRANSPORT, CONNECTION_MANAGER, Service
from device.upnp.soap import Call, Fault
from device.upnp.staging import HOLD_S, Staging
from device.upnp.state import View
from device.upnp.translate import Ask, Load, Reply, translate
from device.upnp.web import base_of

COVERS = 4  # pictures that a control point may still fetch
JUMP_S = 1.5  # a position that far from the expected one is a jump
ICON = Path(__file__).with_name("icon.png")


class Obey(Protocol):
    """Passes a command to the session, and returns its refusal; empty if it obeyed."""

    def __call__(self, command: Command, what: str, peer: str) -> Coroutine[Any, Any, str]: ...


class Renderer:
    """`obey` passes commands on. `changed` tells subscribers; its argument is a variable to send again. `page_port`:
    where the web page of the device is; 0 for none."""

    def __init__(self, device: Device, obey: Obey, changed: Callable[[str], None], page_port: int = 0) -> None:
        self.device = device
        self.bases: frozenset[str] = frozenset()
        """All addresses of the device."""
        self._page_port = page_port
        self._obey, self._changed = obey, changed
        self._staging = Staging()
        self._snapshot: Snapshot | None = None
        self._covers: dict[str, bytes] = {}
        self._cover_tag = ""
        self._timer: asyncio.TimerHandle | None = None
        self._stopping: asyncio.Task[str] | None = None  # so that the task lives until it is done

    def show(self, snapshot: Snapshot) -> None:
        """Take the newest snapshot."""
        before, self._snapshot = self._snapshot, snapshot
        cover = snapshot.playback.cover
        if before is None or before.playback.cover is not cover:
            self._cover_tag = _tag(cover)
            if cover:
                self._covers[self._cover_tag] = cover
                while len(self._covers) > COVERS:
                    del self._covers[next(iter(self._covers))]
        self._changed("TransportState" if before is not None and _jumped(before, snapshot) else "")

    def view(self, base: str) -> View:
        """The device as it looks at this address."""
        assert self._snapshot is not None
        return View(self._snapshot, base, time.monotonic(), self._cover_tag, self._staging.media, self.bases)

    # --- What the server asks for ---

    async def call(self, call: Call, base: str, peer: str) -> Mapping[str, str] | Fault:
        """Carry out a call."""
        wish = translate(call, view := self.view(base))
        if isinstance(wish, Reply):
            return wish.values
        if isinstance(wish, Fault):
            return wish
        staged = self._staging.media
        asked = self._staging.load(wish, view) if isinstance(wish, Load) else self._staging.ask(wish, view)
        self._wait_with_stop(peer)
        if self._staging.media is not staged:
            self._changed("")
        return await self._ask(asked, call, peer)

    def variables(self, service: Service, base: str) -> Mapping[str, str]:
        """The evented variables of a service."""
        if service is AV_TRANSPORT:
            return state.transport(self.view(base))
        return state.connections() if service is CONNECTION_MANAGER else state.rendering(self.view(base))

    def routes(self) -> Iterable[web.RouteDef]:
        """The cover and the icon."""
        icon = ICON.read_bytes()

        async def show_icon(request: web.Request) -> web.Response:
            return web.Response(body=icon, content_type="image/png")

        pages = [web.get("/", self._page)] if self._page_port else []
        return [web.get("/cover/{tag}.jpg", self._cover), web.get("/icon.png", show_icon), *pages]

    # --- Inside ---

    async def _ask(self, asked: Ask, call: Call, peer: str) -> Mapping[str, str] | Fault:
        for command in asked.commands:
            if refusal := await self._obey(command, f"{call.service.name}/{call.action}", peer):
                return Fault(asked.refusal, refusal)
        return {}

    def _wait_with_stop(self, peer: str) -> None:
        """Let a Stop go after a moment, unless something else came first."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._staging.stopping:
            self._timer = asyncio.get_running_loop().call_later(HOLD_S, self._stop, peer)

    def _stop(self, peer: str) -> None:
        self._timer = None
        for command in self._staging.stop():
            self._stopping = asyncio.get_running_loop().create_task(self._obey(command, "AVTransport/Stop", peer))

    async def _page(self, request: web.Request) -> web.Response:
        """The device's description links here, as it does not know under which address somebody reads it."""
        port = "" if self._page_port == 80 else f":{self._page_port}"
        raise web.HTTPFound(base_of(request).rpartition(":")[0] + port + "/")

    async def _cover(self, request: web.Request) -> web.Response:
        picture = self._covers.get(request.match_info["tag"])
        if picture is None:
            raise web.HTTPNotFound
        tag = f'"{request.match_info["tag"]}"'
        headers = {"ETag": tag, "Cache-Control": "max-age=31536000, immutable"}
        if request.headers.get("If-None-Match") == tag:
            return web.Response(status=304, headers=headers)
        return web.Response(body=picture, content_type="image/jpeg", headers=headers)


def _tag(cover: bytes) -> str:
    return hashlib.blake2s(cover, digest_size=8).hexdigest() if cover else ""


def _jumped(before: Snapshot, after: Snapshot) -> bool:
    """Whether somebody jumped within the track. The event about that makes control points ask for the position."""
    old, new = before.playback.position, after.playback.position
    if old is None or new is None or before.playback.choice != after.playback.choice:
        return False
    return abs(new.track_s - old.at(new.at_mono)) > JUMP_S
