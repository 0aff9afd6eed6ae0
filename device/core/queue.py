"""One playing of a track, and what is to follow it without a gap. Pure; main thread, owned by the playback.

What follows is chosen some seconds before the end and may be chosen anew until then. The player's events and our
choices cross on their way: a cue that we have replaced may already have begun. Serial numbers tell, so that cues are
remembered until the player has said which of them it plays.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from device.domain import Choice, MoodName, Now

TRIES = 5  # choices of what follows a track: a mood that wavers, and files that are broken, come to an end

Wish = tuple[MoodName, str]
"""What a cue was chosen for: a mood and a profile."""


@dataclass(frozen=True, slots=True)
class Playthrough:
    """One playing of a track. `heard_s` counts up to `running_since` (monotonic s; None while not audible);
    `jumped_s` is what was left out or heard twice by seeking."""

    serial: int
    choice: Choice
    mood: MoodName
    heard_s: float = 0.0
    running_since: float | None = None
    jumped_s: float = 0.0

    def heard(self, now: Now) -> float:
        """Seconds heard until now, without pauses."""
        return self.heard_s + (0.0 if self.running_since is None else now.mono - self.running_since)

    def position_s(self, now: Now) -> float:
        """How far into the track it is."""
        return max(0.0, self.heard(now) + self.jumped_s)

    def at(self, position_s: float, now: Now) -> Playthrough:
        """The same at this position."""
        return replace(self, jumped_s=position_s - self.heard(now))

    def held(self, now: Now) -> Playthrough:
        """The same, not audible any more."""
        return replace(self, heard_s=self.heard(now), running_since=None)


class PlayQueue:
    """What follows the present playthrough, as far as that was said to the player."""

    def __init__(self) -> None:
        self.ending = False
        """Whether the present playthrough has only some seconds left."""
        self._latest: Playthrough | None = None
        self._earlier: dict[int, Playthrough] = {}
        self._wish: Wish | None = None
        self._tries = 0

    def due(self, wish: Wish) -> bool:
        """Whether it is time to choose what follows: for the first time, or because the wish has changed."""
        return self.ending and wish != self._wish and self._tries < TRIES

    def add(self, playthrough: Playthrough, wish: Wish) -> None:
        """The player is told to let `playthrough` follow, instead of what it was told before."""
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
        """The playthrough that the player has begun with: `present`, or one that we had replaced too late. Then the
        one that we took for present is still to follow."""
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
