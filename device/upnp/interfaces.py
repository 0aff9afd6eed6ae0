"""The network interfaces of this machine, and the addresses where the device appears."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Interface, IPv6Interface, ip_interface

import ifaddr

from device.upnp.access import Network, is_local


@dataclass(frozen=True, slots=True)
class Place:
    """An address where control points find the device. `scope` is the index of the interface."""

    interface: str
    address: str
    scope: int

    @property
    def host(self) -> str:
        """The address as in a URL."""
        return f"[{self.address}]" if ":" in self.address else self.address


def read_interfaces() -> list[tuple[str, int, IPv4Interface | IPv6Interface]]:
    """Name, index, address and network of everything that is up."""
    found = []
    for adapter in ifaddr.get_adapters():
        for one in adapter.ips:
            address = one.ip if isinstance(one.ip, str) else one.ip[0]
            interface = ip_interface(f"{address}/{one.network_prefix}")
            found.append((adapter.name, adapter.index or 0, interface))
    return found


def places(only: Sequence[str] = ()) -> tuple[Place, ...]:
    """Where to appear: every IPv4 address, and every link-local IPv6 address, as UPnP's multicast stays on the link.
    `only`: the names of interfaces; empty means all but the loopback."""
    return tuple(
        Place(name, str(one.ip), index)
        for name, index, one in read_interfaces()
        if (name in only if only else not one.ip.is_loopback)
        and (one.version == 4 or one.ip.is_link_local)
        and is_local(str(one.ip), networks())
    )


def networks() -> tuple[Network, ...]:
    """The networks that this machine is connected to, larger than one address."""
    return tuple(one.network for _, _, one in read_interfaces() if one.network.num_addresses > 1)
