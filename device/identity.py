"""Finds out what this machine is: serial number, board and network cards, from /sys and the device tree."""

from __future__ import annotations

import re
from pathlib import Path

from device.config import page_keys
from device.config.schema import Config
from device.domain import Identity

MAC = re.compile(r"([0-9a-f]{2}:){5}[0-9a-f]{2}")
NO_MAC = "00:00:00:00:00:00"
LONGEST = 64  # characters


def read(config: Config, root: Path = Path("/")) -> Identity:
    """The identity of this machine; a fact that cannot be read is left out."""
    tree = root / "proc/device-tree"
    serial_number, board = _text(tree / "serial-number"), _text(tree / "model")
    page = page_keys.address_of(config) if config.page.enabled else ""
    pin = page_keys.pin_of(config) if page and config.page.access != "password" else ""
    return Identity(serial_number, _macs(root / "sys/class/net"), board, page, pin)


def _text(path: Path) -> str:
    try:
        raw = path.read_bytes()
    except OSError:
        return ""
    text = raw.rstrip(b"\0\n ").decode("ascii", "replace")
    return text[:LONGEST] if text.isprintable() else ""


def _macs(folder: Path) -> tuple[str, ...]:
    """The addresses of real network cards: each has a device behind it, a bridge or a tunnel has none."""
    cards = sorted(card for card in folder.glob("*") if (card / "device").exists())
    found = (_text(card / "address").lower() for card in cards)
    return tuple(dict.fromkeys(mac for mac in found if MAC.fullmatch(mac) and mac != NO_MAC))
