"""Who may talk to the device, and to whom it talks: only the local network. Pure.

Nothing here asks for a password, as UPnP has none. So requests must come from an address in the local network (not
through a router), name the device by its address (a foreign web page in a browser cannot: DNS
rebinding), and subscribers must live there, too (CVE-2020-12695, "CallStranger").
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

PRIVATE = tuple(
    ip_network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "127.0.0.0/8")
) + tuple(ip_network(text) for text in ("fc00::/7", "fe80::/10", "::1/128"))


def address_of(text: str) -> Address | None:
    """The IP address in a text such as `fe80::1%eth0` or `::ffff:10.0.0.7`; None if it is none."""
    try:
        address = ip_address(text.strip("[]").partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def is_local(text: str, links: Iterable[Network] = ()) -> bool:
    """Whether an address belongs to the local network: it is private, or lies in one of `links`, the networks that
    the device itself is connected to."""
    address = address_of(text)
    return address is not None and any(address in network for network in (*PRIVATE, *links))


def names_the_device(host: str) -> bool:
    """Whether a Host header is an IP address, with or without a port, as it is in every URL that the device gives."""
    return address_of(_without_port(host)) is not None


def callback_of(header: str, links: Iterable[Network] = (), scope: int = 0) -> str:
    """The first address in a CALLBACK header, such as `<http://192.168.1.2:80/x>`, that the device may send events to;
    empty if there is none. `scope`: the index of the interface where a link-local address is."""
    links = tuple(links)
    for url in re.findall(r"<([^<>\s]{1,500})>", header):
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            continue
        if parts.scheme == "http" and host and port != 0 and "@" not in parts.netloc and is_local(host, links):
            address = address_of(host)
            there = f"%{scope}]" if scope and address is not None and address.is_link_local else "]"
            return str(url).replace("]", there, 1) if "%" not in host else str(url)
    return ""


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0]
