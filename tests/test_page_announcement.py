"""The page announces itself: a real multicast DNS answer on the loopback interface."""

from __future__ import annotations

import asyncio
import ipaddress

import pytest
from zeroconf import DNSAddress, DNSCache, ServiceInfo
from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf

from device.config.page_keys import host_name
from device.page.announcement import KIND, announce, own_addresses, service


@pytest.mark.parametrize(
    ("device_id", "host"),
    [
        ("affetto", "affetto.local"),
        ("kitchen", "affetto-kitchen.local"),
        ("affetto_2", "affetto-2.local"),
        ("_", "affetto.local"),
    ],
)
def test_every_device_has_a_name_of_its_own(device_id: str, host: str) -> None:
    assert host_name(device_id) == host


def test_own_addresses_are_for_others() -> None:
    assert not [one for one in own_addresses() if ipaddress.ip_address(one).is_loopback]


@pytest.mark.parametrize("name", ["", "a.b.c", "x" * 300, "Küche"])
def test_any_name_can_be_announced(name: str) -> None:
    assert isinstance(service(name, "affetto.local", 80, ["127.0.0.1"]), ServiceInfo)


def test_the_network_finds_the_page_and_its_name() -> None:
    async def find() -> tuple[int, list[str], bool]:
        task = asyncio.create_task(announce("Test page", "affetto-test-page.local", 8123, ["127.0.0.1"]))
        asker = AsyncZeroconf(interfaces=["127.0.0.1"])
        try:
            info = AsyncServiceInfo(KIND, f"Test page.{KIND}")
            for _ in range(20):
                if await info.async_request(asker.zeroconf, 500):
                    break
            cache: DNSCache = asker.zeroconf.cache
            named = any(
                isinstance(one, DNSAddress) for one in cache.async_entries_with_name("affetto-test-page.local.")
            )
            return info.port or 0, info.parsed_addresses(), named
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await asker.async_close()

    assert asyncio.run(find()) == (8123, ["127.0.0.1"], True)
