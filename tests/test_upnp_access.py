"""Only the local network reaches the device, and the device reaches only the local network."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from device.upnp.access import callback_of, is_local, names_the_device

LINKS = (ip_network("203.0.113.0/24"), ip_network("2001:db8:1::/64"))


@pytest.mark.parametrize(
    ("address", "local"),
    [
        ("192.168.1.7", True),
        ("10.1.2.3", True),
        ("172.31.0.1", True),
        ("172.32.0.1", False),
        ("169.254.3.4", True),
        ("127.0.0.1", True),
        ("8.8.8.8", False),
        ("100.64.0.1", False),  # behind a provider's router, or in a VPN that spans the world
        ("203.0.113.9", True),  # in a network of ours
        ("::1", True),
        ("fe80::1%eth0", True),
        ("fd12::5", True),
        ("2001:db8:1::77", True),
        ("2001:db8:2::77", False),
        ("::ffff:192.168.1.7", True),
        ("::ffff:8.8.8.8", False),
        ("", False),
        ("kitchen.local", False),
        ("0x7f.1", False),
    ],
)
def test_local_addresses(address: str, local: bool) -> None:
    assert is_local(address, LINKS) is local


@pytest.mark.parametrize(
    ("host", "ours"),
    [
        ("192.168.1.5:8300", True),
        ("192.168.1.5", True),
        ("[fe80::1]:8300", True),
        ("[fe80::1%25eth0]", True),
        ("affetto.attacker.example:8300", False),
        ("localhost:8300", False),
        ("", False),
    ],
)
def test_a_page_from_elsewhere_does_not_name_the_device_by_its_address(host: str, ours: bool) -> None:
    assert names_the_device(host) is ours


@pytest.mark.parametrize(
    ("header", "url"),
    [
        ("<http://192.168.1.2:49152/x>", "http://192.168.1.2:49152/x"),
        ("<http://[fe80::2]:1234/>", "http://[fe80::2]:1234/"),
        ("<http://8.8.8.8/><http://10.0.0.2/e>", "http://10.0.0.2/e"),
        ("<http://8.8.8.8/>", ""),
        ("<http://attacker.example/>", ""),
        ("<https://192.168.1.2/>", ""),
        ("<http://me@192.168.1.2/>", ""),
        ("<http://192.168.1.2:99999/>", ""),
        ("http://192.168.1.2/", ""),
        ("<file:///etc/passwd>", ""),
        ("<>", ""),
        ("", ""),
    ],
)
def test_events_go_only_to_the_local_network(header: str, url: str) -> None:
    assert callback_of(header) == url


def test_a_link_local_subscriber_is_where_its_request_came_from() -> None:
    assert callback_of("<http://[fe80::2]:80/x>", scope=7) == "http://[fe80::2%7]:80/x"
    assert callback_of("<http://[fe80::2%3]:80/x>", scope=7) == "http://[fe80::2%3]:80/x"
    assert callback_of("<http://[fd00::2]:80/x>", scope=7) == "http://[fd00::2]:80/x"
    assert callback_of("<http://10.0.0.2/x>", scope=7) == "http://10.0.0.2/x"
