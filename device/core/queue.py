"""One playing of a track, and the track that follows without a gap. Pure; main thread, owned by `Playing`.

`PlaybackControl` chooses the next track some seconds before the end, and may choose again until then. The player's
events and our cues can cross: a cue that we have just replaced may already play. So the queue remembers replaced cues
until the player reports the serial number of the one that it plays.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from device.domain import Choice, MoodName, Now, Position

TRIES = 5  # the most cues for one transition, because a mood may waver and files may be broken

Purpose = tuple[MoodName, tuple[str, ...], int]
"""What a cue was chosen for: the mood, the profiles, and the request that was the first (0: none)."""


@dataclass(frozen=True, slots=True)
class Playthrough:
    """One playing of a track. `position` is the player's last measurement, None before the track is audible. `heard_s`
    counts the audible seconds up to that measurement, without pauses and jumps. `start_s` is the requested start.
    `request` is the id of the request that it fulfils (0: the device chose it), `by` the person who asked for it."""

    serial: int
    choice: Choice
    mood: MoodName
    position: Position | None = None
    heard_s: float = 0.0
    start_s: float = 0.0
    request: int = 0
    by: str = ""

    @property
    def sounds(self) -> bool:
        """Whether it is audible now."""
        return self.position is not None and self.position.running

    def heard(self, now: Now) -> float:
        """Seconds heard until now."""
        if self.position is None or not self.position.running:
            return self.heard_s
        return self.heard_s + max(0.0, now.mono - self.position.at_mono)

    def position_s(self, now: Now) -> float:
        """The best known position in the track."""
        return self.start_s if self.position is None else self.position.at(now.mono)

    def at(self, position: Position, now: Now) -> Playthrough:
        """The same, with a new measurement."""
        return replace(self, position=position, heard_s=self.heard(now))

    def held(self, now: Now) -> Playthrough:
        """The same, no longer audible."""
        return self if self.position is None else self.at(self.position.held(now.mono), now)


class PlayQueue:
    """What follows the present playthrough, as far as the player knows it."""

    def __init__(self) -> None:
        self.ending = False
        """Whether the present playthrough has only some seconds left."""
        self._latest: Playthrough | None = None
        self._earlier: dict[int, Playthrough] = {}
        self._purpose: Purpose | None = None
        self._tries = 0

    @property
    def latest(self) -> Playthrough | None:
        """What plays next, as far as it is chosen."""
        return self._latest

    def due(self, purpose: Purpose) -> bool:
        """Whether it is time to choose the next track: for the first time, or because the purpose has changed."""
        return self.ending and purpose != self._purpose and self._tries < TRIES

    def add(self, playthrough: Playthrough, purpose: Purpose) -> None:
        """`playthrough` plays next, and replaces an earlier cue."""
        if self._latest is not None:
            self._earlier[self._latest.serial] = self._latest
        self._latest, self._purpose = playthrough, purpose
        self._tries += 1

    def advance(self) -> Playthrough | None:
        """The present playthrough is over. Returns the one that follows, if any."""
        playthrough, self._latest = self._latest, None
        self.ending, self._purpose, self._tries = False, None, 0
        return playthrough

    def started(self, serial: int, present: Playthrough | None) -> Playthrough | None:
        """The playthrough that the player has started: `present`, or a cue that we replaced too late. In that case
        `present` becomes the next one."""
        if serial in self._earlier:
            self._latest, present = present, self._earlier[serial]
        self._earlier.clear()
        return present

    def failed(self, serial: int) -> Playthrough | None:
        """The cue that cannot be played, if `serial` is a cue. `due` then allows another choice."""
        if self._latest is not None and self._latest.serial == serial:
            playthrough, self._latest, self._purpose = self._latest, None, None
            return playthrough
        return self._earlier.pop(serial, None)

    def clear(self) -> None:
        """The player has dropped all cues."""
        self.advance()
        self._earlier.clear()
