"""Who hears of changes: subscriptions to events (GENA), and the requests that carry them.

Each subscription has a task of its own that compares the current variables with those its subscriber knows, and sends
what differs. So a slow subscriber delays nobody, and gets the newest state instead of a backlog.

`async_upnp_client.server` has events, too, but its moderated events are never sent, a subscriber that is gone ends in
an exception, and it sends to any address that somebody names.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import aiohttp

from device.upnp import changes
from device.upnp.services import Service

log = logging.getLogger("affetto.upnp")

LONGEST_S, SHORTEST_S = 1800, 30
MOST = 32  # subscriptions
TIMEOUT = aiohttp.ClientTimeout(total=5)
MOST_FAILURES = 3  # in a row, then the subscriber is gone
RETRY_S = 1.0
LARGEST_SEQUENCE = 0xFFFFFFFF

Variables = Callable[[], Mapping[str, str]]


@dataclass(slots=True)
class Subscription:
    """One subscriber of one service. `known`: the variables that it was sent. `variables` gives the current ones."""

    service: Service
    url: str
    variables: Variables
    expires_at: float
    sid: str = field(default_factory=lambda: f"uuid:{uuid.uuid4()}")
    known: dict[str, str] = field(default_factory=dict)
    sequence: int = 0
    failures: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None


class Subscriptions:
    """All subscriptions. Belongs to the thread of the event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._all: dict[str, Subscription] = {}
        self._session: aiohttp.ClientSession | None = None

    def __len__(self) -> int:
        return len(self._all)

    def add(self, service: Service, url: str, timeout: str, variables: Variables) -> Subscription | None:
        """A new subscription; None if there are too many. `start` sends its first event."""
        self._drop_expired()
        if len(self._all) >= MOST:
            return None
        subscription = Subscription(service, url, variables, self._loop.time() + seconds(timeout))
        self._all[subscription.sid] = subscription
        return subscription

    def start(self, subscription: Subscription) -> None:
        """Send everything once, and then what changes."""
        subscription.changed.set()
        subscription.task = self._loop.create_task(self._serve(subscription))
        subscription.task.add_done_callback(_raise_error)

    def renew(self, sid: str, service: Service, timeout: str) -> Subscription | None:
        """The subscription for another while; None if it does not exist (any more)."""
        self._drop_expired()
        subscription = self._all.get(sid)
        if subscription is None or subscription.service is not service:
            return None
        subscription.expires_at = self._loop.time() + seconds(timeout)
        return subscription

    def remove(self, sid: str) -> bool:
        """End a subscription. Returns whether it existed."""
        subscription = self._all.pop(sid, None)
        if subscription is not None and subscription.task is not None:
            subscription.task.cancel()
        return subscription is not None

    def tell(self, forget: str = "") -> None:
        """Something may have changed. `forget`: a variable to send again, even if it has not."""
        for subscription in self._all.values():
            subscription.known.pop(forget, None)
            subscription.changed.set()

    async def close(self) -> None:
        """End all subscriptions."""
        tasks = [one.task for one in self._all.values() if one.task is not None]
        for sid in list(self._all):
            self.remove(sid)
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    def _drop_expired(self) -> None:
        for sid in [sid for sid, one in self._all.items() if one.expires_at <= self._loop.time()]:
            self.remove(sid)

    async def _serve(self, subscription: Subscription) -> None:
        """Send what changes, at most every `MODERATION_S`."""
        while subscription.failures < MOST_FAILURES:
            await subscription.changed.wait()
            subscription.changed.clear()
            if subscription.expires_at <= self._loop.time():
                break
            current = subscription.variables()
            news = changes.news(subscription.service, subscription.known, current)
            if news or subscription.sequence == 0:
                await self._send(subscription, current if subscription.sequence == 0 else news)
                await asyncio.sleep(changes.MODERATION_S)
        self._all.pop(subscription.sid, None)

    async def _send(self, subscription: Subscription, news: Mapping[str, str]) -> None:
        headers = {
            "CONTENT-TYPE": 'text/xml; charset="utf-8"',
            "NT": "upnp:event",
            "NTS": "upnp:propchange",
            "SID": subscription.sid,
            "SEQ": str(subscription.sequence),
        }
        subscription.known.update(news)
        subscription.sequence = subscription.sequence % LARGEST_SEQUENCE + 1
        body = changes.message(subscription.service, news)
        try:
            await self._notify(subscription.url, headers, body)
            subscription.failures = 0
        except (aiohttp.ClientError, TimeoutError, ValueError, OSError) as error:
            subscription.failures += 1
            self._forget(subscription, news)
            log.debug("No event to %s: %s", subscription.url, error)

    def _forget(self, subscription: Subscription, news: Mapping[str, str]) -> None:
        """The subscriber did not get this: send it again soon."""
        for name in news:
            subscription.known.pop(name, None)
        self._loop.call_later(RETRY_S, subscription.changed.set)

    async def _notify(self, url: str, headers: Mapping[str, str], body: bytes) -> None:
        if self._session is None:
            connector = aiohttp.TCPConnector(force_close=True)  # subscribers that stop wait for open connections
            cookies = aiohttp.DummyCookieJar()
            self._session = aiohttp.ClientSession(connector=connector, timeout=TIMEOUT, cookie_jar=cookies)
        async with self._session.request("NOTIFY", url, headers=headers, data=body, allow_redirects=False):
            pass


def seconds(timeout: str) -> float:
    """How long to grant a header TIMEOUT, such as "Second-1800"."""
    number = timeout.strip().lower().removeprefix("second-")
    wanted = int(number) if number.isascii() and number.isdecimal() and len(number) < 10 else LONGEST_S
    return float(max(SHORTEST_S, min(wanted, LONGEST_S)))


def _raise_error(task: asyncio.Task[None]) -> None:
    """Hand an unexpected exception to the loop's exception handler."""
    if not task.cancelled() and (error := task.exception()) is not None:
        raise error
