"""A broker and a connection to it without network or threads, for tests and for trying things out.

They obey the same contract as `client.Connection` on a real broker: tests/test_mqtt.py runs one suite over both. Events
are put from within the call that causes them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from paho.mqtt.client import topic_matches_sub

from device.mqtt.documents import OFFLINE
from device.mqtt.messages import BrokerConnected, BrokerLost, ConnectionEvent, Message


@dataclass
class FakeBroker:
    """Keeps what is retained in `retained` and everything that was ever published in `said`."""

    up: bool = True
    retained: dict[str, bytes] = field(default_factory=dict)
    said: list[tuple[str, bytes, bool]] = field(default_factory=list)
    _clients: list[FakeConnection] = field(default_factory=list)

    def publish(self, topic: str, payload: bytes, retain: bool = False) -> None:
        """Keep it if it is to be retained (empty: forget), and hand it to whoever listens."""
        self.said.append((topic, payload, retain))
        if retain:
            self.retained[topic] = payload
            if not payload:
                del self.retained[topic]
        for client in self._clients:
            if client.connected and client.hears(topic):
                client.receive(Message(topic, payload))

    def join(self, client: FakeConnection) -> None:
        """A client wants to be connected, now or as soon as the broker is there."""
        self._clients.append(client)
        if self.up:
            client.connect()

    def leave(self, client: FakeConnection) -> None:
        """A client goes for good."""
        if client in self._clients:
            self._clients.remove(client)

    def stop(self) -> None:
        """Be gone, with all that was retained."""
        self.up = False
        self.retained.clear()
        for client in self._clients:
            client.lose("The broker was stopped.")

    def start(self) -> None:
        """Be back; everybody connects again."""
        self.up = True
        for client in self._clients:
            client.connect()


class FakeConnection:
    """A `Link` to a `FakeBroker`."""

    alive = True

    def __init__(
        self, broker: FakeBroker, put: Callable[[ConnectionEvent], None], filters: Iterable[str], will: str = ""
    ) -> None:
        self.connected = False
        self._broker, self._put, self._will = broker, put, will
        self._filters = tuple(filters)
        self._closed = False

    def start(self) -> None:
        """Connect as soon as the broker is there."""
        self._broker.join(self)
        if not self._broker.up:
            self._put(BrokerLost("There is no broker yet."))

    def publish(self, topic: str, payload: bytes, retain: bool) -> None:
        """Send it, or drop it while the broker is away."""
        if self.connected:
            self._broker.publish(topic, payload, retain)

    def subscribe(self, *filters: str) -> None:
        """Hear these and nothing else from now on."""
        old, self._filters = self._filters, filters
        if self.connected:
            self._hear_retained(tuple(name for name in filters if name not in old))

    def close(self) -> None:
        """Say "offline" and end."""
        if not self._closed:
            self._closed = True
            if self._will:
                self.publish(self._will, OFFLINE, True)
            self.connected = False
            self._broker.leave(self)

    # --- The broker's side ---

    def hears(self, topic: str) -> bool:
        """Whether a filter covers `topic`."""
        return any(topic_matches_sub(name, topic) for name in self._filters)

    def connect(self) -> None:
        """The broker took us."""
        self.connected = True
        self._put(BrokerConnected())
        self._hear_retained(self._filters)

    def lose(self, problem: str) -> None:
        """The broker is gone."""
        if self.connected:
            self.connected = False
            self._put(BrokerLost(problem))

    def receive(self, message: Message) -> None:
        """A message for us."""
        self._put(message)

    def _hear_retained(self, filters: tuple[str, ...]) -> None:
        for topic, payload in list(self._broker.retained.items()):
            if any(topic_matches_sub(name, topic) for name in filters):
                self._put(Message(topic, payload, retained=True))
