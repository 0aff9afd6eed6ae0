"""Notes what the devices say on MQTT: who leads, and which songs begin where."""

from __future__ import annotations

import time
from dataclasses import dataclass

import msgspec
import paho.mqtt.client as paho

from device.demo.broker import PrivateBroker
from device.domain import LeaderRecord
from device.rooms.documents import read_leader, read_music

BACK_S = 3.0  # a song that goes back by more than this has started again


@dataclass(frozen=True)
class Played:
    """What the group heard at a time (monotonic, s)."""

    at: float
    leader: str
    key: str
    position_s: float
    playing: bool


class Listener:
    """A plain client of the broker."""

    def __init__(self, broker: PrivateBroker) -> None:
        self.leader = ""
        self.terms: list[tuple[float, int, str]] = []
        self.played: list[Played] = []
        self.messages: dict[str, int] = {}
        self._best: LeaderRecord | None = None
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        self._client.on_connect = lambda client, *_: client.subscribe("affetto/#", qos=1)
        self._client.on_message = self._hear
        self._client.reconnect_delay_set(1, 1)
        self._client.connect_async(broker.host, broker.port)
        self._client.loop_start()

    def _hear(self, _client: object, _data: object, message: paho.MQTTMessage) -> None:
        now = time.monotonic()
        self.messages[message.topic] = self.messages.get(message.topic, 0) + 1
        if message.topic.endswith("/leader") and (record := read_leader(message.payload)) is not None:
            self._note(record, now)
        elif message.topic.endswith("home/state") and (music := read_music(message.payload)) is not None:
            playing = music.state == "playing" and bool(music.key)
            self.played.append(Played(now, music.leader, music.key, music.position_s, playing))

    def _note(self, record: LeaderRecord, now: float) -> None:
        """A record; one that another has replaced does not count."""
        if record.beats(self._best):
            self.terms.append((now, record.term, record.id))
        elif self._best is None or (record.id, record.term) != (self._best.id, self._best.term):
            return
        self._best = record
        self.leader = "" if record.resigned else record.id

    def playing(self) -> bool:
        """Whether the group says that it plays."""
        return bool(self.played) and self.played[-1].playing

    def double_starts(self, since: float) -> int:
        """How often a song that had played began again from an earlier place."""
        count, furthest = 0, {}
        for one in self.played:
            if one.key:
                count += one.at > since and one.position_s < furthest.get(one.key, 0.0) - BACK_S
                furthest[one.key] = one.position_s
        return count

    def close(self) -> None:
        """Disconnect."""
        self._client.disconnect()
        self._client.loop_stop()


def as_json(value: object) -> str:
    """A value for the report."""
    return msgspec.json.encode(value).decode()
