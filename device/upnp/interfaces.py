"""The network interfaces of this machine, and the addresses where the device appears."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Interface, IPv6Interface, ip_interface, ip_network

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
    """Where to appear: every IPv4 address, and one IPv6 address of each interface, IPv4 first. `only`: the names of
    interfaces; empty means all but the loopback."""
    links = networks()
    found: dict[tuple[str, int], list[IPv4Interface | IPv6Interface]] = {}
    for name, index, one in read_interfaces():
        if (name in only if only else not one.ip.is_loopback) and is_local(str(one.ip), links):
            found.setdefault((name, index), []).append(one)
    places = [Place(name, str(one.ip), index) for (name, index), all_ in found.items() for one in chosen(all_)]
    return tuple(sorted(places, key=lambda place: ":" in place.address))


def chosen(addresses: Sequence[IPv4Interface | IPv6Interface]) -> list[IPv4Interface | IPv6Interface]:
    """The addresses of an interface under which the device appears. A link-local IPv6 address is the last resort: most
    control points cannot fetch a cover from one, because its URL does not name the interface."""
    four = [one for one in addresses if one.version == 4]
    six = [one for one in addresses if one.version == 6 and not one.ip.is_link_local]
    private = [one for one in six if one.ip in ip_network("fc00::/7")]
    return [*four, *(private or six)[:1]] or list(addresses[:1])


def networks() -> tuple[Network, ...]:
    """The networks that this machine is connected to, larger than one address."""
    return tuple(one.network for _, _, one in read_interfaces() if one.network.num_addresses > 1)
