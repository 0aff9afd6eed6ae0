"""Several links, IPv6, an address that changes, and a stranger: in a network namespace of its own."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from ipaddress import ip_interface
from pathlib import Path

import pytest

from device.upnp.interfaces import chosen

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize(
    ("addresses", "expected"),
    [
        (["192.168.1.2/24", "fe80::2/64"], ["192.168.1.2"]),
        (["192.168.1.2/24", "2001:db8::2/64", "fd00::2/64", "fe80::2/64"], ["192.168.1.2", "fd00::2"]),
        (["2001:db8::2/64", "2001:db8::3/64", "fe80::2/64"], ["2001:db8::2"]),
        (["10.0.0.2/8", "10.0.0.3/8"], ["10.0.0.2", "10.0.0.3"]),
        (["fe80::2/64"], ["fe80::2"]),
        ([], []),
    ],
)
def test_under_which_addresses_the_device_appears(addresses: list[str], expected: list[str]) -> None:
    assert [str(one.ip) for one in chosen([ip_interface(address) for address in addresses])] == expected


@pytest.mark.slow
def test_every_link_shows_its_own_address_and_strangers_see_nothing(tmp_path: Path) -> None:
    for program in ("unshare", "ip"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    alone = ["unshare", "-n", "ip", "link", "add", "lan0", "type", "veth", "peer", "name", "lan0x"]
    if subprocess.run(alone, capture_output=True, check=False).returncode:
        pytest.skip("this user may not make network namespaces with links")
    command = ["unshare", "-n", sys.executable, "-m", "tests.upnp_links", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout.splitlines()[-1])

    def at(host: str) -> list[str]:
        return [f"http://{host}:{seen['port']}/MediaRenderer.xml"]

    assert seen["lan0"] == at("192.168.50.2")
    assert seen["lan1"] == at("10.9.0.2")
    assert seen["lan0 IPv6"] == at("[fd50::2]")
    assert seen["lan2 IPv6"] == at(f"[{seen['lan2']}]")
    assert seen["lan0 after a move"] == at("192.168.60.2")
    assert (seen["near"], seen["six"], seen["far"]) == (200, 200, 403)
