"""Invitations: a link for guests, and the QR code that holds it."""

from __future__ import annotations

import time

import segno
from aiohttp import web

from device.page.access import GUEST_HOURS, Access, Role
from device.page.gate import answer, needs

LOCAL = ("localhost", "127.0.0.1", "[::1]")


class GuestRoutes:
    """`address`: where phones reach the page if the request does not tell."""

    def __init__(self, access: Access, address: str) -> None:
        self.access = access
        self._address = address

    def add_to(self, app: web.Application) -> None:
        """Add the route."""
        app.router.add_post("/api/invitation", needs(Role.HOUSEHOLD, self._invite))

    async def _invite(self, request: web.Request) -> web.StreamResponse:
        token, _ = self.access.guest_token(time.time())
        url = f"{self._base(request)}/g/{token}"
        code = segno.make(url, error="l", micro=False)
        rows = ["".join("1" if module else "0" for module in row) for row in code.matrix]
        return answer({"ok": True, "url": url, "hours": GUEST_HOURS, "rows": rows})

    def _base(self, request: web.Request) -> str:
        """The address under which the host's phone reached us, because guests are in the same network."""
        host = request.headers["Host"]
        return self._address if host.startswith(LOCAL) else f"http://{host}"
