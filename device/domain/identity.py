"""What this machine is, for the surfaces that show it to people."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Identity:
    """`serial_number`: the board's, empty if it has none. `macs`: the addresses of its network cards, such as
    "b8:27:eb:01:02:03". `board`: its name, empty if unknown. `page`: the address of the page for phones, empty without
    one; `pin`: what it asks its owner for, empty if it asks for a password."""

    serial_number: str = ""
    macs: tuple[str, ...] = ()
    board: str = ""
    page: str = ""
    pin: str = field(default="", repr=False)
