"""The HTTP server: descriptions, control, events, pictures and files. Every request passes the guard first."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Protocol

from aiohttp import web

from device.upnp import access, soap
from device.upnp.description import Device, describe_device, describe_service
from device.upnp.services import Service
from device.upnp.soap import Call, Fault
from device.upnp.subscriptions import Subscriptions, seconds

log = logging.getLogger("affetto.upnp")

LARGEST_BODY = 64 * 1024
READ_S = 10.0  # a request that takes longer is no control point's
MOST_CONNECTIONS = 64
KEEP_ALIVE_S = 15.0

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Part(Protocol):
    """One of the devices behind the server: the renderer, or the media server."""

    @property
    def device(self) -> Device: ...

    async def call(self, call: Call, base: str, peer: str) -> Mapping[str, str] | Fault:
        """Carry out a call that came in at `base` from `peer`: the values that it gives, or why not."""

    def variables(self, service: Service, base: str) -> Mapping[str, str]:
        """The evented variables of a service, as seen from `base`."""

    def routes(self) -> Iterable[web.RouteDef]:
        """More that the server offers: pictures, files."""


class WebServer:
    """Serves `parts`. Belongs to the thread of the event loop."""

    def __init__(
        self, parts: Iterable[Part], subscriptions: Subscriptions, links: Callable[[], Iterable[access.Network]]
    ):
        self._subscriptions, self._links = subscriptions, links
        app = web.Application(client_max_size=LARGEST_BODY, middlewares=[self._guard])
        for part in parts:
            self._add(app, part)
        self._runner = web.AppRunner(
            app, access_log=None, keepalive_timeout=KEEP_ALIVE_S, handler_cancellation=True, shutdown_timeout=1.0
        )

    async def start(self, port: int) -> int:
        """Listen at this port, or at another one if somebody has it. Returns the port."""
        await self._runner.setup()
        sock = listen(port)
        await web.SockSite(self._runner, sock).start()
        return int(sock.getsockname()[1])

    async def close(self) -> None:
        """Stop."""
        await self._runner.cleanup()

    def _add(self, app: web.Application, part: Part) -> None:
        device = part.device
        app.router.add_get(device.path, _fixed(describe_device(device)))
        for service in device.services:
            app.router.add_get(device.at(service, "description.xml"), _fixed(describe_service(service)))
            app.router.add_post(device.at(service, "control"), self._control(part, service))
            events = device.at(service, "events")
            app.router.add_route("SUBSCRIBE", events, self._subscribe(part, service))
            app.router.add_route("UNSUBSCRIBE", events, self._unsubscribe(service))
        app.router.add_routes(part.routes())

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Only the local network, only by address, and not too many at once."""
        server = self._runner.server
        if server is not None and len(server.connections) > MOST_CONNECTIONS:
            return web.Response(status=503, headers={"Connection": "close"})
        if not access.is_local(request.remote or "", self._links()):
            return web.Response(status=403, text="The device talks only to the local network.\n")
        if not access.names_the_device(request.headers.get("Host", "")):
            return web.Response(status=421, text="Use the address of the device, not a name.\n")
        return await handler(request)

    # --- Handlers ---

    def _control(self, part: Part, service: Service) -> Handler:
        async def handle(request: web.Request) -> web.Response:
            try:
                body = await asyncio.wait_for(request.read(), READ_S)
            except TimeoutError:
                return web.Response(status=408)
            call = soap.read(service, body, request.headers.get("SOAPACTION", ""))
            if isinstance(call, Fault):
                return _fault(call)
            values = await part.call(call, base_of(request), str(access.address_of(request.remote or "")))
            return _fault(values) if isinstance(values, Fault) else _xml(soap.answer(call, values))

        return handle

    def _subscribe(self, part: Part, service: Service) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            timeout, sid = request.headers.get("TIMEOUT", ""), request.headers.get("SID", "")
            if sid:
                if "CALLBACK" in request.headers or "NT" in request.headers:
                    return web.Response(status=400)
                renewed = self._subscriptions.renew(sid, service, timeout)
                return web.Response(status=412) if renewed is None else web.Response(headers=_granted(sid, timeout))
            url = access.callback_of(request.headers.get("CALLBACK", ""), self._links(), _scope(request))
            if not url or request.headers.get("NT") != "upnp:event":
                return web.Response(status=412)
            base = base_of(request)
            new = self._subscriptions.add(service, url, timeout, lambda: part.variables(service, base))
            if new is None:
                return web.Response(status=503)
            response = web.Response(headers=_granted(new.sid, timeout))
            await response.prepare(request)
            await response.write_eof()
            self._subscriptions.start(new)  # only now: the subscriber must know its number first
            return response

        return handle

    def _unsubscribe(self, service: Service) -> Handler:
        async def handle(request: web.Request) -> web.Response:
            return web.Response(status=200 if self._subscriptions.remove(request.headers.get("SID", "")) else 412)

        return handle


def base_of(request: web.Request) -> str:
    """The address at which this request reached the device, such as http://192.168.1.5:8300."""
    transport = request.transport
    if transport is None:
        raise ConnectionResetError("the client is gone")
    host, port, *_ = transport.get_extra_info("sockname")
    address = access.address_of(host)
    return f"http://[{address}]:{port}" if address is not None and address.version == 6 else f"http://{address}:{port}"


def _scope(request: web.Request) -> int:
    """The index of the interface of a client with an IPv6 address; 0 if nobody knows."""
    peer: Sequence[object] = request.transport.get_extra_info("peername") if request.transport is not None else []
    scope = peer[3] if len(peer) == 4 else 0
    return scope if isinstance(scope, int) else 0


def listen(port: int) -> socket.socket:
    """A socket at this port of all addresses; at a free one if it is taken."""
    for wanted in (port, 0):
        for family, everywhere in ((socket.AF_INET6, "::"), (socket.AF_INET, "0.0.0.0")):
            try:
                return _bound(family, everywhere, wanted)
            except OSError as error:
                log.debug("Port %d at %s: %s", wanted, everywhere, error)
        log.warning("Port %d (upnp.port) is taken or not allowed; UPnP uses another one.", wanted)
    raise OSError("no port is free")


def _bound(family: socket.AddressFamily, address: str, port: int) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        sock.bind((address, port))
        sock.setblocking(False)
    except OSError:
        sock.close()
        raise
    return sock


def _granted(sid: str, timeout: str) -> dict[str, str]:
    return {"SID": sid, "TIMEOUT": f"Second-{seconds(timeout):.0f}"}


def _fixed(content: bytes) -> Handler:
    async def handle(request: web.Request) -> web.Response:
        return _xml(content)

    return handle


def _xml(content: bytes) -> web.Response:
    return web.Response(body=content, content_type="text/xml", charset="utf-8")


def _fault(problem: Fault) -> web.Response:
    response = _xml(soap.fault(problem))
    response.set_status(500)
    return response
