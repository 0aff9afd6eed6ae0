"""Outside the machine: a Mosquitto, and a listener that keeps everything that arrives there, with the time."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from device.demo.broker import PrivateBroker

PATIENCE_S = 240.0


class NotHeard(Exception):
    """Something that should have arrived did not."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A message, and when it arrived (wall clock, s)."""

    at_s: float
    topic: str
    payload: str
    retained: bool

    @property
    def json(self) -> dict[str, Any]:
        found = json.loads(self.payload) if self.payload.startswith("{") else {}
        return found if isinstance(found, dict) else {}


Fits = Callable[[Heard], bool]


class Outside:
    """Use as a context manager. `name` is the device; `port` is the broker's, or 0 for any free one."""

    def __init__(self, name: str, username: str = "", password: str = "", port: int = 0) -> None:
        self.name, self.broker = name, PrivateBroker(username, password)
        self.broker.port = port or self.broker.port
        self._heard: list[Heard] = []
        self._news = threading.Condition()
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        self._client.username_pw_set(username or None, password or None)
        self._client.on_connect = lambda client, *_: client.subscribe("#", qos=1)
        self._client.on_message = self._hear
        self._client.reconnect_delay_set(1, 1)

    def __enter__(self) -> Outside:
        self.broker.start()
        self._client.connect(self.broker.host, self.broker.port)
        self._client.loop_start()
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()
        self.broker.close()

    def _hear(self, _client: object, _data: object, message: paho.MQTTMessage) -> None:
        words = message.payload.decode("utf-8", "replace")
        with self._news:
            self._heard.append(Heard(time.time(), message.topic, words, bool(message.retain)))
            self._news.notify_all()

    def topic(self, name: str) -> str:
        """The full topic of the device."""
        return f"affetto/{self.name}/{name}"

    def mark(self) -> int:
        """The present place in what was heard, for `since`."""
        with self._news:
            return len(self._heard)

    def all(self, name: str, since: int = 0) -> list[Heard]:
        """Everything heard on a topic of the device."""
        with self._news:
            return [one for one in self._heard[since:] if one.topic == self.topic(name)]

    def last(self, name: str, since: int = 0) -> Heard | None:
        found = self.all(name, since)
        return found[-1] if found else None

    def wait(self, fits: Fits, words: str, *, since: int = 0, patience_s: float = PATIENCE_S) -> Heard:
        """The first that fits, heard or still to come. Raises NotHeard, with what was waited for in `words`."""
        end_s, place = time.monotonic() + patience_s, since
        with self._news:
            while True:
                for one in self._heard[place:]:
                    if fits(one):
                        return one
                place = len(self._heard)
                left_s = end_s - time.monotonic()
                if left_s <= 0:
                    raise NotHeard(f"{words}: not heard within {patience_s:.0f} s")
                self._news.wait(left_s)

    def wait_for(self, name: str, fits: Fits, *, since: int = 0, patience_s: float = PATIENCE_S) -> Heard:
        """The first on a topic of the device that fits."""
        topic = self.topic(name)
        return self.wait(lambda one: one.topic == topic and fits(one), topic, since=since, patience_s=patience_s)

    def event(self, kind: str, *, since: int = 0, patience_s: float = PATIENCE_S) -> Heard:
        """The first event of a kind."""
        fits = lambda one: one.json.get("event_type") == kind  # noqa: E731
        return self.wait_for("event", fits, since=since, patience_s=patience_s)

    def say(self, name: str, payload: str) -> float:
        """A command; when it was given (wall clock, s)."""
        at_s = time.time()
        self._client.publish(self.topic(name), payload, qos=1).wait_for_publish(10)
        return at_s
