"""What the rooms need from a connection to the MQTT broker. The conductor hands one in, made by the package `mqtt`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Up:
    """The broker at `address` ("host:port") answers; it may have none of our messages."""

    address: str = ""


@dataclass(frozen=True, slots=True)
class Down:
    """The broker is gone; `problem` says why. The connection retries by itself."""

    problem: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """A message that we subscribed to. `retained`: the broker had stored it."""

    topic: str
    payload: bytes
    retained: bool = False


LinkEvent = Up | Down | Message


class Link(Protocol):
    """A connection that reconnects and subscribes again by itself."""

    @property
    def alive(self) -> bool: ...
    def start(self) -> None: ...
    def publish(self, topic: str, payload: bytes, retain: bool) -> None: ...
    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class LinkRequest:
    """What a connection is for. `take` gets its events, on the connection's thread. `will` is the topic on which
    "offline" is published, retained, when the connection ends."""

    take: Callable[[LinkEvent], None]
    filters: tuple[str, ...]
    client_id: str
    will: str


Connect = Callable[[LinkRequest], Link]
