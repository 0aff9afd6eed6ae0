"""The surface of the group: joins the group of the Snapshot, and leaves it. Decides nothing; main thread."""

from __future__ import annotations

import threading
from collections.abc import Callable

from device.config.schema import Config
from device.domain import Announce, Answer, Command, Event, Handled, Now, Snapshot
from device.rooms.channel import Channel, ClockError, close_soon
from device.rooms.link import Connect

FAREWELL_S = 5.0


class Rooms:
    """`connect` makes a connection to the MQTT broker; `clock_error` measures the group's sound."""

    def __init__(
        self, config: Config, put: Callable[[Event], None], connect: Connect, clock_error: ClockError
    ) -> None:
        self._config, self._put, self._connect, self._clock_error = config, put, connect, clock_error
        self._channel: Channel | None = None
        self._leaving: threading.Thread | None = None

    def start(self) -> None:
        """Nothing to start: `show` joins."""

    @property
    def alive(self) -> bool:
        """Whether the threads of the group work, if there is one."""
        return self._channel is None or self._channel.alive

    def show(self, snapshot: Snapshot, now: Now) -> None:
        """Join or leave, and publish what has changed."""
        group = snapshot.group
        if self._channel is not None and (group is None or group.name != self._channel.name):
            self._leaving = close_soon(self._channel)
            self._channel = None
        if self._leaving is not None and self._leaving.is_alive():
            return  # the broker knows the old connection and the new one by the same name
        if group is None:
            return
        if self._channel is None:
            self._channel = Channel(group.name, self._config, self._put, self._connect, self._clock_error)
            self._channel.start()
        self._channel.show(group, now)

    def notify(self, notice: Announce | Answer | Handled) -> None:
        """Answer the member that passed a command on; other notices each device publishes itself."""
        if self._channel is not None and not isinstance(notice, Announce):
            self._channel.notify(notice)

    def forward(self, command: Command, number: int) -> None:
        """Pass a command on to the leader, whose answer repeats the number."""
        if self._channel is not None:
            self._channel.forward(command, number)

    def tell(self, command: Command) -> None:
        """Let every device of the group obey this command."""
        if self._channel is not None:
            self._channel.forward(command)

    def close(self) -> None:
        """Let somebody else lead, and disconnect. Idempotent."""
        if self._channel is not None:
            self._channel.close()
            self._channel = None
        if self._leaving is not None:
            self._leaving.join(FAREWELL_S)
