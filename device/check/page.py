"""Checks whether the page for phones answers, and says where it is and which PIN it asks for."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from pathlib import Path

from device.check.finding import Finding, note, problem, well
from device.config import page_keys
from device.config.schema import Config

PART = "page"
TIMEOUT_S = 3.0
OTHER_PORT = 8080
RESTART = "sudo systemctl restart affetto-page; its log may say why: journalctl -u affetto-page -n 20"


def page(config: Config, *, runs: bool) -> Iterator[Finding]:
    """`runs`: whether the conductor runs, so that the page should answer."""
    settings = config.page
    if not settings.enabled:
        yield note(PART, "switched off: page.enabled is false")
        return
    if not runs:
        yield note(PART, "not checked, because Affetto does not run")
        return
    port = next((one for one in (settings.port, OTHER_PORT) if answers(one)), 0)
    if not port:
        yield problem(PART, f"does not answer on port {settings.port}", RESTART)
        return
    here = page_keys.address_of(config).removesuffix(f":{settings.port}")
    yield well(PART, f"{here}{'' if port == 80 else f':{port}'}; {words_for(config)}")


def words_for(config: Config) -> str:
    """How to get in, in words."""
    if config.page.access == "password":
        return "it asks for the password in the settings"
    pin = page_keys.pin_of(config)
    if not pin:
        found = "the PIN is in " + str(Path(config.device.data_dir) / page_keys.NAME) + ", which this user cannot read"
    else:
        found = f"the PIN is {pin}"
    return f"open to everybody; for the settings, {found}" if config.page.access == "open" else found


def answers(port: int) -> bool:
    """Whether our page listens at this port of this machine."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", "/api/me")
        return connection.getresponse().getheader("Server") == "Affetto"
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
