"""A conductor in a network namespace with several links, for test_upnp_network.py. Prints what control points see.

Run it in a namespace of its own: `unshare -n python -m tests.upnp_links FOLDER`.
"""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import aiohttp
from async_upnp_client.const import SsdpHeaders
from async_upnp_client.search import async_search

from tests.upnp_device import appliance, settings

RENDERER = "urn:schemas-upnp-org:device:MediaRenderer:1"


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


def make_links() -> None:
    """Two links with IPv4, one of them with IPv6 too; and one that has only a link-local IPv6 address."""
    ip("link", "set", "lo", "up")
    for name, addresses in {"lan0": ("192.168.50.2/24", "fd50::2/64"), "lan1": ("10.9.0.2/24",), "lan2": ()}.items():
        ip("link", "add", name, "type", "veth", "peer", "name", f"{name}x")
        ip("link", "set", f"{name}x", "addrgenmode", "none")  # the other end is only a cable
        ip("link", "set", f"{name}x", "up")
        ip("link", "set", name, "up")
        for address in addresses:
            ip("addr", "add", address, "dev", name, *(["nodad"] if ":" in address else []))
    ip("addr", "add", "203.0.113.77/32", "dev", "lo")  # somebody from far away
    time.sleep(2.5)  # until duplicate address detection is through


def search(source: tuple[str, int] | tuple[str, int, int, int]) -> list[str]:
    """Where a control point finds the device."""
    found: set[str] = set()

    async def take(answer: SsdpHeaders) -> None:
        found.add(str(answer.get("_location_original")))

    asyncio.run(async_search(take, timeout=1, search_target=RENDERER, source=source))
    return sorted(found)


def link_local(name: str) -> tuple[str, int, int, int]:
    """The link-local address of a link."""
    for line in Path("/proc/net/if_inet6").read_text().splitlines():
        digits, index, _, scope, _, link = line.split()
        if link == name and scope == "20":
            groups = ":".join(digits[at : at + 4] for at in range(0, 32, 4))
            return socket.inet_ntop(socket.AF_INET6, socket.inet_pton(socket.AF_INET6, groups)), 0, 0, int(index, 16)
    raise LookupError(name)


def fetch(url: str, source: str) -> int:
    """The status that a client at this address gets."""

    async def run() -> int:
        connector = aiohttp.TCPConnector(local_addr=(source, 0))
        async with aiohttp.ClientSession(connector=connector) as session, session.get(url) as response:
            return response.status

    return asyncio.run(run())


def until(look: Callable[[], list[str]], wanted: list[str]) -> list[str]:
    """What is found once it is as wanted, or at last."""
    give_up = time.monotonic() + 20
    while (found := look()) != wanted and time.monotonic() < give_up:
        pass
    return found


def main(folder: Path) -> dict[str, object]:
    make_links()
    with appliance(settings(folder, folder, interfaces=())) as one:
        port = one.config.upnp.port
        first = ("192.168.50.2", 0)
        seen: dict[str, object] = {
            "lan0": until(lambda: search(first), [f"http://192.168.50.2:{port}/MediaRenderer.xml"]),
            "lan1": search(("10.9.0.2", 0)),
            "lan0 IPv6": search(link_local("lan0")),
            "lan2 IPv6": search(link_local("lan2")),
            "lan2": link_local("lan2")[0],
            "near": fetch(f"http://10.9.0.2:{port}/MediaRenderer.xml", "10.9.0.2"),
            "far": fetch(f"http://10.9.0.2:{port}/MediaRenderer.xml", "203.0.113.77"),
            "six": fetch(f"http://[fd50::2]:{port}/MediaRenderer.xml", "fd50::2"),
        }
        ip("addr", "add", "192.168.60.2/24", "dev", "lan0")
        ip("addr", "del", "192.168.50.2/24", "dev", "lan0")
        moved = [f"http://192.168.60.2:{port}/MediaRenderer.xml"]
        seen["lan0 after a move"] = until(lambda: search(("192.168.60.2", 0)), moved)
    return {**seen, "port": port}


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]))))
