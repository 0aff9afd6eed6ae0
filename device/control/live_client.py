"""A client of the control socket that stays connected and reconnects: for a program with an asyncio loop.

It holds the latest parts of the Snapshot. Only the loop's thread uses it.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from device.backoff import Backoff
from device.control import address

TIMEOUT_S = 10.0
FIRST_S = 2.0  # how long a request waits for the end of the first try to connect
LARGEST_LINE = 16_777_216  # bytes
WAITS = Backoff(first_s=0.5, longest_s=5.0)
AWAY = "Affetto does not answer; it may be starting."


class LiveClient:
    """`state` maps each part to its JSON; `on_change` is called after it changed, and after a connection came or
    went."""

    def __init__(
        self,
        data_dir: Path,
        on_change: Callable[[], None] = lambda: None,
        on_event: Callable[[dict[str, Any]], None] = lambda _: None,
    ) -> None:
        self.state: dict[str, bytes] = {}
        self.connected = False
        self._tried = asyncio.Event()  # the first try to connect gave a state, or failed
        self._path = address.socket_path(data_dir)
        self._on_change, self._on_event = on_change, on_event
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._writer: asyncio.StreamWriter | None = None

    async def run(self) -> None:
        """Stay connected until cancelled."""
        failures = 0
        while True:
            with contextlib.suppress(OSError, msgspec.MsgspecError, UnicodeDecodeError, ValueError):
                reader, self._writer = await asyncio.open_unix_connection(
                    sock=address.connect(self._path, TIMEOUT_S), limit=LARGEST_LINE
                )
                failures = 0
                await self._listen(reader)
            self._lost()
            failures += 1
            await asyncio.sleep(WAITS.after(failures))

    async def do(self, name: str, given: Mapping[str, Any], who: str) -> str:
        """Give a command by its name and fields. Returns why it was refused or limited; empty if it was not."""
        answer = await self._request({"do": name, "with": given, "as": who})
        return str(answer["message"])

    async def ask(self, question: str, timeout_s: float = TIMEOUT_S) -> Any:
        """The answer to a question; None without one."""
        return (await self._request({"ask": question}, timeout_s)).get("answer")

    def part(self, name: str) -> Any:
        """A part of the snapshot, decoded; None before the first one."""
        raw = self.state.get(name)
        return None if raw is None else msgspec.json.decode(raw)

    async def _request(self, request: dict[str, Any], timeout_s: float = TIMEOUT_S) -> dict[str, Any]:
        if not self._tried.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._tried.wait(), FIRST_S)
        if self._writer is None or not self.connected:
            return {"ok": False, "message": AWAY}
        number = next(self._numbers)
        future = self._waiting[number] = asyncio.get_running_loop().create_future()
        try:
            self._writer.write(msgspec.json.encode({"id": number, **request}) + b"\n")
            return await asyncio.wait_for(future, timeout_s)
        except (TimeoutError, ConnectionError):
            return {"ok": False, "message": AWAY}
        finally:
            self._waiting.pop(number, None)

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        assert self._writer is not None
        self._writer.write(b'{"id": 0, "subscribe": true}\n')
        while line := await reader.readline():
            message = msgspec.json.decode(line, type=dict[str, msgspec.Raw])
            if "state" in message:
                parts = msgspec.json.decode(message["state"], type=dict[str, msgspec.Raw])
                self.state.update({name: bytes(part) for name, part in parts.items()})
                self.connected = True
                self._tried.set()
                self._on_change()
            elif "event" in message:
                self._on_event(msgspec.json.decode(message["event"], type=dict[str, Any]))
            else:
                answer = msgspec.json.decode(line, type=dict[str, Any])
                future = self._waiting.get(answer.get("id", 0))
                if future is not None and not future.done():
                    future.set_result(answer)

    def _lost(self) -> None:
        self._tried.set()
        if self._writer is not None:
            self._writer.close()
        self._writer = None
        if self.connected:
            self.connected = False
            self._on_change()
        for future in self._waiting.values():
            if not future.done():
                future.set_result({"ok": False, "message": AWAY})
