"""Announces the page in the local network (multicast DNS, RFC 6762), so that http://affetto.local works.

A device may get its network late, or another address later, so this looks at the addresses again and again. Only the
event loop's thread. Anybody in the network can announce the same name; then a phone may reach either, and the address
helps.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging

import ifaddr
from zeroconf import Error, InterfaceChoice, IPVersion, ServiceInfo
from zeroconf.asyncio import AsyncZeroconf

log = logging.getLogger("affetto.page")

KIND = "_http._tcp.local."
LOOK_S = 30.0
MOST = 8  # addresses


def own_addresses() -> list[str]:
    """The addresses of this machine that others in the network can reach, sorted."""
    found = set()
    for adapter in ifaddr.get_adapters():
        for ip in adapter.ips:
            address = ipaddress.ip_address(ip.ip if isinstance(ip.ip, str) else ip.ip[0])
            if not (address.is_loopback or address.is_unspecified or address.is_multicast):
                found.add(str(address))
    return sorted(found)[:MOST]


def service(name: str, host: str, port: int, addresses: list[str]) -> ServiceInfo:
    """What is announced: the page of the device `name`, at `host` (such as affetto.local)."""
    label = name.replace(".", " ")[:63] or "Affetto"
    return ServiceInfo(KIND, f"{label}.{KIND}", port=port, server=f"{host}.", parsed_addresses=addresses,
                       properties={"path": "/"})  # fmt: skip


async def announce(name: str, host: str, port: int, interfaces: list[str] | None = None) -> None:
    """Announce until cancelled. `interfaces`: our own addresses to announce on (None: all)."""
    while True:
        addresses = interfaces or own_addresses()
        if addresses:
            try:
                await _hold(name, host, port, addresses, interfaces)
            except (OSError, Error) as error:
                log.debug("The page cannot be announced (%s).", error)
        await asyncio.sleep(LOOK_S)


async def _hold(name: str, host: str, port: int, addresses: list[str], interfaces: list[str] | None) -> None:
    """Announce these addresses for as long as they are ours."""
    network = AsyncZeroconf(interfaces=interfaces or InterfaceChoice.All, ip_version=IPVersion.V4Only)
    try:
        await network.async_register_service(service(name, host, port, addresses), allow_name_change=True)
        log.info("The page is announced as %s (%s).", host, ", ".join(addresses))
        while interfaces or own_addresses() == addresses:
            await asyncio.sleep(LOOK_S)
    finally:
        await network.async_unregister_all_services()
        await network.async_close()
