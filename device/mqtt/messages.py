"""What passes between the adapter and its connection: messages in and out, and the state of the connection."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BrokerConnected:
    """MQTT is up (again): the broker at `address` may have none of our messages. `problem` is a sentence about what
    still does not work. A payload of at most `largest_bytes` probably gets through, after larger ones did not; None: no
    limit is known."""

    address: str = ""
    problem: str = ""
    largest_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class BrokerLost:
    """MQTT is down; the connection retries by itself. `problem` is a sentence."""

    problem: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """An MQTT message that we subscribed to. `topic` is the full topic; `retained`: the broker had stored it."""

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
