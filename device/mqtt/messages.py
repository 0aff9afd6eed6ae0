"""What passes between the adapter and its connection: messages in and out, and whether there is a broker."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BrokerConnected:
    """MQTT is up (again): the broker may know nothing of us."""


@dataclass(frozen=True, slots=True)
class BrokerLost:
    """MQTT is down; the connection tries again by itself. `problem` is a sentence."""

    problem: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """An MQTT message that we subscribed to, as it came. `topic` is the full topic; `retained` says that the broker had
    kept it from earlier."""

    topic: str
    payload: bytes
    retained: bool = False


@dataclass(frozen=True, slots=True)
class Publication:
    """A message to send, QoS 1, to the full topic."""

    topic: str
    payload: bytes
    retain: bool = True


ConnectionEvent = BrokerConnected | BrokerLost | Message
