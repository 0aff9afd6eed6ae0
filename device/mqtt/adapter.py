"""The device on MQTT: turns messages into commands, and the Snapshot and notices into messages. Decides nothing.

The main thread calls `show` and `tell`. The connection's thread calls `_take`, which only puts events into the inbox:
it never publishes (paho.mqtt.python#354).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Protocol

from device.config.schema import Config
from device.domain import (
    Announce,
    Answer,
    Asked,
    Event,
    Handled,
    Identity,
    Misunderstood,
    Now,
    Origin,
    Snapshot,
    SurfaceDown,
    SurfaceUp,
)
from device.mqtt import discovery, documents
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
"""Makes a link, given the consumer of its events and the first topics to subscribe to."""


class MqttAdapter:
    """A surface. `known_as`: the name under which the broker knew this device before. `connect`: a link for tests."""

    def __init__(
        self,
        config: Config,
        put: Callable[[Event], None],
        known_as: str = "",
        connect: Connect | None = None,
        identity: Identity | None = None,
    ) -> None:
        topics = Topics(config.mqtt.base_topic, config.device.id, config.mqtt.discovery_prefix)
        self._topics, self._put, self._more = topics, put, ["", ""]

        def announce(playlists: tuple[str, ...]) -> Publication:
            if not config.mqtt.discovery:
                return discovery.withdrawal(topics)
            return discovery.announcement(config, topics, identity or Identity(), playlists)

        former = Topics.recall(known_as)
        page = documents.PageState(url=identity.page, pin=identity.pin or None) if identity and identity.page else None
        self._publisher = StatePublisher(
            config.mqtt, topics, announce, former if former != topics else None, page
        )
        self._connections = self._shown = 0  # how often a broker (or Home Assistant) came up, and got all documents
        self._up = False
        self._largest_bytes: int | None = None
        self._problem = self._logged = ""  # what does not work in spite of a connection; the last sentence in the log
        # The id is fixed, so that a broker ends a dead connection of ours when we reconnect.
        client_id, will = f"affetto-{topics.device_id}", topics.availability
        self._link = connect(self._take, self._always) if connect else Connection(
            config.mqtt, self._take, self._always, client_id, will
        )

    def start(self) -> None:
        """Begin to connect; the broker may start later."""
        self._link.start()

    @property
    def alive(self) -> bool:
        """Whether the connection's threads work as they should."""
        return self._link.alive

    def show(self, snapshot: Snapshot, now: Now) -> None:
        """Publish what has changed."""
        led = snapshot.group.name if snapshot.group is not None and snapshot.group.leads else ""
        more = [self._topics.room_commands(snapshot.room), self._topics.group_commands(led)]
        if more != self._more:
            self._more = more
            self._link.subscribe(*self._always, *filter(None, more))
        if not self._up:
            return
        if (connections := self._connections) != self._shown:
            self._shown = connections
            self._publisher.forget()
        for publication in self._publisher.render(snapshot, now):
            self._publish(publication)

    def notify(self, notice: Announce | Answer | Handled) -> None:
        """Publish a notice once; an answer only if its command came over MQTT. MQTT has no replies, so `Handled` says
        nothing new here."""
        if isinstance(notice, Handled) or (isinstance(notice, Answer) and notice.origin.surface != NAME):
            return
        self._publish(self._publisher.notice(notice))

    def close(self) -> None:
        """Publish "offline" and disconnect. Idempotent."""
        self._link.close()

    @property
    def _always(self) -> tuple[str, ...]:
        return (self._topics.commands, self._topics.home_assistant_status)

    def _publish(self, publication: Publication) -> None:
        self._link.publish(publication.topic, publication.payload, publication.retain)

    # --- The connection's thread ---

    def _take(self, event: ConnectionEvent) -> None:
        match event:
            case BrokerConnected(address, problem, largest_bytes):
                self._up, self._problem, self._largest_bytes = True, problem, largest_bytes
                if problem:
                    self._log(problem, logging.WARNING)
                else:
                    self._log(f"Connected to the MQTT broker at {address}.", logging.INFO)
                self._show_anew()
            case BrokerLost(problem):
                self._up = False
                self._log(problem, logging.WARNING)
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
        self._put(SurfaceUp(NAME, self._topics.record(), self._problem, self._largest_bytes))

    def _log(self, sentence: str, level: int) -> None:
        """Log a sentence, unless it was the last one: a rival with our id causes the same ones again and again."""
        if sentence != self._logged:
            self._logged = sentence
            log.log(level, "%s", sentence)
