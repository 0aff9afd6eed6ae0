"""Finds an MQTT broker that announces itself in the local network, for a device whose settings name none.

Multicast DNS (RFC 6762) and its service discovery (RFC 6763), through the library zeroconf, which is only loaded when
somebody looks. `find` blocks for as long as it looks; `BrokerSearch` keeps looking on a thread of its own until a
broker is
found, and says where to go. Whoever is in the network can announce a broker: where not everybody is trusted, name it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

log = logging.getLogger("affetto.mqtt")

SEARCH_S = 3.0
SHORTEST_WAIT_S, LONGEST_WAIT_S = 5.0, 60.0
"""Between two looks; doubles from one to the next."""
PLAIN, SECURE = "_mqtt._tcp.local.", "_secure-mqtt._tcp.local."


@dataclass(frozen=True, slots=True, order=True)
class Broker:
    """Where a broker listens; brokers are put in order by the name under which they announce themselves."""

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
            infos = [network.get_service_info(kind, name, timeout=1000) for name in sorted(names)]
    except OSError as error:
        log.info("Cannot look for an MQTT broker in the network (%s).", error)
        return []
    return sorted(broker for info in infos if info is not None for broker in _first_address(info, kind))


def _first_address(info: object, kind: str) -> list[Broker]:
    addresses = sorted(info.parsed_scoped_addresses(), key=lambda a: (":" in a, a))  # type: ignore[attr-defined]
    name, port = info.name.removesuffix(f".{kind}"), info.port  # type: ignore[attr-defined]
    return [Broker(name, address, port) for address in addresses[:1] if port]


class BrokerSearch:
    """Looks until there is a connection, and again when it is lost or goes to the fallback only.

    `go` is called on the search's thread with the broker to go to, and before the first with nothing else than
    `fallback` if none answers; `up` says whether the connection stands.
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
        """Ask the thread to end; it does when it has looked to the end."""
        self._stopping.set()

    def _run(self) -> None:
        wait_s = 0.0
        while not self._stopping.wait(wait_s):
            settled = self._here not in (None, self._fallback) and self._up()
            if not settled:
                self.step()
            wait_s = SHORTEST_WAIT_S if settled else min(max(2 * wait_s, SHORTEST_WAIT_S), LONGEST_WAIT_S)

    def step(self) -> None:
        """Look once, and go there if it is elsewhere. Where nobody answers, the place that was known is the best."""
        found = self._look(self._tls)
        place = found[0] if found else self._here or self._fallback
        if place == self._here or self._stopping.is_set():
            return
        self._here = place
        log.info("No MQTT broker is named in the settings. %s", tell(found, place))
        self._go(place)


def tell(found: list[Broker], place: Broker) -> str:
    """What was found, in a sentence."""
    if not found:
        return f"None announces itself in the network (mDNS) either; trying {place.words}."
    if len(found) == 1:
        return f"Found by mDNS: {place.words}."
    others = ", ".join(broker.words for broker in found[1:])
    return f"{len(found)} announce themselves (mDNS); {place.words} is the first by name and is taken, not {others}."
