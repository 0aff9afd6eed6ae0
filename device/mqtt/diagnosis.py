"""Why a connection to the broker ended. MQTT 3.1.1 gives no reasons, so this module infers them.

- A message is too large for the broker. It closes the connection before it acknowledges that message, and does so again
  as soon as we send it again. Then we leave out that message, and all others of the same size or more.
- Another client has our id. A broker closes a connection when another client connects with the same id (MQTT 3.1.1,
  3.1.4-2). Both reconnect, and disconnect each other for ever. Then we wait longer before each reconnection.

No clock of its own. The connection's thread owns it; `taken`, `admits` and `largest_bytes` are for any thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

from device.backoff import Backoff

SOON_S = 10.0  # within this time we send all retained messages, and the broker acknowledges them
SMALL_BYTES = 1024  # no broker refuses a message of this size for its size
RIVAL_CUTS = 3  # this many short connections in a row are not an accident
OUTAGE = Backoff(longest_s=60.0)
RIVALRY = Backoff(longest_s=300.0, healthy_s=600.0)  # only a long connection proves that a rival has gone


class Cause(Enum):
    """What ended a connection."""

    UNKNOWN = auto()
    TOO_LARGE = auto()
    RIVAL = auto()


@dataclass(frozen=True, slots=True)
class Sent:
    """The topic of a sent message, and the size of topic and payload in bytes."""

    topic: str
    size: int


class Diagnosis:
    """Learns from how connections end. `outage` are the waits while the broker is away, `rivalry` those while another
    client has our id."""

    def __init__(self, outage: Backoff = OUTAGE, rivalry: Backoff = RIVALRY) -> None:
        self._outage, self._rivalry = outage, rivalry
        self._failures = self._cuts = 0
        self._suspect = ""  # the topic of the largest unacknowledged message when the last connection ended
        self.rival = False
        self.refused: Sent | None = None  # the smallest message that the broker refused
        self._taken = 0  # the size of the largest message that it acknowledged

    @property
    def wait_s(self) -> float:
        """How long to wait before the next attempt."""
        return (self._rivalry if self.rival else self._outage).after(max(self._failures, 1))

    @property
    def largest_bytes(self) -> int | None:
        """A size that probably gets through; None if the broker never refused a size."""
        return None if self.refused is None else max(self._taken, self.refused.size // 2)

    def admits(self, size: int) -> bool:
        """Whether the broker may accept a message of this size."""
        return self.refused is None or size < self.refused.size

    def taken(self, sent: Sent) -> None:
        """The broker acknowledged a message."""
        self._taken = max(self._taken, sent.size)

    def forget(self) -> None:
        """Start over, for another broker."""
        self._failures = self._cuts = self._taken = 0
        self._suspect, self.rival, self.refused = "", False, None

    def unreachable(self) -> None:
        """An attempt failed."""
        self._failures = self._outage.count(self._failures, 0.0)
        self._cuts, self._suspect = 0, ""

    def settled(self, held_s: float) -> bool:
        """Whether a connection of `held_s` seconds shows that a rival has gone."""
        if not self.rival or held_s < self._rivalry.healthy_s:
            return False
        self.rival, self._failures, self._cuts = False, 0, 0
        return True

    def ended(self, held_s: float, unacknowledged: Sequence[Sent]) -> Cause:
        """A connection of `held_s` seconds ended, with these messages unacknowledged. Returns the likely cause."""
        self.settled(held_s)
        self._failures = (self._rivalry if self.rival else self._outage).count(self._failures, held_s)
        largest = max(unacknowledged, key=lambda sent: sent.size, default=Sent("", 0))
        if largest.size > SMALL_BYTES:
            return self._refusal(held_s, largest)
        self._suspect = ""
        if unacknowledged or (held_s >= self._outage.healthy_s and not self.rival):
            self._cuts = 0
            return Cause.UNKNOWN
        self._cuts += 1
        self.rival = self.rival or self._cuts >= RIVAL_CUTS
        return Cause.RIVAL if self.rival else Cause.UNKNOWN

    def _refusal(self, held_s: float, largest: Sent) -> Cause:
        self._cuts = 0
        if held_s >= SOON_S or largest.topic != self._suspect:
            self._suspect = largest.topic
            return Cause.UNKNOWN
        self.refused, self._suspect, self._failures = largest, "", 1
        return Cause.TOO_LARGE
