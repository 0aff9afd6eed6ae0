"""The MQTT broker: whether it accepts the device. Publishes nothing."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

from device.check.events import wait_for
from device.check.finding import Finding, note, problem, well
from device.config.schema import MqttConfig
from device.errors import AffettoError
from device.mqtt.broker_discovery import Broker, describe, find
from device.mqtt.client import Connection
from device.mqtt.messages import BrokerConnected, BrokerLost, ConnectionEvent, Message
from device.mqtt.topics import Topics

BROKER_S = 8.0  # to connect, name look-up included
RETAINED_S = 0.5  # to receive retained messages of this device


def broker(config: MqttConfig, topics: Topics) -> Iterator[Finding]:
    """Connect with the user name and password in the settings, and see whether the device is already online."""
    if not config.enabled:
        yield note("broker", "MQTT is switched off in the settings")
        return
    if not config.host:
        found = find(config.tls)
        place = found[0] if found else Broker("", "localhost", config.port)
        yield note("broker", f"mqtt.host is not set. {describe(found, place)}")
        config = replace(config, host=place.host, port=place.port)
    events: queue.SimpleQueue[ConnectionEvent] = queue.SimpleQueue()
    there = f"{config.host}:{config.port}"
    try:
        connection = Connection(config, events.put, [topics.availability])
    except AffettoError as error:
        yield problem("broker", str(error))
        return
    with closing(connection):
        connection.start()
        match wait_for(events, BROKER_S, BrokerConnected, BrokerLost):
            case BrokerConnected():
                kept = wait_for(events, RETAINED_S, Message)
            case BrokerLost(words):
                yield problem("broker", words)
                return
            case _:
                words = f"{there} does not answer within {BROKER_S:.0f} s"
                yield problem("broker", words, "check mqtt.host and mqtt.port")
                return
    who = f"as {config.username}" if config.username else "without a password"
    seen = kept.payload.decode(errors="replace") if isinstance(kept, Message) else "not been there yet"
    has = "is" if isinstance(kept, Message) else "has"
    yield well("broker", f"{there} accepts us {who}; {topics.device} {has} {seen}")
