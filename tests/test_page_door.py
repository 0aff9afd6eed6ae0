"""The page's door: connections that are too many, too slow, or that nobody reads. A real aiohttp server."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from device.page.access import Access
from device.page.door import REFUSAL, Door, Limits
from device.page.gate import Gate, answer, fields_of

PATIENCE_S = 30.0
ACCESS = Access("open", "", "key", 1)
Pair = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def serving(**limits: float) -> AsyncIterator[Callable[[], Coroutine[Any, Any, Pair]]]:
    """A server with these limits; gives a function that connects."""

    async def hello(_: web.Request) -> web.StreamResponse:
        return answer({"ok": True})

    async def large(_: web.Request) -> web.StreamResponse:
        return web.Response(body=b"x" * 20_000_000)

    async def take(request: web.Request) -> web.StreamResponse:
        return answer(await fields_of(request))

    app = web.Application(middlewares=[Gate(ACCESS, ["affetto.local"]).middleware])
    app.router.add_get("/", hello)
    app.router.add_get("/large", large)
    app.router.add_post("/take", take)
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=0.1)
    await runner.setup()
    assert runner.server is not None
    door = Door(runner.server, Limits(**limits))  # type: ignore[arg-type]
    server = await asyncio.get_running_loop().create_server(door, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    opened: list[asyncio.StreamWriter] = []

    async def connect() -> Pair:
        pair = await asyncio.open_connection("127.0.0.1", port, limit=1024)
        opened.append(pair[1])
        return pair

    try:
        yield connect
    finally:
        for writer in opened:
            writer.transport.abort()
        server.close()
        await runner.cleanup()
        assert door._open.total() == 0, "every connection has left"


REQUEST = b"GET / HTTP/1.1\r\nHost: affetto.local\r\n\r\n"


async def get(pair: Pair) -> bytes:
    """The head of the answer; empty if the connection ended."""
    reader, writer = pair
    writer.write(REQUEST)
    return await head(reader)


async def head(reader: asyncio.StreamReader) -> bytes:
    lines = []
    async with asyncio.timeout(PATIENCE_S):
        while line := await reader.readline():
            lines.append(line)
            if line == b"\r\n":
                break
    return b"".join(lines)


def run(job: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(job())


def test_the_refusal_is_whole() -> None:
    sent, body = REFUSAL.split(b"\r\n\r\n")
    assert f"Content-Length: {len(body)}".encode() in sent


@pytest.mark.parametrize("limits", [{"most": 3}, {"most_alone": 3}])
def test_a_connection_too_many_gets_a_sentence_and_leaves_room_when_another_ends(limits: dict[str, float]) -> None:
    async def job() -> None:
        async with serving(**limits) as connect:
            inside = [await connect() for _ in range(3)]
            assert [(await get(pair))[:15] for pair in inside] == [b"HTTP/1.1 200 OK"] * 3
            refused = await connect()
            assert (await refused[0].read()).endswith(b"close some pages, or wait.")
            inside[0][1].close()
            await inside[0][1].wait_closed()
            async with asyncio.timeout(PATIENCE_S):
                while b"200 OK" not in await get(await connect()):
                    await asyncio.sleep(0.01)

    run(job)


@pytest.mark.parametrize("sent", [b"", b"G", b"\r\n\r\n\r\n", REQUEST[:-2], REQUEST[:-2] + b"X-More: 1\r\n"])
def test_who_sends_no_whole_request_is_sent_away(sent: bytes) -> None:
    async def job() -> None:
        async with serving(request_s=0.2) as connect:
            reader, writer = await connect()
            for byte in sent:
                writer.write(bytes([byte]))
                await asyncio.sleep(0)
            async with asyncio.timeout(PATIENCE_S):
                with contextlib.suppress(ConnectionResetError):
                    assert await reader.read() == b""

    run(job)


def test_who_has_sent_a_request_may_stay(caplog: pytest.LogCaptureFixture) -> None:
    async def job() -> None:
        async with serving(request_s=0.2) as connect:
            pair = await connect()
            assert b"200 OK" in await get(pair)
            await pair[0].readexactly(len(b'{"ok":true}'))
            await asyncio.sleep(0.5)
            assert b"200 OK" in await get(pair)

    run(job)


def test_who_reads_no_answer_is_sent_away() -> None:
    async def job() -> None:
        async with serving(answer_s=0.2) as connect:
            reader, writer = await connect()
            writer.write(REQUEST.replace(b"/ ", b"/large ", 1))
            await head(reader)
            writer.transport.pause_reading()  # type: ignore[attr-defined]
            await asyncio.sleep(1.0)
            writer.transport.resume_reading()  # type: ignore[attr-defined]
            received = 0
            async with asyncio.timeout(PATIENCE_S):
                try:
                    while piece := await reader.read(1 << 20):
                        received += len(piece)
                except ConnectionResetError:
                    pass
            assert received < 20_000_000

    run(job)


def test_a_body_that_does_not_arrive_ends_the_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("device.page.gate.BODY_S", 0.2)

    async def job() -> None:
        async with serving() as connect:
            reader, writer = await connect()
            writer.write(
                b"POST /take HTTP/1.1\r\nHost: affetto.local\r\nOrigin: http://affetto.local\r\n"
                b'Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"a":'
            )
            assert b"408" in await head(reader)

    run(job)
