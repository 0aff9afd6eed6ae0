"""The device is found, and says when it goes: pure tables, and on the loopback two independent searchers."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest
from async_upnp_client.const import SsdpHeaders
from async_upnp_client.search import async_search
from async_upnp_client.ssdp import decode_ssdp_packet

from device.domain.upnp_name import unique_name
from device.upnp import ssdp
from device.upnp.description import Device
from device.upnp.services import AV_TRANSPORT
from device.upnp.ssdp import Notice, Search
from tests.upnp_device import Appliance, appliance, settings

DEVICE = Device("MediaRenderer", "kitchen", "Kitchen", "1.2", (AV_TRANSPORT,))
BASE = "http://192.168.1.5:8300"
HEAD = "M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\n"
RENDERER = "urn:schemas-upnp-org:device:MediaRenderer:1"


@pytest.mark.parametrize(
    ("datagram", "search"),
    [
        (HEAD + 'MAN: "ssdp:discover"\r\nMX: 2\r\nST: ssdp:all\r\n\r\n', Search("ssdp:all", 2)),
        (HEAD + 'man:"ssdp:discover"\nst:upnp:rootdevice\n\n', Search("upnp:rootdevice", 0)),
        (HEAD + 'MAN: "ssdp:discover"\r\nMX: 120\r\nST: x\r\n\r\n', Search("x", 3)),
        (HEAD + 'MAN: "ssdp:discover"\r\nMX: -5\r\nST: x\r\n\r\n', Search("x", 0)),
        (HEAD + 'MAN: "ssdp:discover"\r\nMX: ²\r\nST: x\r\n\r\n', Search("x", 0)),
        (HEAD + "MX: 2\r\nST: ssdp:all\r\n\r\n", None),
        (HEAD + 'MAN: "ssdp:discover"\r\nMX: 2\r\n\r\n', None),
        ('NOTIFY * HTTP/1.1\r\nMAN: "ssdp:discover"\r\nST: x\r\n\r\n', None),
        ("", None),
        (HEAD + 'MAN: "ssdp:discover"\r\nST: ' + "x" * 2000, None),
    ],
)
def test_a_search_is_read(datagram: str, search: Search | None) -> None:
    assert ssdp.read_search(datagram.encode()) == search


@pytest.mark.parametrize(
    ("target", "found"),
    [
        ("ssdp:all", ["upnp:rootdevice", DEVICE.udn, RENDERER, AV_TRANSPORT.kind]),
        ("upnp:rootdevice", ["upnp:rootdevice"]),
        (DEVICE.udn, [DEVICE.udn]),
        (RENDERER, [RENDERER]),
        (AV_TRANSPORT.kind, [AV_TRANSPORT.kind]),
        ("urn:schemas-upnp-org:device:MediaServer:1", []),
        ("roku:ecp", []),
    ],
)
def test_answers_name_what_was_searched(target: str, found: list[str]) -> None:
    answers = [headers(one) for one in ssdp.answers(DEVICE, Search(target, 1), BASE, 7)]
    assert [answer["st"] for answer in answers] == found
    for answer in answers:
        assert answer["location"] == f"{BASE}/MediaRenderer.xml"
        assert answer["usn"].startswith(DEVICE.udn)
        assert answer["bootid.upnp.org"] == "7"


def test_the_goodbye_names_everything_that_the_hello_did() -> None:
    here, gone = (ssdp.announcements(DEVICE, notice, BASE, 7, "239.255.255.250") for notice in Notice)
    assert [headers(one)["usn"] for one in here] == [headers(one)["usn"] for one in gone]
    assert {headers(one)["nts"] for one in gone} == {"ssdp:byebye"}
    assert {headers(one)["location"] for one in gone} == {f"{BASE}/MediaRenderer.xml"}


def headers(packet: bytes) -> SsdpHeaders:
    return decode_ssdp_packet(packet, None, ("192.168.1.5", 1900))[1]


# --- On the loopback ---


def search(target: str) -> list[str]:
    """The locations that the client side of async-upnp-client finds on the loopback."""
    found: list[str] = []

    async def take(answer: SsdpHeaders) -> None:
        found.append(answer["location"])

    asyncio.run(async_search(take, timeout=1, search_target=target, source=("127.0.0.1", 0)))
    return found


def listen() -> socket.socket:
    """A socket that hears SSDP on the loopback."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("239.255.255.250", 1900))
    membership = socket.inet_aton("239.255.255.250") + socket.inet_aton("127.0.0.1")
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
    sock.settimeout(20)
    return sock


def hear(sock: socket.socket, notice: Notice, udn: str) -> bool:
    """Wait for this announcement of the device."""
    give_up = time.monotonic() + 20
    while time.monotonic() < give_up:
        heard = sock.recv(4096).decode()
        if f"NTS:{notice}" in heard and f"USN:{udn}::{RENDERER}" in heard:
            return True
    return False


def test_the_device_comes_is_found_and_goes(tmp_path: Path) -> None:
    config = settings(tmp_path, tmp_path)
    udn = unique_name(config.device.id)
    with listen() as ear:
        with appliance(config) as one:
            assert hear(ear, Notice.ALIVE, udn)
            location = f"{one.base}/MediaRenderer.xml"
            assert location in search(RENDERER)
            assert location in search("ssdp:all")
            found_by_gssdp(one)
        assert hear(ear, Notice.BYEBYE, udn)


def found_by_gssdp(one: Appliance) -> None:
    """GNOME's implementation finds the device, too, where it is installed."""
    if shutil.which("gssdp-discover") is None:
        return
    command = ["gssdp-discover", "-i", "lo", "--timeout=2", f"--target={RENDERER}", "--message-type=available"]
    found = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert f"{one.base}/MediaRenderer.xml" in found.stdout
