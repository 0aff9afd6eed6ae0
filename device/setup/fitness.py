"""Whether this machine can run the service. install.sh asks before any change; this only looks."""

from __future__ import annotations

import configparser
import os
import platform
import socket
from pathlib import Path
from urllib.parse import urlsplit

from device.setup.layout import Refusal

BOARDS = (
    *("Raspberry Pi 3", "Raspberry Pi 4", "Raspberry Pi 5", "Raspberry Pi 400", "Raspberry Pi 500"),
    *("Raspberry Pi Zero 2", "Raspberry Pi Compute Module 3", "Raspberry Pi Compute Module 4"),
    *("Raspberry Pi Compute Module 5", "linux,dummy-virt"),  # the last one is QEMU's
)
DEVICE_TREE = Path("/proc/device-tree/model")
PIP_CONFIG = (Path("/etc/pip.conf"), Path("~/.config/pip/pip.conf"), Path("~/.pip/pip.conf"))
PACKAGE_INDEX = "https://pypi.org/simple"
PATIENCE_S = 10.0
SCHEMES = {"http": 80, "https": 443}


def examine(*, any_board: bool, wheels: Path | None) -> None:
    """Raises Refusal for the first obstacle."""
    if not any_board:
        check_board(platform.machine(), read_model())
    if wheels is not None:
        check_wheels(wheels)
    else:
        check_network(find_index())


def read_model(path: Path = DEVICE_TREE) -> str:
    """The name of the board; empty if it has none."""
    try:
        return path.read_bytes().decode("utf-8", "replace").strip("\0\n ")
    except OSError:
        return ""


def check_board(processor: str, model: str) -> None:
    """Accept any x86-64 machine, and ARM boards on the list."""
    if processor == "x86_64" or model.startswith(BOARDS):
        return
    raise Refusal(
        f"this board ({model or 'without a name'}) is not one of the boards that Affetto supports: Raspberry "
        "Pi 3, 4, 5 and Zero 2 W. If it runs 64-bit Debian, it may still work: add --any-board."
    )


def check_wheels(folder: Path) -> None:
    if not any(folder.glob("*.whl")):
        raise Refusal(
            f"there are no Python packages (*.whl) in {folder}. Fill it on a machine with a network, the "
            f"same processor type and Python {platform.python_version().rpartition('.')[0]}: "
            'pip download -d WHEELS . "setuptools>=68"'
        )


def find_index() -> str:
    """Address of the Python package index that pip would ask."""
    if address := os.environ.get("PIP_INDEX_URL"):
        return address
    parser = configparser.RawConfigParser(strict=False)
    parser.read([path.expanduser() for path in PIP_CONFIG])
    return str(parser.get("global", "index-url", fallback=PACKAGE_INDEX))


def check_network(index: str) -> None:
    """The server of the Python packages, or the proxy before it, answers."""
    scheme = urlsplit(index).scheme
    if scheme not in SCHEMES:
        return  # a folder
    proxy = os.environ.get(f"{scheme}_proxy") or os.environ.get(f"{scheme.upper()}_PROXY")
    place = urlsplit(proxy or index)
    address = (place.hostname or "", place.port or SCHEMES.get(place.scheme, 80))
    try:
        socket.create_connection(address, PATIENCE_S).close()
    except OSError as error:
        raise Refusal(
            f"no network: {address[0]} cannot be reached ({error}), and the Python packages come from there. "
            "Connect this machine and run this again, or bring the packages: --offline WHEELS."
        ) from error
