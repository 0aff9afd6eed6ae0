"""What plays, what played and what comes next: the part of the session that minds the music. Pure; main thread.

The jukebox is told where to go (`Target`) and when (`Now`); it answers with actions. Serial numbers make late events
of replaced tracks fall away.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterable
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
    Transport,
)
from device.home.payloads import EventType
from device.music.recommend import Library, Taste, choose

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
    """Owns the current spin, the past and the taste. `profile` is set by the session; `tell(event_type, **facts)` makes
    the action that tells the world of an event."""

    def __init__(
        self, config: MusicConfig, history: Iterable[Listen], dice: random.Random, tell: Callable[..., Action]
    ) -> None:
        self.config = config
        self.taste = Taste(history)
        self.profile = "everyone"
        self.tracks: tuple[Track, ...] = ()
        self._library = Library()
        self.state = Playback.STOPPED
        self.spin: Spin | None = None
        self._dice, self._tell = dice, tell
        self._rest_until = 0.0
        self._serial = 0
        self._past: deque[Track] = deque(maxlen=PAST)
        self._failed: set[str] = set()
        self._failures = 0

    def load(self, tracks: tuple[Track, ...]) -> None:
        """Take the library as it is now; files that failed before get another chance."""
        if tracks != self.tracks:
            self._library = Library(tracks)
            self.taste.meet(self._library)
        self.tracks = tracks
        self._failed.clear()
        if self.spin is not None and (row := self._library.row.get(self.spin.choice.track.key)) is not None:
            self.renew(tracks[row])

    def renew(self, track: Track) -> None:
        """More is known of this track now; if it is the one that plays, that shows at once."""
        if self.spin is not None and self.spin.choice.track.key == track.key:
            self.spin = replace(self.spin, choice=replace(self.spin.choice, track=track))

    @property
    def choice(self) -> Choice | None:
        """What plays (or is paused), and why."""
        return None if self.spin is None else self.spin.choice

    def idle(self, now: Now) -> bool:
        """Whether music is wanted, nothing is on, and it is time to try (again)."""
        return self.state is Playback.PLAYING and self.spin is None and now.mono >= self._rest_until

    def play_next(self, target: Target, now: Now, *, fade_s: float = 0.0) -> list[Action]:
        """Choose and play. With nothing to choose from, what plays goes on; in silence, `idle` tries again."""
        self.state = Playback.PLAYING
        choice = choose(self._library, target, self.taste, self.profile, now, self._dice, exclude=self._avoid())
        return [] if choice is None else self._play(choice, target.mood, fade_s)

    def follow(self, target: Target, now: Now) -> list[Action]:
        """Fade to other music unless what plays was chosen for this mood, or has it anyway."""
        if self.state is not Playback.PLAYING or self.spin is None:
            return []
        if target.mood in (self.spin.mood, self.spin.choice.track.mood):
            return []
        return [*self._learn(Outcome.REPLACED, now), *self.play_next(target, now, fade_s=self.config.fade_s)]

    # --- What people ask for ---

    def obey(self, transport: Transport, target: Target, now: Now) -> list[Action]:
        """Play, pause, stop, next or previous; what makes no sense now is left alone."""
        match transport:
            case Transport.PLAY if self.state is Playback.PAUSED:
                return self._resume(now)
            case Transport.PLAY if self.spin is None:
                return self.play_next(target, now)
            case Transport.PAUSE if self.state is Playback.PLAYING and self.spin is not None:
                return self._pause(self.spin, now)
            case Transport.STOP:
                return self._stop()
            case Transport.NEXT:
                return self._skip(Outcome.SKIPPED, target, now)
            case Transport.PREVIOUS:
                return self._go_back(target)
        return []

    def judge(self, outcome: Outcome, target: Target, now: Now) -> list[Action]:
        """Somebody likes or dislikes what plays; a disliked track does not go on."""
        if self.choice is None:
            return []
        track = self.choice.track
        told = self._tell(EventType(outcome), title=track.title, uri=track.uri)
        if outcome is Outcome.DISLIKED and self.state is Playback.PLAYING:
            return [told, *self._skip(outcome, target, now)]
        return [told, *self._learn(outcome, now)]

    def _pause(self, spin: Spin, now: Now) -> list[Action]:
        self.state = Playback.PAUSED
        self.spin = replace(spin, heard_s=spin.heard(now), running_since=None)
        return [Pause()]

    def _resume(self, now: Now) -> list[Action]:
        self.state = Playback.PLAYING
        if self.spin is not None:
            self.spin = replace(self.spin, running_since=now.mono)
        return [Resume()]

    def _stop(self) -> list[Action]:
        was = self.spin
        self.state = Playback.STOPPED
        self._retire()
        return [Silence(self.config.fade_s)] if was is not None else []

    def _skip(self, outcome: Outcome, target: Target, now: Now) -> list[Action]:
        actions = self._learn(outcome, now)
        if self.choice is not None:
            actions.append(self._tell(EventType.TRACK_SKIPPED, title=self.choice.track.title))
        return actions + self.play_next(target, now)

    def _go_back(self, target: Target) -> list[Action]:
        """To the track before this one; without one, this one starts again."""
        if self._past:
            choice = Choice(self._past.pop(), "you went back to it")
        elif self.choice is not None:
            choice = replace(self.choice, reason="you started it again")
        else:
            return []
        self.state = Playback.PLAYING
        self.spin = None  # going back must not put the newer track into the past
        return self._play(choice, target.mood, 0.0)

    # --- What the player tells ---

    def started(self, serial: int, now: Now) -> list[Action]:
        """A track became audible."""
        if self.spin is None or self.spin.serial != serial:
            return []
        self._failures = 0
        if self.state is Playback.PLAYING:
            self.spin = replace(self.spin, running_since=now.mono)
        choice, track = self.spin.choice, self.spin.choice.track
        return [
            self._tell(
                EventType.TRACK_STARTED, title=track.title, artist=track.artist, uri=track.uri, reason=choice.reason
            )
        ]

    def ended(self, serial: int, now: Now) -> list[Action]:
        """A track is over; being idle is the reason to play the next one."""
        if self.spin is None or self.spin.serial != serial:
            return []
        actions = self._learn(Outcome.PLAYED, now)
        self._retire()
        return actions

    def failed(self, serial: int, problem: str, now: Now) -> list[Action]:
        """A track cannot be played: not again until the next scan. After several in a row, a rest."""
        if self.spin is None or self.spin.serial != serial:
            return []
        track = self.spin.choice.track
        self.spin = None
        self._failed.add(track.key)
        self._failures += 1
        if self._failures % FAILURES_IN_A_ROW == 0 or len(self._failed) >= len(self.tracks):
            rows = self._failures // FAILURES_IN_A_ROW
            self._rest_until = now.mono + min(REST_S * 2**rows, LONGEST_REST_S)
            self._failed.clear()
        return [self._tell(EventType.TRACK_FAILED, title=track.title, uri=track.uri, message=problem)]

    # --- Bookkeeping ---

    def _learn(self, outcome: Outcome, now: Now) -> list[Action]:
        """A line of history about the present track, learned at once and to be remembered."""
        if self.spin is None:
            return []
        line = Listen(self.spin.choice.track.key, self.profile, self.spin.mood, outcome, now.wall, self.spin.heard(now))
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
