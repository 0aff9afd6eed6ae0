"""The device on MQTT: turns messages into commands, and the Snapshot and notices into messages. Decides nothing.

The main thread calls `show` and `tell`. The connection's thread calls `_take`, which only puts events into the inbox:
it never publishes (paho.mqtt.python#354).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Protocol

from device.config.schema import Config
from device.domain import Announce, Answer, Asked, Event, Misunderstood, Now, Origin, Snapshot, SurfaceDown, SurfaceUp
from device.mqtt import discovery
from device.mqtt.client import Connection
from device.mqtt.command_parser import show as shown
from device.mqtt.messages import BrokerConnected, BrokerLost, ConnectionEvent, Message, Publication
from device.mqtt.state_publisher import StatePublisher
from device.mqtt.topics import Topics

log = logging.getLogger("affetto.mqtt")

NAME = "MQTT"


class Link(Protocol):
    """What the adapter needs of a connection; see `client.Connection` and `fake.FakeConnection`."""

    @property
    def alive(self) -> bool: ...
    def start(self) -> None: ...
    def publish(self, topic: str, payload: bytes, retain: bool) -> None: ...
    def subscribe(self, *filters: str) -> None: ...
    def close(self) -> None: ...


Connect = Callable[[Callable[[ConnectionEvent], None], tuple[str, ...]], Link]
"""Makes a link from where its events go and what to subscribe to at first."""


class MqttAdapter:
    """A surface. `known_as`: under which name the broker knew this device before; `connect`: another link in tests."""

    def __init__(
        self, config: Config, put: Callable[[Event], None], known_as: str = "", connect: Connect | None = None
    ) -> None:
        topics = Topics(config.mqtt.base_topic, config.device.id, config.mqtt.discovery_prefix)
        self._topics, self._put, self._room = topics, put, ""
        announcement = discovery.announcement(config, topics) if config.mqtt.discovery else discovery.withdrawal(topics)
        former = Topics.recall(known_as)
        self._publisher = StatePublisher(config.mqtt, topics, announcement, former if former != topics else None)
        self._connections = self._shown = 0  # how often a broker (or Home Assistant) came up, and was shown everything
        self._up = False
        # The id is fixed, so that a broker which has not noticed a dead connection ends it when we come back.
        client_id, will = f"affetto-{topics.device_id}", topics.availability
        self._link = connect(self._take, self._always) if connect else Connection(
            config.mqtt, self._take, self._always, client_id, will
        )

    def start(self) -> None:
        """Begin to connect; a broker that is not there yet is fine."""
        self._link.start()

    @property
    def alive(self) -> bool:
        """Whether the connection's threads work as they should."""
        return self._link.alive

    def show(self, snapshot: Snapshot, now: Now) -> None:
        """Bring the broker up to date."""
        if snapshot.room != self._room:
            self._room = snapshot.room
            self._link.subscribe(*self._always, *filter(None, (self._topics.room_commands(self._room),)))
        if not self._up:
            return
        if (connections := self._connections) != self._shown:
            self._shown = connections
            self._publisher.forget()
        for publication in self._publisher.render(snapshot, now):
            self._publish(publication)

    def tell(self, notice: Announce | Answer) -> None:
        """Say what happened, once; an answer only to who asked here."""
        if isinstance(notice, Answer) and notice.origin.surface != NAME:
            return
        publication = self._publisher.notice(notice)
        log.info("%s %s", publication.topic, publication.payload.decode())
        self._publish(publication)

    def close(self) -> None:
        """Say "offline" and end. Idempotent."""
        self._link.close()

    @property
    def _always(self) -> tuple[str, ...]:
        return (self._topics.commands, self._topics.home_assistant_status)

    def _publish(self, publication: Publication) -> None:
        self._link.publish(publication.topic, publication.payload, publication.retain)

    # --- The connection's thread ---

    def _take(self, event: ConnectionEvent) -> None:
        match event:
            case BrokerConnected():
                self._up = True
                self._show_anew()
            case BrokerLost(problem):
                self._up = False
                self._put(SurfaceDown(NAME, problem))
            case Message(topic, payload) if topic == self._topics.home_assistant_status:
                if payload.strip().lower() == b"online":
                    self._show_anew()
            case Message(topic, payload, retained):
                origin = Origin(NAME, topic, shown(payload))
                command = self._topics.parse(topic, payload, retained)
                self._put(Misunderstood(origin, command) if isinstance(command, str) else Asked(command, origin))

    def _show_anew(self) -> None:
        self._connections += 1
        self._put(SurfaceUp(NAME, self._topics.record()))
