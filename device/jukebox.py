"""What plays, what played and what comes next: the part of the session that minds the music. Pure; main thread.

The jukebox is told where to go (`Target`) and when (`Now`); it answers with actions. Serial numbers make late events
of replaced tracks fall away.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace

from device.config import MusicConfig
from device.domain import (
    Action,
    Choice,
    Listen,
    MoodName,
    Now,
    Outcome,
    Pause,
    Play,
    Playback,
    Record,
    Resume,
    Silence,
    Target,
    Track,
)
from device.music.recommend import Taste, choose

PAST = 100  # tracks that "previous" can go back to
FAILURES_IN_A_ROW = 5  # then a rest: the sound device may be gone, not the files
REST_S = 5.0  # the first rest; each further one is twice as long
LONGEST_REST_S = 300.0


@dataclass(frozen=True, slots=True)
class Spin:
    """One playing of a track. `heard_s` counts up to `running_since` (monotonic s; None while not audible)."""

    serial: int
    choice: Choice
    mood: MoodName
    heard_s: float = 0.0
    running_since: float | None = None

    def heard(self, now: Now) -> float:
        """Seconds heard until now, without pauses."""
        return self.heard_s + (0.0 if self.running_since is None else now.mono - self.running_since)


class Jukebox:
    """Owns the current spin, the past and the taste. `profile` and `tracks` are set by the session."""

    def __init__(self, config: MusicConfig, history: Iterable[Listen], dice: random.Random) -> None:
        self.config = config
        self.taste = Taste(history)
        self.profile = "everyone"
        self.tracks: tuple[Track, ...] = ()
        self.state = Playback.STOPPED
        self.spin: Spin | None = None
        self.rest_until = 0.0
        self._dice = dice
        self._serial = 0
        self._past: deque[Track] = deque(maxlen=PAST)
        self._failed: set[str] = set()
        self._failures = 0

    def load(self, tracks: tuple[Track, ...]) -> None:
        """Take the library as it is now; files that failed before get another chance."""
        self.tracks = tracks
        self._failed.clear()

    @property
    def choice(self) -> Choice | None:
        """What plays (or is paused), and why."""
        return None if self.spin is None else self.spin.choice

    def idle(self, now: Now) -> bool:
        """Whether music is wanted, nothing is on, and it is time to try (again)."""
        return self.state is Playback.PLAYING and self.spin is None and now.mono >= self.rest_until

    def play_next(self, target: Target, now: Now, *, fade_s: float = 0.0) -> list[Action]:
        """Choose and play. With nothing to choose from, what plays goes on; with silence, the jukebox rests."""
        self.state = Playback.PLAYING
        choice = choose(
            self.tracks,
            target,
            self.taste,
            self.profile,
            now,
            self._dice,
            exclude=self._avoid(),
        )
        if choice is None:
            return []
        return self._play(choice, target.mood, fade_s)

    def play_previous(self, target: Target) -> list[Action]:
        """Go back to the track before this one; without one, start this one again."""
        if self._past:
            track = self._past.pop()
            choice = Choice(track, "you went back to it")
        elif self.spin is not None:
            choice = replace(self.spin.choice, reason="you started it again")
        else:
            return []
        self.state = Playback.PLAYING
        self.spin = None  # going back must not put the newer track into the past
        return self._play(choice, target.mood, 0.0)

    def pause(self, now: Now) -> list[Action]:
        """Hold; nothing happens unless something plays."""
        if self.state is not Playback.PLAYING or self.spin is None:
            return []
        self.state = Playback.PAUSED
        self.spin = replace(self.spin, heard_s=self.spin.heard(now), running_since=None)
        return [Pause()]

    def resume(self, now: Now) -> list[Action]:
        """Go on after a pause."""
        if self.state is not Playback.PAUSED or self.spin is None:
            return []
        self.state = Playback.PLAYING
        self.spin = replace(self.spin, running_since=now.mono)
        return [Resume()]

    def stop(self, fade_s: float) -> list[Action]:
        """Silence; the track goes to the past."""
        was = self.spin
        self.state = Playback.STOPPED
        self._retire()
        return [Silence(fade_s)] if was is not None else []

    def owns(self, serial: int) -> bool:
        """Whether an event with this serial number is about the present track."""
        return self.spin is not None and self.spin.serial == serial

    def started(self, now: Now) -> None:
        """The player says the present track is audible."""
        self._failures = 0
        if self.spin is not None and self.state is Playback.PLAYING:
            self.spin = replace(self.spin, running_since=now.mono)

    def finished(self) -> None:
        """The present track is over."""
        self._retire()

    def failed(self, now: Now) -> None:
        """The present track cannot be played: not again until the next scan; after several in a row, rest."""
        if self.spin is not None:
            self._failed.add(self.spin.choice.track.key)
            self.spin = None
        self._failures += 1
        if self._failures % FAILURES_IN_A_ROW == 0 or len(self._failed) >= len(self.tracks):
            rows = self._failures // FAILURES_IN_A_ROW
            self.rest_until = now.mono + min(REST_S * 2**rows, LONGEST_REST_S)
            self._failed.clear()

    def listen(self, outcome: Outcome, now: Now) -> list[Action]:
        """A line of history about the present track, learned at once and to be remembered."""
        if self.spin is None:
            return []
        line = Listen(
            self.spin.choice.track.key,
            self.profile,
            self.spin.mood,
            outcome,
            now.wall,
            self.spin.heard(now),
        )
        self.taste.add(line)
        return [Record(line)]

    def _avoid(self) -> set[str]:
        playing = set() if self.spin is None else {self.spin.choice.track.key}
        return playing | self._failed

    def _play(self, choice: Choice, mood: MoodName, fade_s: float) -> list[Action]:
        self._retire()
        self._serial += 1
        self.spin = Spin(self._serial, choice, mood)
        return [Play(self._serial, choice.track, fade_s)]

    def _retire(self) -> None:
        if self.spin is not None:
            self._past.append(self.spin.choice.track)
            self.spin = None
