"""Finds an MQTT broker that announces itself in the local network, for a device whose settings name none.

Multicast DNS (RFC 6762) and its service discovery (RFC 6763), through the library zeroconf, loaded only when somebody
looks. `find` blocks while it looks; `BrokerSearch` looks on a thread of its own until there is a broker, and says where
to go. Everybody in the network can announce a broker: where you do not trust everybody, name yours.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from device.backoff import Backoff

log = logging.getLogger("affetto.mqtt")

SEARCH_S = 3.0
WAITS = Backoff(first_s=5.0, longest_s=60.0)  # between two looks
MOST = 32  # announcements; each costs up to a second
PLAIN, SECURE = "_mqtt._tcp.local.", "_secure-mqtt._tcp.local."


@dataclass(frozen=True, slots=True, order=True)
class Broker:
    """Where a broker listens. Brokers are in the order of the names under which they announce themselves."""

    name: str
    host: str
    port: int

    @property
    def words(self) -> str:
        """For people."""
        return f"{self.name} ({self.host}:{self.port})" if self.name else f"{self.host}:{self.port}"


Find = Callable[[bool], list[Broker]]


def find(tls: bool, timeout_s: float = SEARCH_S, interfaces: list[str] | None = None) -> list[Broker]:
    """All brokers that answer within `timeout_s`, always in the same order; none if there is no network.

    `tls`: those that speak TLS, instead of those that do not. `interfaces`: addresses of ours to ask on (None: all).
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
        log.debug("Cannot look for an MQTT broker in the network (%s).", error)
        return []
    return sorted(broker for info in infos if info is not None for broker in _first_address(info, kind))


def _ask(network: object, kind: str, name: str) -> object | None:
    """What a service says of itself; None for no answer, or a name that breaks the rules."""
    import zeroconf

    try:
        return network.get_service_info(kind, name, timeout=1000)  # type: ignore[attr-defined, no-any-return]
    except zeroconf.Error as error:
        log.debug("%r announces itself as an MQTT broker, but not as it should (%s).", name, error)
        return None


def _first_address(info: object, kind: str) -> list[Broker]:
    addresses = sorted(info.parsed_scoped_addresses(), key=lambda a: (":" in a, a))  # type: ignore[attr-defined]
    name, port = info.name.removesuffix(f".{kind}"), info.port  # type: ignore[attr-defined]
    name = "".join(letter if letter.isprintable() else "?" for letter in name)
    return [Broker(name, address, port) for address in addresses[:1] if port]


class BrokerSearch:
    """Looks until there is a connection, and again when it is lost or leads to the fallback only.

    The search's thread calls `go` with the broker to connect to, or with `fallback` as long as none answers. `up` says
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
        """Ask the thread to end; it does so after its present look."""
        self._stopping.set()

    @property
    def alive(self) -> bool:
        """Whether the thread works, or need not."""
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
        """Look once, and go to another broker if there is one. If none answers, stay with the last that did."""
        found = self._look(self._tls)
        broker = found[0] if found else self._here or self._fallback
        if broker == self._here or self._stopping.is_set():
            return
        self._here = broker
        log.info("The settings name no MQTT broker. %s", tell(found, broker))
        self._go(broker)


def tell(found: list[Broker], chosen: Broker) -> str:
    """What was found, in a sentence."""
    if not found:
        return f"None announces itself in the network (mDNS) either; trying {chosen.words}."
    if len(found) == 1:
        return f"Found by mDNS: {chosen.words}."
    others = ", ".join(broker.words for broker in found[1:])
    return (f"{len(found)} announce themselves (mDNS); {chosen.words} comes first by name, "
            f"so Affetto takes it and not {others}.")
