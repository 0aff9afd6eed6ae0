"""Who hears of changes: at once, in order, only what is new, and no longer than the subscription lasts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from xml.etree import ElementTree

import pytest
from aiohttp import web

from device.upnp import changes, subscriptions
from device.upnp.services import CONNECTION_MANAGER, rendering_control
from device.upnp.subscriptions import MOST, Subscriptions, seconds

RENDERING = rendering_control(70)


@dataclass
class Subscriber:
    """A web server that takes events. `status` is its answer; while `busy` is set, it answers nobody."""

    url: str = ""
    status: int = 200
    busy: asyncio.Event | None = None
    heard: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    came: asyncio.Event = field(default_factory=asyncio.Event)

    async def take(self, request: web.Request) -> web.Response:
        root = ElementTree.fromstring(await request.text())
        last = root.findtext(".//LastChange")
        shown = ElementTree.fromstring(last).iter() if last else []
        names = {one.tag.rpartition("}")[2]: one.get("val", "") for one in shown}
        self.heard.append((int(request.headers["SEQ"]), names))
        self.came.set()
        if self.busy is not None:
            await self.busy.wait()
        return web.Response(status=self.status)

    async def next(self, count: int) -> list[tuple[int, dict[str, str]]]:
        """Everything heard, once there are so many events."""
        async with asyncio.timeout(20):
            while len(self.heard) < count:
                self.came.clear()
                await self.came.wait()
        return self.heard


@asynccontextmanager
async def stage() -> AsyncIterator[tuple[Subscriptions, Subscriber, dict[str, str]]]:
    subscriber = Subscriber()
    app = web.Application()
    app.router.add_route("NOTIFY", "/events", subscriber.take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    subscriber.url = f"http://127.0.0.1:{runner.addresses[0][1]}/events"
    everybody = Subscriptions()
    try:
        yield everybody, subscriber, {"Volume": "30", "Mute": "0"}
    finally:
        await everybody.close()
        await runner.cleanup()


def run(play: Callable[[Subscriptions, Subscriber, dict[str, str]], Awaitable[None]]) -> None:
    async def staged() -> None:
        async with stage() as (everybody, subscriber, variables):
            await play(everybody, subscriber, variables)

    asyncio.run(staged())


def test_first_everything_and_then_what_changes_and_only_the_newest() -> None:
    async def play(everybody: Subscriptions, subscriber: Subscriber, variables: dict[str, str]) -> None:
        one = everybody.add(RENDERING, subscriber.url, "Second-300", lambda: dict(variables))
        assert one is not None
        everybody.start(one)
        await subscriber.next(1)
        for volume in range(31, 60):  # all within the moderation time
            variables["Volume"] = str(volume)
            everybody.tell()
        variables["Volume"] = "60"
        everybody.tell()
        await subscriber.next(2)
        variables["Mute"] = "1"
        everybody.tell()
        everybody.tell()
        assert [(number, {k: v for k, v in names.items() if v != "0" or k != "InstanceID"})
                for number, names in await subscriber.next(3)] == [
            (0, {"Event": "", "Volume": "30", "Mute": "0"}),
            (1, {"Event": "", "Volume": "60"}),
            (2, {"Event": "", "Mute": "1"}),
        ]  # fmt: skip

    run(play)


def test_a_slow_subscriber_delays_nobody_and_gets_the_newest_state() -> None:
    async def play(everybody: Subscriptions, slow: Subscriber, variables: dict[str, str]) -> None:
        slow.busy = asyncio.Event()
        async with stage() as (_, quick, _):
            for url in (slow.url, quick.url):
                one = everybody.add(RENDERING, url, "", lambda: dict(variables))
                assert one is not None
                everybody.start(one)
            await slow.next(1)
            for number, volume in enumerate(("40", "41"), 2):
                variables["Volume"] = volume
                everybody.tell()
                await quick.next(number)
            assert len(slow.heard) == 1
            slow.busy.set()
            assert (await slow.next(2))[1][1]["Volume"] == "41"

    run(play)


def test_a_subscriber_that_is_gone_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscriptions, "RETRY_S", 0.01)
    monkeypatch.setattr(changes, "MODERATION_S", 0.01)

    async def play(everybody: Subscriptions, subscriber: Subscriber, variables: dict[str, str]) -> None:
        one = everybody.add(RENDERING, "http://127.0.0.1:1/", "", lambda: dict(variables))
        assert one is not None
        everybody.start(one)
        assert one.task is not None
        await asyncio.wait_for(one.task, 20)
        assert len(everybody) == 0
        assert everybody.renew(one.sid, RENDERING, "") is None

    run(play)


def test_what_was_not_delivered_is_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscriptions, "RETRY_S", 0.01)

    async def play(everybody: Subscriptions, subscriber: Subscriber, variables: dict[str, str]) -> None:
        one = everybody.add(RENDERING, subscriber.url, "", lambda: dict(variables))
        assert one is not None
        everybody.start(one)
        await subscriber.next(1)
        sent, one.url = one.url, "http://127.0.0.1:1/"
        variables["Volume"] = "44"
        everybody.tell()
        async with asyncio.timeout(20):
            while not one.failures:
                await asyncio.sleep(0.01)
        one.url = sent
        number, names = (await subscriber.next(2))[1]
        assert names["Volume"] == "44"
        assert number > 1  # so that the subscriber notices the gap
        async with asyncio.timeout(20):
            while one.failures:
                await asyncio.sleep(0.01)

    run(play)


def test_subscriptions_are_renewed_end_and_have_a_limit() -> None:
    async def play(everybody: Subscriptions, subscriber: Subscriber, variables: dict[str, str]) -> None:
        made = [everybody.add(RENDERING, subscriber.url, "Second-300", lambda: variables) for _ in range(MOST + 1)]
        assert made[-1] is None
        first, second = made[0], made[1]
        assert first is not None
        assert second is not None
        assert everybody.renew(first.sid, RENDERING, "Second-600") is first
        assert everybody.renew(first.sid, CONNECTION_MANAGER, "") is None
        assert everybody.remove(first.sid)
        assert not everybody.remove(first.sid)
        second.expires_at = 0.0
        assert everybody.renew(second.sid, RENDERING, "") is None
        assert len(everybody) == MOST - 2

    run(play)


@pytest.mark.parametrize(
    ("timeout", "granted"),
    [
        ("Second-300", 300),
        ("second-5", 30),
        ("Second-infinite", 1800),
        ("", 1800),
        ("Second-9999", 1800),
        ("-1", 1800),
    ],
)
def test_how_long_a_subscription_lasts(timeout: str, granted: float) -> None:
    assert seconds(timeout) == granted
