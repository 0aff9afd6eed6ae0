"""The parts of a group, as the conductor needs them: the connection to the broker, and one sound for all.

The packages `rooms`, `mqtt` and `music` know nothing of one another; this module translates between them.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path

from device.config.schema import Config
from device.domain import Announce, Answer, Event, Handled, Now, Snapshot
from device.mqtt import messages
from device.mqtt.client import Connection
from device.music.audio.gate import Gate
from device.music.audio.outputs import Output
from device.music.playback.vlc_player import VlcPlayer
from device.music.snapcast.group_sound import GroupSound
from device.rooms.adapter import Rooms
from device.rooms.link import Connect, Down, Link, LinkEvent, LinkRequest, Message, Up
from device.rooms.sound import SoundSurface


def make_rooms(config: Config, put: Callable[[Event], None], sound: LeasedSound) -> Rooms:
    """The surface through which the devices of a group talk to one another."""
    return Rooms(config, put, broker(config), sound.clock_error_ms)


def broker(config: Config) -> Connect:
    """Makes connections to the MQTT broker of the settings."""

    def connect(request: LinkRequest) -> Link:
        def take(event: messages.ConnectionEvent) -> None:
            request.take(translated(event))

        return Connection(config.mqtt, take, request.filters, request.client_id, request.will)

    return connect


def translated(event: messages.ConnectionEvent) -> LinkEvent:
    """An event of the connection in the words of the rooms."""
    match event:
        case messages.BrokerConnected(address):
            return Up(address)
        case messages.BrokerLost(problem):
            return Down(problem)
        case messages.Message(topic, payload, retained):
            return Message(topic, payload, retained)


FAREWELL_S = 3.5
"""How long a leader that ends plays on for the others: until its successor is heard, and a little longer."""


class LeasedSound:
    """The group's sound as a surface. What this device sends as the leader ends with its lease."""

    def __init__(self, config: Config, player: VlcPlayer, volume: int) -> None:
        self._player = player
        self._until = -math.inf
        self._missed = False  # others hear what this device sends
        self._sound = GroupSound(config.player, Path(config.device.data_dir), config.device.id, volume, self._feed)
        self._surface = SoundSurface(self._sound, config.rooms.port, config.rooms.address)

    def _feed(self, output: Output | None) -> None:
        """Let the player's mix go to the group; None gives it its own device again."""
        self._player.feed(None if output is None else Gate(output, lambda: self._until))

    def clock_error_ms(self) -> float | None:
        """How far the clock of this device's sound is from the leader's, at most (ms); None: not measured."""
        return self._sound.status().error_ms

    @property
    def alive(self) -> bool:
        """Whether its thread works."""
        return self._surface.alive

    def start(self) -> None:
        """Nothing to start."""

    def show(self, snapshot: Snapshot, now: Now) -> None:
        """Lead, follow or play alone."""
        group = snapshot.group
        self._until = math.inf if group is None else group.sound_until
        self._missed = group is not None and group.leads and len(group.members) > 1
        self._surface.show(snapshot, now)

    def notify(self, notice: Announce | Answer | Handled) -> None:
        """Do nothing: sound has no notices."""

    def close(self) -> None:
        """End the group's sound, for the others without a gap. Close it after the rooms, which let another one lead."""
        if self._missed:
            self._missed = False
            time.sleep(FAREWELL_S)
        self._surface.close()
