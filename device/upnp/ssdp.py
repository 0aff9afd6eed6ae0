"""SSDP, how devices are found: searches come in, answers and announcements go out. Pure.

Source: UPnP Device Architecture 1.0, section 1. Searches come from anybody who can send a datagram here, so the parser
takes the few headers that it needs, and ignores everything else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import formatdate
from enum import StrEnum

from async_upnp_client.ssdp import build_ssdp_packet

from device.upnp.description import Device

MAX_AGE_S = 1800
LONGEST = 2000  # bytes of a search
LONGEST_WAIT_S = 3  # before an answer, whatever a search allows
ALL, ROOT = "ssdp:all", "upnp:rootdevice"
SEARCH = "M-SEARCH * HTTP/1.1"


class Notice(StrEnum):
    """What an announcement says."""

    ALIVE = "ssdp:alive"
    BYEBYE = "ssdp:byebye"


@dataclass(frozen=True, slots=True)
class Search:
    """Somebody looks for `target`, and wants the answer within `wait_s`."""

    target: str
    wait_s: int


def read_search(datagram: bytes) -> Search | None:
    """The search in a datagram; None if it is something else."""
    if len(datagram) > LONGEST:
        return None
    first, *lines = datagram.decode("latin-1").split("\n")
    if first.strip() != SEARCH:
        return None
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    target, wait = headers.get("st", ""), headers.get("mx", "0")
    if headers.get("man", "").strip('"') != "ssdp:discover" or not target:
        return None
    return Search(target, min(int(wait), LONGEST_WAIT_S) if wait.isascii() and wait.isdecimal() else 0)


def answers(device: Device, search: Search, base: str, boot: int) -> list[bytes]:
    """The answers to a search, from the device at `base`. `boot` grows with every start."""
    found = [(target, name) for target, name in _names(device) if _matches(search.target, target)]
    if search.target not in (ALL, ROOT, device.udn):
        found = [(search.target, name) for _, name in found]  # a search for an older version gets that version
    return [
        build_ssdp_packet(
            "HTTP/1.1 200 OK",
            {"CACHE-CONTROL": f"max-age={MAX_AGE_S}", "DATE": formatdate(usegmt=True), "EXT": "",
             "LOCATION": base + device.path, "SERVER": server(device), "ST": target, "USN": name,
             "BOOTID.UPNP.ORG": str(boot), "CONFIGID.UPNP.ORG": "1"},
        )
        for target, name in found
    ]  # fmt: skip


def announcements(device: Device, notice: Notice, base: str, boot: int, group: str) -> list[bytes]:
    """Announcements that the device at `base` is here, or goes. `group`: the multicast address, as in a URL."""
    here: dict[str, str] = {}
    if notice is Notice.ALIVE:
        here = {"CACHE-CONTROL": f"max-age={MAX_AGE_S}", "SERVER": server(device)}
    here["LOCATION"] = base + device.path  # in a goodbye too: Home Assistant withdraws its discovery only then
    boots = {"BOOTID.UPNP.ORG": str(boot), "CONFIGID.UPNP.ORG": "1"}
    return [
        build_ssdp_packet(
            "NOTIFY * HTTP/1.1", {"HOST": f"{group}:1900", "NTS": str(notice), "NT": kind, "USN": name, **here, **boots}
        )
        for kind, name in _names(device)
    ]


def server(device: Device) -> str:
    """Who answers, as the header SERVER says it."""
    return f"Linux UPnP/1.0 Affetto/{device.version or '0'}"


def _names(device: Device) -> Iterator[tuple[str, str]]:
    """Everything that a device may be searched as, and the unique name of that."""
    yield ROOT, f"{device.udn}::{ROOT}"
    yield device.udn, device.udn
    for kind in (device.type, *(service.kind for service in device.services)):
        yield kind, f"{device.udn}::{kind}"


def _matches(wanted: str, target: str) -> bool:
    return wanted in (ALL, target)
