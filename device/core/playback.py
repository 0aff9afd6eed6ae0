"""What plays, what played and what comes next: the part of the session that minds the music. Pure; main thread.

The playback is told where to go (`Target`) and when (`Now`); it answers with actions. Serial numbers make late events
of replaced tracks fall away.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace

from device.config.schema import MusicConfig
from device.core.queue import PlayQueue, Playthrough
from device.domain import (
    Action,
    Choice,
    Cue,
    Listen,
    MoodName,
    Now,
    Outcome,
    Pause,
    Play,
    Playback,
    Record,
    Resume,
    Seek,
    Silence,
    Target,
    Track,
    Transport,
)
from device.mqtt.documents import EventType
from device.music.recommend.choose import Taste, TrackIndex, choose

PAST = 100  # tracks that "previous" can go back to
FAILURES_IN_A_ROW = 5  # then a rest: a whole drive may be gone
REST_S = 5.0  # the first rest; each further one is twice as long
LONGEST_REST_S = 300.0
BEGINNING_S = 3.0  # "previous" so early means the track before; later, this one again
NEARLY_OVER_S = 10.0  # a track that was so near its end is not taken up again


class PlaybackControl:
    """Owns the current playthrough, the past and the taste. `profile` is set by the session; `tell(event_type,
    **facts)` makes the action that tells the world of an event."""

    def __init__(
        self, config: MusicConfig, history: Iterable[Listen], dice: random.Random, tell: Callable[..., Action]
    ) -> None:
        self.config = config
        self.taste = Taste(history)
        self.profile = "everyone"
        self.tracks: tuple[Track, ...] = ()
        self._library = TrackIndex()
        self.state = Playback.STOPPED
        self.playthrough: Playthrough | None = None
        self.position_s = 0.0
        """Where the track was when it was last heard of, for the memory."""
        self.mark = (0.0, 0.0)
        """Where the track was at what time (wall clock, s), renewed when that cannot be reckoned any more. The time is
        0 until it sounds."""
        self._queue = PlayQueue()
        self._dice, self._tell = dice, tell
        self._rest_until = 0.0
        self._serial = 0
        self._past: deque[Track] = deque(maxlen=PAST)
        self._failed: set[str] = set()
        self._failures = 0

    def load(self, tracks: tuple[Track, ...]) -> None:
        """Take the library as it is now; files that failed before get another chance."""
        if tracks != self.tracks:
            self._library = TrackIndex(tracks)
            self.taste.meet(self._library)
        self.tracks = tracks
        self._failed.clear()
        if (
            self.playthrough is not None
            and (row := self._library.row.get(self.playthrough.choice.track.key)) is not None
        ):
            self.renew(tracks[row])

    def renew(self, track: Track) -> None:
        """More is known of this track now; if it is the one that plays, that shows at once."""
        if self.playthrough is not None and self.playthrough.choice.track.key == track.key:
            self.playthrough = replace(self.playthrough, choice=replace(self.playthrough.choice, track=track))

    @property
    def choice(self) -> Choice | None:
        """What plays (or is paused), and why."""
        return None if self.playthrough is None else self.playthrough.choice

    def idle(self, now: Now) -> bool:
        """Whether music is wanted, nothing is on, and it is time to try (again)."""
        return self.state is Playback.PLAYING and self.playthrough is None and now.mono >= self._rest_until

    def play_next(self, target: Target, now: Now, *, fade_s: float = 0.0) -> list[Action]:
        """Choose and play. With nothing to choose from, what plays goes on; in silence, `idle` tries again."""
        self.state = Playback.PLAYING
        choice = choose(self._library, target, self.taste, self.profile, now, self._dice, exclude=self._avoid())
        return [] if choice is None else self._play(choice, target.mood, fade_s)

    def follow(self, target: Target, now: Now) -> list[Action]:
        """Fade to other music unless what plays was chosen for this mood, or has it anyway."""
        if self.state is not Playback.PLAYING or self.playthrough is None:
            return []
        if target.mood in (self.playthrough.mood, self.playthrough.choice.track.mood):
            return []
        return [*self._learn(Outcome.REPLACED, now), *self.play_next(target, now, fade_s=self.config.fade_s)]

    def queue_next(self, target: Target, now: Now) -> list[Action]:
        """Once what plays is ending: choose what follows it, and anew if that was for another mood or taste."""
        wish = (target.mood, self.profile)
        if self.playthrough is None or not self._queue.due(wish):
            return []
        choice = choose(self._library, target, self.taste, self.profile, now, self._dice, exclude=self._avoid())
        if choice is None:
            return []
        self._serial += 1
        self._queue.add(Playthrough(self._serial, choice, target.mood), wish)
        return [Cue(self._serial, choice.track)]

    def take_up(self, track_key: str, position_s: float, target: Target) -> list[Action]:
        """Go on with what was on before the program stopped, paused if it was; not if it is gone or nearly over."""
        row = self._library.row.get(track_key)
        if row is None:
            return []
        track = self.tracks[row]
        if track.duration_s > 0 and position_s > track.duration_s - NEARLY_OVER_S:
            return []
        actions = self._play(Choice(track, "it goes on where it stopped"), target.mood, 0.0, position_s)
        return [*actions, Pause()] if self.state is Playback.PAUSED else actions

    # --- What people ask for ---

    def obey(self, transport: Transport, target: Target, now: Now) -> list[Action]:
        """Play, pause, stop, next or previous; what makes no sense now is left alone."""
        match transport:
            case Transport.PLAY if self.state is Playback.PAUSED:
                return self._resume(now)
            case Transport.PLAY if self.playthrough is None:
                return self.play_next(target, now)
            case Transport.PAUSE if self.state is Playback.PLAYING and self.playthrough is not None:
                return self._pause(self.playthrough, now)
            case Transport.STOP:
                return self._stop()
            case Transport.NEXT:
                return self._skip(Outcome.SKIPPED, target, now)
            case Transport.PREVIOUS:
                return self._go_back(target, now)
        return []

    def seek(self, position_s: float, now: Now) -> list[Action]:
        """Go elsewhere in what plays or is paused."""
        if self.playthrough is None:
            return []
        self.playthrough = self.playthrough.at(position_s, now)
        self._note(now)
        return [Seek(self.playthrough.serial, position_s)]

    def judge(self, outcome: Outcome, target: Target, now: Now) -> list[Action]:
        """Somebody likes or dislikes what plays; a disliked track does not go on."""
        if self.choice is None:
            return []
        track = self.choice.track
        told = self._tell(EventType(outcome), title=track.title, uri=track.uri)
        if outcome is Outcome.DISLIKED and self.state is Playback.PLAYING:
            return [told, *self._skip(outcome, target, now)]
        return [told, *self._learn(outcome, now)]

    def _pause(self, playthrough: Playthrough, now: Now) -> list[Action]:
        self.state = Playback.PAUSED
        self.playthrough = playthrough.held(now)
        self._note(now)
        return [Pause()]

    def _resume(self, now: Now) -> list[Action]:
        self.state = Playback.PLAYING
        if self.playthrough is not None:
            self.playthrough = replace(self.playthrough, running_since=now.mono)
            self._note(now)
        return [Resume()]

    def _stop(self) -> list[Action]:
        was = self.playthrough
        self.state = Playback.STOPPED
        self._retire()
        self._queue.clear()
        return [Silence(self.config.fade_s)] if was is not None else []

    def _skip(self, outcome: Outcome, target: Target, now: Now) -> list[Action]:
        actions = self._learn(outcome, now)
        if self.choice is not None:
            actions.append(self._tell(EventType.TRACK_SKIPPED, title=self.choice.track.title))
        return actions + self.play_next(target, now)

    def _go_back(self, target: Target, now: Now) -> list[Action]:
        """To the track before this one; later than `BEGINNING_S`, or without one, to the beginning of this one."""
        if self.playthrough is not None and (not self._past or self.playthrough.position_s(now) > BEGINNING_S):
            actions = self.seek(0.0, now)
            return actions if self.state is Playback.PLAYING else [*actions, *self._resume(now)]
        if not self._past:
            return []
        self.state = Playback.PLAYING
        self.playthrough = None  # going back must not put the newer track into the past
        return self._play(Choice(self._past.pop(), "you went back to it"), target.mood, 0.0)

    # --- What the player tells ---

    def started(self, serial: int, now: Now) -> list[Action]:
        """A track became audible: the one that was ordered, or one cued before a newer cue came through."""
        self.playthrough = self._queue.started(serial, self.playthrough)
        if self.playthrough is None or self.playthrough.serial != serial:
            return []
        self._failures = 0
        if self.state is Playback.PLAYING:
            self.playthrough = replace(self.playthrough, running_since=now.mono)
        self._note(now)
        choice, track = self.playthrough.choice, self.playthrough.choice.track
        return [
            self._tell(
                EventType.TRACK_STARTED, title=track.title, artist=track.artist, uri=track.uri, reason=choice.reason
            )
        ]

    def ended(self, serial: int, now: Now) -> list[Action]:
        """A track is over; the one that was cued follows, else being idle is the reason to play the next one."""
        if self.playthrough is None or self.playthrough.serial != serial:
            return []
        actions = self._learn(Outcome.PLAYED, now)
        self._retire()
        self.playthrough, self.position_s = self._queue.advance(), 0.0
        return actions

    def ending(self, serial: int) -> None:
        """A track has only some seconds left."""
        if self.playthrough is not None and self.playthrough.serial == serial:
            self._queue.ending = True

    def at(self, serial: int, position_s: float, now: Now) -> None:
        """The player says where it is; it knows best."""
        if self.playthrough is not None and self.playthrough.serial == serial:
            self.playthrough, self.position_s = self.playthrough.at(position_s, now), position_s

    def sound(self, on: bool, now: Now) -> None:
        """The sound device went away, or came back: what nobody hears does not count as heard."""
        if self.playthrough is not None:
            since = now.mono if on and self.state is Playback.PLAYING else None
            self.playthrough = replace(self.playthrough.held(now), running_since=since)
            self._note(now)

    def failed(self, serial: int, problem: str, now: Now) -> list[Action]:
        """A track cannot be played: not again until the next scan. After several in a row, a rest."""
        if self.playthrough is not None and self.playthrough.serial == serial:
            failed, self.playthrough = self.playthrough, self._queue.advance()
        elif (cue := self._queue.failed(serial)) is not None:
            failed = cue
        else:
            return []
        track = failed.choice.track
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
        if self.playthrough is None:
            return []
        line = Listen(
            self.playthrough.choice.track.key,
            self.profile,
            self.playthrough.mood,
            outcome,
            now.wall,
            self.playthrough.heard(now),
        )
        self.taste.add(line)
        return [Record(line)]

    def _avoid(self) -> set[str]:
        playing = set() if self.playthrough is None else {self.playthrough.choice.track.key}
        return playing | self._failed

    def _play(self, choice: Choice, mood: MoodName, fade_s: float, start_s: float = 0.0) -> list[Action]:
        self._retire()
        self._queue.clear()
        self._serial += 1
        self.playthrough = Playthrough(self._serial, choice, mood, jumped_s=start_s)
        self.position_s = start_s
        self.mark = (start_s, 0.0)
        return [Play(self._serial, choice.track, fade_s, start_s)]

    def _retire(self) -> None:
        if self.playthrough is not None:
            self._past.append(self.playthrough.choice.track)
            self.playthrough = None

    def _note(self, now: Now) -> None:
        """The position jumped, or stands still from now on, or goes on."""
        if self.playthrough is not None:
            self.position_s = self.playthrough.position_s(now)
            self.mark = (self.position_s, now.wall)
