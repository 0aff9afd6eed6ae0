"""Whatever arrives from the network, the parsers neither raise nor grow, and the device goes on."""

from __future__ import annotations

import gc
import random
import socket
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from device.upnp import soap, ssdp, state
from device.upnp.access import address_of, callback_of, is_local, names_the_device
from device.upnp.criteria import CriteriaError, parse
from device.upnp.didl import describe
from device.upnp.services import AV_TRANSPORT, CONTENT_DIRECTORY
from device.upnp.subscriptions import seconds as granted
from device.upnp.text import seconds
from device.upnp.translate import translate
from tests.upnp_device import appliance, settings
from tests.upnp_views import view

INPUTS = 10_000
TRACED = 2_000  # the last ones, in which nothing may grow any more
ODD = [
    b"<!DOCTYPE x [<!ENTITY a 'b'>]>", b"&a;", b"<![CDATA[", b"]]>", b"\x00", b"\xff\xfe", b"<" * 50, b"<a>" * 500,
    b'<a b="', b"&#x0;", b"&#xd800;", b"<?xml version='1.0' encoding='utf-16'?>", b"<?xml encoding='zip'?>",
    b"\r\n\r\n", b":" * 20, b"MX: 99999999999999999999", b"ST: ssdp:all\r\n", b"%s%n", b"9" * 400, b"-1", b"\\" * 9,
    b'<!DOCTYPE x SYSTEM "file:///etc/passwd">', b"<xi:include href='file:///etc/passwd'/>", b"(" * 60, b'"',
]  # fmt: skip

ENVELOPE = (
    '<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
    '<u:{action} xmlns:u="{kind}">{arguments}</u:{action}></s:Body></s:Envelope>'
)
SEEK = ENVELOPE.format(
    action="Seek",
    kind=AV_TRANSPORT.kind,
    arguments="<InstanceID>0</InstanceID><Unit>REL_TIME</Unit><Target>0:01:00</Target>",
).encode()
SEARCH = b'M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: "ssdp:discover"\r\nMX: 2\r\nST: ssdp:all\r\n\r\n'
CRITERIA = b'(upnp:class derivedfrom "object.item" and dc:title contains "a\\"b") or @id exists true'


def mutated(seed: bytes, dice: random.Random) -> bytes:
    """The seed after some of the things that happen to bytes."""
    data = bytearray(seed)
    for _ in range(dice.randrange(1, 6)):
        at = dice.randrange(len(data) + 1)
        match dice.randrange(5):
            case 0:
                data[at:at] = dice.choice(ODD)
            case 1:
                del data[at : at + dice.randrange(40)]
            case 2:
                data[at : at + 1] = dice.randbytes(dice.randrange(4))
            case 3:
                data[at:at] = data[dice.randrange(len(data) + 1) :][: dice.randrange(60)]
            case 4:
                data = data[:at] or bytearray(b"<")
    return bytes(data)


def call(data: bytes) -> None:
    read = soap.read(AV_TRANSPORT, data, '"x#Seek"')
    if isinstance(read, soap.Call):
        translate(read, view())
    soap.read(CONTENT_DIRECTORY, data, "Browse")


def search(data: bytes) -> None:
    if (found := ssdp.read_search(data)) is not None:
        assert 0 <= found.wait_s <= ssdp.LONGEST_WAIT_S


def criteria(data: bytes) -> None:
    try:
        parse(data.decode("latin-1")).fits({"dc:title": "a"})
    except CriteriaError:
        return


def header(data: bytes) -> None:
    text = data.decode("latin-1")
    callback = callback_of(text)
    assert not callback or is_local(urlsplit(callback).hostname or "")
    names_the_device(text)
    address_of(text)
    seconds(text)
    assert 30 <= granted(text) <= 1800


def didl(data: bytes) -> None:
    describe(data.decode("utf-8", "surrogateescape"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("parser", "seed"),
    [
        (call, SEEK),
        (search, SEARCH),
        (criteria, CRITERIA),
        (header, b"<http://192.168.1.2:80/x>"),
        (didl, state.transport(view())["CurrentTrackMetaData"].encode()),
    ],
    ids=["soap", "ssdp", "criteria", "headers", "didl"],
)
def test_ten_thousand_inputs_neither_raise_nor_stay(parser: Callable[[bytes], None], seed: bytes) -> None:
    dice = random.Random(1)
    for number in range(INPUTS):
        if number == INPUTS - TRACED:
            tracemalloc.start()
        parser(mutated(seed, dice))
    gc.collect()
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert grown < 50_000  # bytes


def test_xml_as_deep_as_a_request_may_be_is_read() -> None:
    deep = ENVELOPE.format(action="Stop", kind="x", arguments="<a>" * 9_000 + "</a>" * 9_000)
    assert isinstance(soap.read(AV_TRANSPORT, deep.encode(), "Stop"), soap.Fault)


def test_the_device_goes_on_after_garbage_on_the_wire(tmp_path: Path) -> None:
    dice = random.Random(2)
    post = b"POST /MediaRenderer/AVTransport/control HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %d\r\n\r\n"
    subscribe = b"SUBSCRIBE /MediaRenderer/AVTransport/events HTTP/1.1\r\nHost: 127.0.0.1\r\nNT: upnp:event\r\n"
    with appliance(settings(tmp_path, tmp_path)) as one, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        datagrams.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
        for _ in range(300):
            datagrams.sendto(mutated(SEARCH, dice), ("239.255.255.250", 1900))
            body = mutated(SEEK, dice)
            heads = [post % len(body), subscribe + mutated(b"CALLBACK: <http://10.0.0.1/>\r\n\r\n", dice), b""]
            with socket.create_connection(("127.0.0.1", one.config.upnp.port), 20) as link:
                link.settimeout(20)
                link.sendall(dice.choice(heads) + body)
                if dice.random() < 0.3:
                    link.shutdown(socket.SHUT_WR)
                    link.recv(1000)
        with socket.create_connection(("127.0.0.1", one.config.upnp.port), 20) as link:
            link.sendall(b"GET /MediaRenderer.xml HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            assert link.recv(1000).startswith(b"HTTP/1.1 200 ")
