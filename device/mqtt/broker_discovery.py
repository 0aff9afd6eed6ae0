"""Finds an MQTT broker that announces itself on the local network, if the settings name none.

Uses multicast DNS (RFC 6762) and its service discovery (RFC 6763), with the library zeroconf, which loads on first use.
`find` blocks while it searches; `BrokerSearch` searches on a thread of its own until there is a connection. Anybody on
the network can announce a broker: set `mqtt.host` if you do not trust everybody there.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from device.backoff import Backoff

log = logging.getLogger("affetto.mqtt")

SEARCH_S = 3.0
WAITS = Backoff(first_s=5.0, longest_s=60.0)  # between two searches
MOST = 32  # announcements per search; each takes up to a second
PLAIN, SECURE = "_mqtt._tcp.local.", "_secure-mqtt._tcp.local."


@dataclass(frozen=True, slots=True, order=True)
class Broker:
    """Where a broker listens. Brokers sort by the names that they announce."""

    name: str
    host: str
    port: int

    @property
    def label(self) -> str:
        """Name and address, for people."""
        return f"{self.name} ({self.host}:{self.port})" if self.name else f"{self.host}:{self.port}"


Find = Callable[[bool], list[Broker]]


def find(tls: bool, timeout_s: float = SEARCH_S, interfaces: list[str] | None = None) -> list[Broker]:
    """All brokers that answer within `timeout_s`, sorted by name; none if there is no network.

    `tls`: find brokers with TLS instead of those without. `interfaces`: our own addresses to search on (None: all).
    """
    import zeroconf

    kind, names = SECURE if tls else PLAIN, set[str]()

    def notice(zeroconf: object, service_type: str, name: str, state_change: object) -> None:
        names.add(name)

    try:
        with zeroconf.Zeroconf(interfaces=interfaces or zeroconf.InterfaceChoice.All) as network:
            browser = zeroconf.ServiceBrowser(network, kind, handlers=[notice])
            threading.Event().wait(timeout_s)
            browser.cancel()
            infos = [_ask(network, kind, name) for name in sorted(names)[:MOST]]
    except OSError as error:
        log.debug("Cannot search the network for an MQTT broker (%s).", error)
        return []
    return sorted(broker for info in infos if info is not None for broker in _first_address(info, kind))


def _ask(network: object, kind: str, name: str) -> object | None:
    """The service's record; None without an answer, or for an invalid name."""
    import zeroconf

    try:
        return network.get_service_info(kind, name, timeout=1000)  # type: ignore[attr-defined, no-any-return]
    except zeroconf.Error as error:
        log.debug("%r announces itself as an MQTT broker, but its name is invalid (%s).", name, error)
        return None


def _first_address(info: object, kind: str) -> list[Broker]:
    addresses = sorted(info.parsed_scoped_addresses(), key=lambda a: (":" in a, a))  # type: ignore[attr-defined]
    name, port = info.name.removesuffix(f".{kind}"), info.port  # type: ignore[attr-defined]
    name = "".join(letter if letter.isprintable() else "?" for letter in name)
    return [Broker(name, address, port) for address in addresses[:1] if port]


class BrokerSearch:
    """Searches until there is a connection, and again when it is lost or leads only to the fallback.

    Its thread calls `go` with the broker to connect to, or with `fallback` as long as none answers. `up` returns
    whether the connection is up.
    """

    def __init__(
        self, tls: bool, fallback: Broker, up: Callable[[], bool], go: Callable[[Broker], None], look: Find = find
    ) -> None:
        self._tls, self._fallback, self._up, self._go, self._look = tls, fallback, up, go, look
        self._here: Broker | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mqtt-search", daemon=True)

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """Ask the thread to end; it does so after its current search."""
        self._stopping.set()

    @property
    def alive(self) -> bool:
        """Whether the thread still works; true before `start` and after `stop`."""
        return self._thread.is_alive() or self._stopping.is_set() or self._thread.ident is None

    def _run(self) -> None:
        looks, wait_s = 0, 0.0
        while not self._stopping.wait(wait_s):
            if self._here not in (None, self._fallback) and self._up():
                looks = 0
            else:
                self.step()
                looks += 1
            wait_s = WAITS.after(max(looks, 1))

    def step(self) -> None:
        """Search once, and switch to another broker if there is one. If none answers, keep the last one that did."""
        found = self._look(self._tls)
        broker = found[0] if found else self._here or self._fallback
        if broker == self._here or self._stopping.is_set():
            return
        self._here = broker
        log.info("mqtt.host is not set. %s", describe(found, broker))
        self._go(broker)


def describe(found: list[Broker], chosen: Broker) -> str:
    """The result of a search, as a sentence."""
    if not found:
        return f"No MQTT broker announces itself on the network (mDNS); trying {chosen.label}."
    if len(found) == 1:
        return f"Found an MQTT broker by mDNS: {chosen.label}."
    others = ", ".join(broker.label for broker in found[1:])
    return (f"Found {len(found)} MQTT brokers by mDNS; using the first one by name, {chosen.label}, not {others}. "
            "To choose another one, set mqtt.host.")
