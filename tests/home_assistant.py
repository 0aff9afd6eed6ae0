"""A Home Assistant that somebody else has started: its REST and WebSocket interfaces, for tests.

`HOME_ASSISTANT_URL` is its address, such as http://127.0.0.1:8123; `HOME_ASSISTANT_TOKEN` is a long-lived access token.
Without them, tests that need a Home Assistant skip.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest

PATIENCE_S = 30.0


class HomeAssistant:
    """A connection to it. Use as an asynchronous context manager."""

    def __init__(self) -> None:
        self.url = os.environ.get("HOME_ASSISTANT_URL", "").rstrip("/")
        token = os.environ.get("HOME_ASSISTANT_TOKEN", "")
        if not self.url or not token:
            pytest.skip("no Home Assistant: HOME_ASSISTANT_URL and HOME_ASSISTANT_TOKEN are not set")
        self._token = token
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> HomeAssistant:
        self._session = aiohttp.ClientSession(headers={"Authorization": f"Bearer {self._token}"})
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def request(self, method: str, path: str, data: object = None) -> Any:
        """One request to the REST interface; its answer."""
        assert self._session is not None
        async with self._session.request(method, self.url + path, json=data) as response:
            response.raise_for_status()
            return await response.json()

    async def fetch(self, path: str) -> tuple[str, bytes]:
        """The type and the content of a picture."""
        assert self._session is not None
        async with self._session.get(self.url + path) as response:
            response.raise_for_status()
            return response.content_type, await response.read()

    async def ask(self, kind: str, **data: object) -> Any:
        """One question over the WebSocket; its result."""
        assert self._session is not None
        async with self._session.ws_connect(self.url + "/api/websocket", max_msg_size=0) as socket:
            await socket.receive_json()
            await socket.send_json({"type": "auth", "access_token": self._token})
            await socket.receive_json()
            await socket.send_json({"id": 1, "type": kind, **data})
            answer = await socket.receive_json()
            assert answer["success"], answer
            return answer["result"]

    async def call(self, service: str, **data: object) -> None:
        """Call a service, such as media_player/media_play."""
        await self.request("POST", f"/api/services/{service}", data)

    async def state(self, entity: str) -> dict[str, Any]:
        """The state of an entity, with its attributes."""
        found = await self.request("GET", f"/api/states/{entity}")
        assert isinstance(found, dict)
        return found

    async def wait(self, entity: str, fits: Callable[[str, dict[str, Any]], object]) -> dict[str, Any]:
        """The attributes of the entity as soon as its state and they fit."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                found = await self.state(entity)
                if fits(found["state"], found["attributes"]):
                    return dict(found["attributes"])
                await asyncio.sleep(0.05)

    async def set_up(self, handler: str, name: str, url: str) -> str:
        """Set up an integration for the device of this name at this address. Returns the id of its entry. A discovery
        of an earlier run, which may name an old port, gives way."""
        for old in await self._discovered(handler, name):
            await self.request("DELETE", f"/api/config/config_entries/flow/{old['flow_id']}")
        flow = await self.request("POST", "/api/config/config_entries/flow", {"handler": handler})
        while flow["type"] == "form":
            data = {"url": url} if flow["step_id"] == "manual" else _choice(flow, name)
            flow = await self.request("POST", f"/api/config/config_entries/flow/{flow['flow_id']}", data)
        if flow.get("reason") == "already_in_progress":  # discovered this very moment: confirm that
            [found] = await self._discovered(handler, name)
            flow = await self.request("POST", f"/api/config/config_entries/flow/{found['flow_id']}", {})
        assert flow["type"] == "create_entry", flow
        return str(flow["result"]["entry_id"])

    async def _discovered(self, handler: str, name: str) -> list[dict[str, Any]]:
        """The devices of this name that have been discovered for an integration and wait to be set up."""
        flows = await self.ask("config_entries/flow/progress")
        named = [flow for flow in flows if name in str(flow["context"].get("title_placeholders"))]
        return [flow for flow in named if flow["handler"] == handler]

    async def remove(self, entry: str) -> None:
        """Remove an integration's entry."""
        await self.request("DELETE", f"/api/config/config_entries/entry/{entry}")


def _choice(flow: dict[str, Any], name: str) -> dict[str, str]:
    """The device of this name among those that a form offers; the media server is only found, not named by address."""
    for field in flow["data_schema"]:
        for value, label in field.get("options", []):
            if field["name"] == "host" and str(label).startswith(name):
                return {"host": value}
    return {}
