"""The SSDP sockets of one address: announces the device there, answers searches, and says goodbye.

`async_upnp_client.server` has an announcer, too. It sends one announcement every 30 s, so that a control point waits
minutes for the one that it looks for, and a search with a negative MX ends in its exception handler.
"""

from __future__ import annotations

import asyncio
import logging
import random
import socket
from collections.abc import Sequence
from typing import Any

from async_upnp_client.ssdp import SSDP_IP_V4, SSDP_IP_V6, SSDP_PORT, get_ssdp_socket

from device.upnp import ssdp
from device.upnp.description import Device
from device.upnp.interfaces import Place
from device.upnp.ssdp import Notice

log = logging.getLogger("affetto.upnp")

IP_MULTICAST_ALL = 49  # linux/in.h: whether to hear groups that other sockets joined at other interfaces
REPEAT_S = 0.5  # datagrams get lost, so each announcement goes out twice
AGAIN_S = ssdp.MAX_AGE_S / 3
MOST_WAITING = 100  # answers; whoever sends a flood of searches gets no more


class Announcer(asyncio.DatagramProtocol):
    """Belongs to the thread of the event loop. `start` raises OSError if the address is gone."""

    def __init__(self, devices: Sequence[Device], place: Place, port: int, boot: int) -> None:
        self._devices, self._place, self._boot = devices, place, boot
        self._base = f"http://{place.host}:{port}"
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.DatagramTransport | None = None
        self._timers: set[asyncio.TimerHandle] = set()

    async def start(self) -> None:
        """Announce the device, and again and again."""
        sock = self._listen()
        self._transport, _ = await self._loop.create_datagram_endpoint(lambda: self, sock=sock)
        self._announce(Notice.ALIVE)
        self._later(REPEAT_S, lambda: self._announce(Notice.ALIVE))
        self._later(AGAIN_S, self._again)

    def close(self) -> None:
        """Say goodbye, and stop."""
        for timer in self._timers:
            timer.cancel()
        self._announce(Notice.BYEBYE)
        if self._transport is not None:
            self._transport.close()

    # --- The protocol ---

    def datagram_received(self, data: bytes, address: tuple[Any, ...]) -> None:
        """Answer a search at a random moment of the time that it allows, so that not all devices answer at once."""
        if len(address) == 4 and address[3] not in (0, self._place.scope):
            return  # it came in at another interface, whose announcer answers it
        search = ssdp.read_search(data)
        if search is None or len(self._timers) > MOST_WAITING:
            return
        for device in self._devices:
            for packet in ssdp.answers(device, search, self._base, self._boot):
                self._later(random.uniform(0, search.wait_s / 2), lambda packet=packet: self._send(packet, address))

    def error_received(self, error: Exception) -> None:
        """A datagram did not get through: the network may be away, and the next announcement tries again."""
        log.debug("SSDP at %s: %s", self._place.address, error)

    # --- Inside ---

    @property
    def _group(self) -> tuple[Any, ...]:
        if ":" in self._place.address:
            return SSDP_IP_V6, SSDP_PORT, 0, self._place.scope
        return SSDP_IP_V4, SSDP_PORT

    def _listen(self) -> socket.socket:
        """A socket that hears only what arrives at this interface."""
        six = ":" in self._place.address
        source = (self._place.address, 0, 0, self._place.scope) if six else (self._place.address, 0)
        sock, _, _ = get_ssdp_socket(source, self._group)
        sock.setblocking(False)
        if six:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        else:
            sock.setsockopt(socket.IPPROTO_IP, IP_MULTICAST_ALL, 0)
        sock.bind(("", SSDP_PORT))
        return sock

    def _announce(self, notice: Notice) -> None:
        group = f"[{SSDP_IP_V6}]" if ":" in self._place.address else SSDP_IP_V4
        for device in self._devices:
            for packet in ssdp.announcements(device, notice, self._base, self._boot, group):
                self._send(packet, self._group)

    def _again(self) -> None:
        self._announce(Notice.ALIVE)
        self._later(AGAIN_S, self._again)

    def _send(self, packet: bytes, address: tuple[Any, ...]) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(packet, address)

    def _later(self, delay_s: float, job: Any) -> None:
        def run() -> None:
            self._timers.discard(timer)
            job()

        timer = self._loop.call_later(delay_s, run)
        self._timers.add(timer)
