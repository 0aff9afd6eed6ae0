"""The commands that this device has passed on to its group's leader, until the leader answers. Pure; main thread."""

from __future__ import annotations

from device.domain import Action, Answer, Handled, Origin

WAIT_S = 5.0  # a leader answers within a second; the clients of the control socket wait for 10 s
MOST = 100  # commands that may wait at once
FULL = f"The leader of the group has not answered {MOST} commands yet; try again in some seconds."
AWAY = "The MQTT broker does not answer, so this device cannot reach the leader of its group; try again later."
SILENT = "The leader of the group has not answered; look whether the command worked, and try again if not."


class PassedOn:
    """Each command has a number, which the leader's answer repeats."""

    def __init__(self) -> None:
        self._last = 0
        self._waiting: dict[int, tuple[Origin, float]] = {}  # the oldest first

    def add(self, origin: Origin, mono: float) -> int | None:
        """The number of a command from this origin; None if too many wait."""
        if len(self._waiting) >= MOST:
            return None
        self._last += 1
        self._waiting[self._last] = (origin, mono)
        return self._last

    def answered(self, number: int, message: str) -> list[Action]:
        """Hand the leader's answer to the origin of the command. `message`: empty if the leader obeyed."""
        if (waiting := self._waiting.pop(number, None)) is None:
            return []
        origin, _ = waiting
        return [*([Answer(origin, message)] if message else []), Handled(origin)]

    def overdue(self, mono: float) -> list[Action]:
        """Answer the commands that have waited too long."""
        late = [number for number, (_, since) in self._waiting.items() if mono >= since + WAIT_S]
        return [action for number in late for action in self.answered(number, SILENT)]
