"""Checks every request before its handler sees it: host, origin, login, size. Adds the headers of every answer.

To stop DNS rebinding, the host must be an address or one of our own names. To stop forged requests of other pages, all
but GET must come from our own origin, as JSON. Only one thread, the event loop's.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from urllib.parse import urlsplit

import msgspec
from aiohttp import web

from device.page.access import Access, Role
from device.page.door import Visitor

log = logging.getLogger("affetto.page")

COOKIE = "affetto"
BODY_S = 60.0  # a body may take so long to arrive
LARGEST_BODY = 65_536  # bytes; a restored backup may be larger
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
SESSION = "session"  # where a request keeps its Session

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Server": "Affetto",
}


class Gate:
    """`names`: our own host names, without ports."""

    def __init__(self, access: Access, names: Iterable[str]) -> None:
        self.access = access
        self._names = {name.lower().rstrip(".") for name in names} | {"localhost"}

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """aiohttp calls this for every request."""
        if request.transport is not None and isinstance(visitor := request.transport.get_protocol(), Visitor):
            visitor.arrived()
        try:
            response = self._refuse(request) or await handler(request)
        except web.HTTPException as error:
            response = problem(error.status, error.reason)
        except ConnectionError:
            raise  # the phone is gone
        except Exception:
            log.exception("The request %s %.100s failed; this is a bug.", request.method, request.path)
            response = problem(500, "This failed; the log of affetto-page says why.")
        if not response.prepared:
            for name, value in HEADERS.items():
                response.headers.setdefault(name, value)
            response.headers.setdefault("Cache-Control", "no-store")
        return response

    def _refuse(self, request: web.Request) -> web.Response | None:
        """Why this request goes no further; None if it may."""
        if not self._is_ours(request.headers.get("Host", "")):
            return problem(421, "This device has another name; use its address, or add the name to page.hosts.")
        if request.method not in ("GET", "HEAD"):
            origin = request.headers.get("Origin", "")
            if urlsplit_host(origin) != request.headers.get("Host", "").lower():
                return problem(403, "This request comes from another page.")
            if request.content_type != "application/json":
                return problem(415, "Send JSON.")
        request[SESSION] = self.access.session(request.cookies.get(COOKIE, ""), time.time())
        return None

    def _is_ours(self, host: str) -> bool:
        try:
            name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
            if name in self._names:
                return True
            ipaddress.ip_address(name.partition("%")[0])
        except ValueError:
            return False
        return True


def address_of(request: web.Request) -> str:
    """The address of the phone; IPv4 as people write it."""
    return (request.remote or "?").removeprefix("::ffff:")


def urlsplit_host(origin: str) -> str:
    """Host and port of an origin in small letters; empty if it is none."""
    try:
        parts = urlsplit(origin)
    except ValueError:
        return ""
    return parts.netloc.lower() if parts.scheme in ("http", "https") else ""


def needs(role: Role, handler: Handler) -> Handler:
    """The handler, for those with this role or more."""

    async def checked(request: web.Request) -> web.StreamResponse:
        session = request[SESSION]
        if session.role >= role:
            return await handler(request)
        if session.role == Role.NOBODY:
            return problem(401, "Log in first.")
        return problem(403, "Only the owner may do that; log in first.")

    return checked


def problem(status: int, message: str) -> web.Response:
    """A refusal, as JSON."""
    return answer({"ok": False, "message": message}, status)


def answer(content: object, status: int = 200) -> web.Response:
    """`content` as JSON."""
    return web.Response(body=msgspec.json.encode(content), content_type="application/json", status=status)


async def fields_of(request: web.Request) -> dict[str, object]:
    """The JSON object in the body. Raises HTTPBadRequest or HTTPRequestTimeout with a sentence."""
    try:
        raw = await asyncio.wait_for(request.read(), BODY_S)
    except TimeoutError:
        raise web.HTTPRequestTimeout(reason="The request took too long to arrive.") from None
    try:
        return msgspec.json.decode(raw, type=dict[str, object])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise web.HTTPBadRequest(reason="Send one JSON object.") from None
