"""The routes of the owner: settings, restart, and a backup as one file.

On a device, a helper reads and writes the settings (device/config/settings_helper.py); this process may not. Where no
helper runs, as on a developer's machine, the same code runs here.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web

from device.config import settings_helper
from device.page.access import Role, hashed
from device.page.gate import answer, fields_of, needs, problem

HELPER = Path("/run/affetto/settings.sock")
TIMEOUT_S = 60.0  # a slow board starts Python in many seconds
NO_HELPER = "Restart Affetto yourself; nothing else on this machine can."


class SettingsRoutes:
    """`path`: the user's settings file."""

    def __init__(self, path: Path, helper: Path = HELPER) -> None:
        self._path, self._helper = path, helper

    def add_to(self, app: web.Application) -> None:
        """Add the routes."""
        app.router.add_get("/api/settings", needs(Role.OWNER, self._read))
        app.router.add_post("/api/settings", needs(Role.OWNER, self._change))
        app.router.add_post("/api/restart", needs(Role.OWNER, self._restart))

    async def _read(self, request: web.Request) -> web.StreamResponse:
        return self._respond(await self.ask({"read": True}))

    async def _change(self, request: web.Request) -> web.StreamResponse:
        changes = (await fields_of(request)).get("change")
        if not isinstance(changes, dict):
            return problem(400, "Send the settings in `change`.")
        if isinstance(word := changes.get("page.password"), str) and word:
            changes["page.password"] = await asyncio.to_thread(hashed, word)
        return self._respond(await self.ask({"change": changes}))

    async def _restart(self, request: web.Request) -> web.StreamResponse:
        if not self._helper.exists():
            return problem(503, NO_HELPER)
        return self._respond(await self.ask({"restart": True}))

    @staticmethod
    def _respond(found: dict[str, Any]) -> web.Response:
        return answer(found, 200 if found["ok"] else 422)

    async def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """The helper's answer."""
        line = msgspec.json.encode(request)
        if not self._helper.exists():
            return await asyncio.to_thread(settings_helper.handle, line, self._path)
        try:
            async with asyncio.timeout(TIMEOUT_S):
                reader, writer = await asyncio.open_unix_connection(self._helper, limit=2**21)
                writer.write(line + b"\n")
                found = await reader.readline()
                writer.close()
            return msgspec.json.decode(found, type=dict[str, Any])
        except (OSError, TimeoutError, ValueError):
            return {"ok": False, "message": "The settings cannot be reached; the log of affetto-settings may say why."}
