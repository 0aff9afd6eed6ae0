"""The PIN that the device makes for its page, and the key that signs logins: one small file in the data folder.

`affetto boot` makes it before the first start, to show the PIN on the boot partition; elsewhere the conductor does. The
page and `affetto check` read it. Whoever deletes it ends all logins: the
next start makes new ones.
"""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from device.config.schema import Config

NAME = "page.json"
DIGITS = 6
LARGEST = 4096  # bytes


@dataclass(frozen=True, slots=True)
class PageKeys:
    """`pin` is made of digits; `key` is a hexadecimal text."""

    pin: str
    key: str = field(repr=False)


def read(data_dir: Path) -> PageKeys | None:
    """The keys, or None if there are none or this user may not read them."""
    try:
        with open(data_dir / NAME, "rb") as file:
            return msgspec.json.decode(file.read(LARGEST), type=PageKeys)
    except (OSError, msgspec.MsgspecError):
        return None


def ensure(data_dir: Path) -> PageKeys:
    """The keys; makes them if there are none. Only the folder's user and group can read them. Raises OSError."""
    from device.config.boot import partition  # here, because the boot partition shows what this module knows

    if (keys := read(data_dir)) is None:
        keys = PageKeys(f"{secrets.randbelow(10**DIGITS):0{DIGITS}}", secrets.token_hex(32))
        partition.replace(data_dir / NAME, msgspec.json.encode(keys), 0o640)
        if os.geteuid() == 0:
            owner = data_dir.stat()
            os.chown(data_dir / NAME, owner.st_uid, owner.st_gid, follow_symlinks=False)
    return keys


def pin_of(config: Config) -> str:
    """The PIN in force: the one in the settings, or the one that the device made; empty if none can be read."""
    if config.page.pin:
        return config.page.pin
    keys = read(Path(config.device.data_dir))
    return keys.pin if keys is not None else ""


def address_of(config: Config) -> str:
    """The address of the page for people."""
    port = "" if config.page.port == 80 else f":{config.page.port}"
    return f"http://{host_name(config.device.id)}{port}"


def host_name(device_id: str) -> str:
    """The name of the device in the local network (mDNS)."""
    name = device_id.replace("_", "-").strip("-") or "affetto"
    return f"{name if name.startswith('affetto') else f'affetto-{name}'}.local"
