"""What passes between the adapter and its connection: messages in and out, and whether there is a broker."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BrokerConnected:
    """MQTT is up (again): the broker at `address` may know nothing of us. `problem` is a sentence on what does not work
    all the same. A payload of at most `largest_bytes` may well get through, where larger ones did not; None: any."""

    address: str = ""
    problem: str = ""
    largest_bytes: int | None = None


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
