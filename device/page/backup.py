"""A backup as one file: the settings, what the tastes were learnt from, and the moods that people corrected.

`BackupRoutes` asks the conductor for the latter two over the control socket, and restores them in small portions.
Restoring adds to what the device has; it never deletes.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from aiohttp import web

from device.control.live_client import LiveClient
from device.page.access import Role
from device.page.gate import SESSION, answer, fields_of, needs, problem
from device.page.settings_routes import SettingsRoutes

FORMAT = 1
LARGEST = 32_000_000  # bytes of a backup
PORTION = 100  # listens or moods in one command
PAUSE_S = 0.1  # between two portions, so that the disk keeps up
ASK_S = 60.0


class Backup(msgspec.Struct, frozen=True):
    """The file. A listen is (track key, profile, mood, outcome, time, seconds heard)."""

    affetto_backup: int
    device: str
    made: str
    settings: str
    listens: list[tuple[str, str, str, str, float, float]] = []
    moods: dict[str, str] = {}


def portions(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """The items, some at a time."""
    return (items[place : place + PORTION] for place in range(0, len(items), PORTION))


class BackupRoutes:
    """`name`: the id of the device, for the file's name."""

    def __init__(self, client: LiveClient, settings: SettingsRoutes, name: str) -> None:
        self._client, self._settings, self._name = client, settings, name
        self._restoring = asyncio.Lock()

    def add_to(self, app: web.Application) -> None:
        """Add the routes."""
        app.router.add_get("/api/backup", needs(Role.OWNER, self._save))
        app.router.add_post("/api/restore", needs(Role.OWNER, self._restore))

    async def _save(self, request: web.Request) -> web.StreamResponse:
        text, learnt = await self._settings.ask({"text": True}), await self._client.ask("backup", ASK_S)
        if not text["ok"] or learnt is None:
            return problem(503, text["message"] or "Affetto does not answer; it may be starting.")
        day = time.strftime("%Y-%m-%d")
        made = Backup(FORMAT, self._name, day, text["answer"], learnt["listens"], learnt["moods"])
        headers = {"Content-Disposition": f'attachment; filename="affetto-{self._name}-{day}.json"'}
        return web.Response(body=msgspec.json.encode(made), content_type="application/json", headers=headers)

    async def _restore(self, request: web.Request) -> web.StreamResponse:
        request = request.clone(client_max_size=LARGEST)
        try:
            backup = msgspec.json.decode(str((await fields_of(request)).get("backup")), type=Backup)
        except (msgspec.MsgspecError, RecursionError):
            return problem(400, "That file is not a backup of Affetto.")
        if backup.affetto_backup != FORMAT:
            return problem(400, "That backup comes from another version of Affetto.")
        async with self._restoring:
            replaced = await self._settings.ask({"replace": backup.settings})
            if not replaced["ok"]:
                return answer(replaced, 422)
            return answer(await self._learn(backup, f"page, owner {request[SESSION].name}".strip()))

    async def _learn(self, backup: Backup, who: str) -> dict[str, object]:
        """Give the device what it does not know yet. Returns the answer for the page."""
        known = await self._client.ask("backup", ASK_S) or {"listens": [], "moods": {}}
        before = {tuple(listen) for listen in known["listens"]}
        new = [listen for listen in backup.listens if listen not in before]
        moods = [(key, mood) for key, mood in backup.moods.items() if known["moods"].get(key) != mood]
        commands: list[dict[str, Any]] = [{"listens": [_listen(one) for one in part]} for part in portions(new)]
        commands += [{"moods": [list(one) for one in part]} for part in portions(moods)]
        for command in commands:
            if message := await self._client.do("restore", command, who):
                return {"ok": False, "message": message}
            await asyncio.sleep(PAUSE_S)
        return {"ok": True, "message": f"Restored {len(new)} listens and {len(moods)} moods"}


def _listen(row: tuple[str, str, str, str, float, float]) -> dict[str, object]:
    return dict(zip(("track_key", "profile", "mood", "outcome", "at", "heard_s"), row, strict=True))


