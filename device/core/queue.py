"""One playing of a track, and what is to follow it without a gap. Pure; main thread, owned by `PlaybackControl`.

What follows is chosen some seconds before the end and may be chosen anew until then. The player's events and our
choices cross on their way: a cue that we have replaced may already have begun. Serial numbers tell, so the queue
remembers cues until the player has said which of them it plays.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from device.domain import Choice, MoodName, Now, Position

TRIES = 5  # choices of what follows a track: a mood that wavers, and files that are broken, come to an end

Wish = tuple[MoodName, str]
"""What a cue was chosen for: a mood and a profile."""


@dataclass(frozen=True, slots=True)
class Playthrough:
    """One playing of a track. `position` is what the player measured last, None before it sounds. `heard_s` counts the
    seconds that were audible up to that measurement, without pauses and jumps. It was asked to begin at `start_s`."""

    serial: int
    choice: Choice
    mood: MoodName
    position: Position | None = None
    heard_s: float = 0.0
    start_s: float = 0.0

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
        """How far into the track it is, as far as anybody knows."""
        return self.start_s if self.position is None else self.position.at(now.mono)

    def at(self, position: Position, now: Now) -> Playthrough:
        """The same, with a new measurement."""
        return replace(self, position=position, heard_s=self.heard(now))

    def held(self, now: Now) -> Playthrough:
        """The same, not audible any more."""
        return self if self.position is None else self.at(self.position.held(now.mono), now)


class PlayQueue:
    """What follows the present playthrough, as far as the player knows of it."""

    def __init__(self) -> None:
        self.ending = False
        """Whether the present playthrough has only some seconds left."""
        self._latest: Playthrough | None = None
        self._earlier: dict[int, Playthrough] = {}
        self._wish: Wish | None = None
        self._tries = 0

    @property
    def choices(self) -> tuple[Choice, ...]:
        """What follows."""
        return () if self._latest is None else (self._latest.choice,)

    def due(self, wish: Wish) -> bool:
        """Whether it is time to choose what follows: for the first time, or because the wish has changed."""
        return self.ending and wish != self._wish and self._tries < TRIES

    def add(self, playthrough: Playthrough, wish: Wish) -> None:
        """The player lets `playthrough` follow, instead of what it had before."""
        if self._latest is not None:
            self._earlier[self._latest.serial] = self._latest
        self._latest, self._wish = playthrough, wish
        self._tries += 1

    def advance(self) -> Playthrough | None:
        """The present playthrough is over: what follows, as far as we know."""
        playthrough, self._latest = self._latest, None
        self.ending, self._wish, self._tries = False, None, 0
        return playthrough

    def started(self, serial: int, present: Playthrough | None) -> Playthrough | None:
        """The playthrough that the player has begun with: `present`, or one that we had replaced too late. Then the one
        that we took for present is still to follow."""
        if serial in self._earlier:
            self._latest, present = present, self._earlier[serial]
        self._earlier.clear()
        return present

    def failed(self, serial: int) -> Playthrough | None:
        """The cue that cannot be played, if it is one: another may be chosen."""
        if self._latest is not None and self._latest.serial == serial:
            playthrough, self._latest, self._wish = self._latest, None, None
            return playthrough
        return self._earlier.pop(serial, None)

    def clear(self) -> None:
        """The player has dropped everything that was to follow."""
        self.advance()
        self._earlier.clear()
