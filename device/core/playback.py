"""What plays, what played and what comes next: the part of the session that controls the music. Pure; main thread.

Its methods take where the music should be (`Target`), whose taste to follow (`profile`) and the time (`Now`), and
return actions. Serial numbers identify late events of replaced tracks, which it ignores.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterable
from dataclasses import replace

from device.config.schema import MusicConfig
from device.core.queue import PlayQueue, Playthrough
from device.domain import (
    Action,
    Announce,
    Choice,
    Cue,
    Erasure,
    EventType,
    Listen,
    MoodName,
    Now,
    Outcome,
    Pause,
    Play,
    PlaybackState,
    Position,
    Record,
    Resume,
    Seek,
    Silence,
    Target,
    Track,
    Transport,
)
from device.music.recommend.choose import Taste, TrackIndex, choose

PAST = 100  # tracks that "previous" can go back to
FAILURES_IN_A_ROW = 5  # then a pause: a whole drive may be gone
REST_S = 5.0  # each pause is twice as long as the one before; this starts the series
LONGEST_REST_S = 300.0
BEGINNING_S = 3.0  # before this position, "previous" goes to the track before; after it, to the start of this one
NEARLY_OVER_S = 10.0  # a track with less than this left is not resumed
BETWEEN_S = 3.0  # so long a gap between two songs still counts as playing
PACE_S = 10.0  # the shortest time between the starts of two songs, so that short samples do not race by


class PlaybackControl:
    """Owns the current playthrough, the queue, the past and the taste."""

    def __init__(self, config: MusicConfig, history: Iterable[Listen], dice: random.Random) -> None:
        self.config = config
        self.taste = Taste(history)
        self.wanted = PlaybackState.STOPPED
        """What people asked for; `state` is what really happens."""
        self.playthrough: Playthrough | None = None
        self.resume_s = 0.0
        """Where to continue after a power cut."""
        self.never: tuple[Track, ...] = ()
        """The banned tracks that are in the library, the latest last."""
        self._index = TrackIndex()
        self._queue = PlayQueue()
        self._dice = dice
        self._sound = True
        self._requested: Position | None = None  # the target of a seek, until the player reports its position
        self._sounded_at = float("-inf")  # when anything was last audible (monotonic)
        self._began_at = float("-inf")  # when we asked for the current or last track
        self._rest_until = float("-inf")
        self._serial = 0
        self._past: deque[Track] = deque(maxlen=PAST)
        self._failed: set[str] = set()
        self._failures = 0
        self._erasures: list[Erasure] = []

    # --- The state ---

    def load(self, index: TrackIndex, taste: Taste | None = None) -> None:
        """Use this library. Files that failed before get another chance. `taste` is already indexed for this library;
        without one, the present taste is indexed here."""
        self._index = index
        if taste is None:
            self.taste.attach(index)
        else:
            taste.catch_up(self.taste)
            taste.forget(self._erasures)  # the scanner's thread may have read the history before somebody erased it
            self.taste = taste
        self._failed.clear()
        self._list_never()
        if self.playthrough is not None and (row := index.row.get(self.playthrough.choice.track.key)) is not None:
            self.renew(index.tracks[row])

    def forget(self, erasure: Erasure) -> None:
        """Forget the listens that `erasure` covers."""
        self._erasures.append(erasure)
        self.taste.forget(self._erasures)
        self._list_never()

    def renew(self, track: Track) -> None:
        """Update what is known about the current track, if it is this one."""
        if self.playthrough is not None and self.playthrough.choice.track.key == track.key:
            self.playthrough = replace(self.playthrough, choice=replace(self.playthrough.choice, track=track))

    @property
    def index(self) -> TrackIndex:
        """The library."""
        return self._index

    @property
    def choice(self) -> Choice | None:
        """The track that plays or is paused, and why."""
        return None if self.playthrough is None else self.playthrough.choice

    @property
    def position(self) -> Position | None:
        """The position that the player measured; None before its first measurement."""
        return None if self.playthrough is None else self.playthrough.position

    @property
    def queue(self) -> tuple[Choice, ...]:
        """What plays next, as far as it is chosen."""
        return self._queue.choices

    def state(self, now: Now) -> PlaybackState:
        """What really happens: playing only while music is audible, or in the short gap between two songs."""
        if self.wanted is not PlaybackState.PLAYING:
            return self.wanted if self.playthrough is not None else PlaybackState.STOPPED
        if self.playthrough is not None and self.playthrough.sounds:
            return PlaybackState.PLAYING
        if self._sound and now.mono - self._sounded_at < BETWEEN_S:
            return PlaybackState.PLAYING
        return PlaybackState.STOPPED if self.position is None else PlaybackState.PAUSED

    def idle(self, now: Now) -> bool:
        """Whether people want music, no track plays, and it is time to try (again)."""
        due = max(self._rest_until, self._began_at + PACE_S)
        return self.wanted is PlaybackState.PLAYING and self.playthrough is None and now.mono >= due

    # --- Choosing ---

    def play_next(self, target: Target, profile: str, now: Now, *, fade_s: float = 0.0) -> list[Action]:
        """Choose a track and play it. Without any choice, the current track continues; in silence, `idle` retries."""
        self.wanted = PlaybackState.PLAYING
        choice = choose(self._index, target, self.taste, profile, now, self._dice, exclude=self._avoid())
        return [] if choice is None else self._play(choice, target.mood, now, fade_s)

    def follow(self, target: Target, profile: str, now: Now) -> list[Action]:
        """Fade to other music, unless the current track was chosen for this mood or has this mood."""
        if self.wanted is not PlaybackState.PLAYING or self.playthrough is None:
            return []
        if target.mood in (self.playthrough.mood, self.playthrough.choice.track.mood):
            return []
        learned = self._learn(Outcome.REPLACED, profile, now)
        return [*learned, *self.play_next(target, profile, now, fade_s=self.config.fade_s)]

    def queue_next(self, target: Target, profile: str, now: Now) -> list[Action]:
        """Near the end of the current track, choose the next one; choose again if the mood or the profile changes."""
        purpose = (target.mood, profile)
        if self.playthrough is None or not self._queue.due(purpose) or now.mono - self._began_at < PACE_S:
            return []
        choice = choose(self._index, target, self.taste, profile, now, self._dice, exclude=self._avoid())
        if choice is None:
            return []
        self._serial += 1
        self._queue.add(Playthrough(self._serial, choice, target.mood), purpose)
        return [Cue(self._serial, choice.track)]

    def resume_track(self, track_key: str, position_s: float, target: Target, now: Now) -> list[Action]:
        """Continue the track that played before the program stopped, paused if it was paused. Does nothing if the track
        is gone, banned or nearly over."""
        row = self._index.row.get(track_key)
        if row is None or track_key in self.taste.banned:
            return []
        track = self._index.tracks[row]
        if track.duration_s > 0 and position_s > track.duration_s - NEARLY_OVER_S:
            return []
        actions = self._play(Choice(track, "it continues where it stopped"), target.mood, now, 0.0, position_s)
        return [*actions, Pause()] if self.wanted is PlaybackState.PAUSED else actions

    # --- What people ask for ---

    def obey(self, transport: Transport, target: Target, profile: str, now: Now) -> list[Action]:
        """Play, pause, stop, next, previous or toggle. Ignores a command that makes no sense now."""
        if transport is Transport.TOGGLE:
            transport = Transport.PAUSE if self.wanted is PlaybackState.PLAYING else Transport.PLAY
        match transport:
            case Transport.PLAY if self.playthrough is None:
                return self.play_next(target, profile, now)
            case Transport.PLAY if self.wanted is PlaybackState.PAUSED:
                return self._resume()
            case Transport.PAUSE if self.wanted is PlaybackState.PLAYING and self.playthrough is not None:
                self.wanted = PlaybackState.PAUSED
                self._hold(now)
                return [Pause()]
            case Transport.STOP:
                return self._stop(now)
            case Transport.NEXT:
                return self._skip(Outcome.SKIPPED, target, profile, now)
            case Transport.PREVIOUS:
                return self._go_back(target, now)
        return []

    def seek(self, position_s: float, now: Now) -> list[Action]:
        """Jump within the current track. The player reports the new position."""
        if self.playthrough is None:
            return []
        self._requested = Position(position_s, now.mono, self.wanted is PlaybackState.PLAYING)
        return [Seek(self.playthrough.serial, position_s)]

    def expected_position_s(self, now: Now) -> float:
        """The position from which a relative seek starts: the target of the last seek until the player has answered,
        otherwise the measured position."""
        if self._requested is not None:
            return self._requested.at(now.mono)
        return 0.0 if self.playthrough is None else self.playthrough.position_s(now)

    def judge(self, outcome: Outcome, target: Target, profile: str, now: Now) -> list[Action]:
        """Somebody likes, dislikes or bans the current track. A dislike or a ban skips it."""
        if self.choice is None:
            return []
        track = self.choice.track
        notice = _track_notice(EventType(outcome), track)
        if outcome is not Outcome.LIKED and self.wanted is PlaybackState.PLAYING:
            return [notice, *self._skip(outcome, target, profile, now)]
        return [notice, *self._learn(outcome, profile, now)]

    def allow(self, track: Track, profile: str, now: Now) -> list[Action]:
        """Let a banned track play again."""
        line = Listen(track.key, profile, track.mood, Outcome.ALLOWED, now.wall)
        self.taste.add(line)
        self._list_never()
        return [_track_notice(EventType.ALLOWED, track), Record(line)]

    def _hold(self, now: Now) -> None:
        if self.playthrough is not None:
            self.playthrough = self.playthrough.held(now)
            self.resume_s = self.playthrough.position_s(now)

    def _resume(self) -> list[Action]:
        self.wanted = PlaybackState.PLAYING
        return [Resume()]

    def _stop(self, now: Now) -> list[Action]:
        was = self.playthrough
        self.wanted = PlaybackState.STOPPED
        self._retire(now)
        self._queue.clear()
        return [Silence(self.config.fade_s)] if was is not None else []

    def _skip(self, outcome: Outcome, target: Target, profile: str, now: Now) -> list[Action]:
        actions = self._learn(outcome, profile, now)
        if self.choice is not None:
            actions.append(Announce(EventType.TRACK_SKIPPED, {"title": self.choice.track.title}))
        if outcome is Outcome.BANNED and len(self.never) == len(self._index):
            return [*actions, *self._stop(now)]
        return actions + self.play_next(target, profile, now)

    def _go_back(self, target: Target, now: Now) -> list[Action]:
        """Go to the previous track. After `BEGINNING_S`, or without a previous track, go to the start of this one."""
        if self.playthrough is not None and (not self._past or self.expected_position_s(now) > BEGINNING_S):
            actions = self.seek(0.0, now)
            return actions if self.wanted is PlaybackState.PLAYING else [*actions, *self._resume()]
        if not self._past:
            return []
        self.wanted = PlaybackState.PLAYING
        self.playthrough = None  # so that `_retire` does not add the newer track to the past
        return self._play(Choice(self._past.pop(), "you went back to it"), target.mood, now, 0.0)

    # --- Events of the player ---

    def started(self, serial: int, position: Position, now: Now) -> list[Action]:
        """A track became audible: the one we asked for, or an older cue that started before its replacement arrived."""
        self.playthrough = self._queue.started(serial, self.playthrough)
        if self.playthrough is None or self.playthrough.serial != serial:
            return []
        self._failures = 0
        self.at(serial, position, now)
        choice, track = self.playthrough.choice, self.playthrough.choice.track
        facts = {"title": track.title, "artist": track.artist, "uri": track.uri, "reason": choice.reason}
        return [Announce(EventType.TRACK_STARTED, facts)]

    def at(self, serial: int, position: Position, now: Now) -> None:
        """The player measured its position. While paused, the position does not run: the event may be older."""
        if self.playthrough is None or self.playthrough.serial != serial:
            return
        if self.wanted is not PlaybackState.PLAYING or not self._sound:
            position = position.held(min(now.mono, position.at_mono))
        self.playthrough = self.playthrough.at(position, now)
        self.resume_s, self._requested = position.track_s, None
        if position.running:
            self._sounded_at = now.mono

    def ended(self, serial: int, profile: str, now: Now) -> list[Action]:
        """A track is over. The cued track follows; without a cue, `idle` starts the next one."""
        if self.playthrough is None or self.playthrough.serial != serial:
            return []
        actions = self._learn(Outcome.PLAYED, profile, now)
        self._retire(now)
        self.playthrough, self.resume_s = self._queue.advance(), 0.0
        if self.playthrough is not None:
            self._began_at = now.mono
        return actions

    def ending(self, serial: int) -> None:
        """A track has only some seconds left."""
        if self.playthrough is not None and self.playthrough.serial == serial:
            self._queue.ending = True

    def sound(self, on: bool, now: Now) -> None:
        """The sound device failed or works again. Inaudible time does not count as heard."""
        self._sound = on
        if not on:
            self._hold(now)

    def failed(self, serial: int, problem: str, now: Now) -> list[Action]:
        """A track cannot be played: do not try it again until the next scan. After several failures in a row, pause."""
        if self.playthrough is not None and self.playthrough.serial == serial:
            failed, self.playthrough = self.playthrough, self._queue.advance()
            self._began_at = float("-inf")  # PACE_S does not apply to a file that failed
        elif (cue := self._queue.failed(serial)) is not None:
            failed = cue
        else:
            return []
        track = failed.choice.track
        self._failed.add(track.key)
        self._failures += 1
        if self._failures % FAILURES_IN_A_ROW == 0 or len(self._failed) >= len(self._index):
            rests = self._failures // FAILURES_IN_A_ROW
            self._rest_until = now.mono + min(REST_S * 2**rests, LONGEST_REST_S)
            self._failed.clear()
        facts = {"title": track.title, "uri": track.uri, "message": problem}
        return [Announce(EventType.TRACK_FAILED, facts)]

    # --- Bookkeeping ---

    def _learn(self, outcome: Outcome, profile: str, now: Now) -> list[Action]:
        """Add an entry about the current track to the taste and to the history. A very short sample that ended by
        itself does not count."""
        if self.playthrough is None:
            return []
        heard_s = self.playthrough.heard(now)
        if outcome is Outcome.PLAYED and now.mono - self._began_at < PACE_S:
            return []
        key, mood = self.playthrough.choice.track.key, self.playthrough.mood
        line = Listen(key, profile, mood, outcome, now.wall, heard_s)
        self.taste.add(line)
        if outcome is Outcome.BANNED:
            self._list_never()
        return [Record(line)]

    def _list_never(self) -> None:
        self.never = tuple(self._index.tracks[row] for row in self._index.rows(self.taste.banned))

    def _avoid(self) -> set[str]:
        playing = set() if self.playthrough is None else {self.playthrough.choice.track.key}
        return playing | self._failed

    def _play(
        self, choice: Choice, mood: MoodName, now: Now, fade_s: float = 0.0, start_s: float = 0.0
    ) -> list[Action]:
        self._retire(now)
        self._queue.clear()
        self._serial += 1
        self._began_at = now.mono
        self.playthrough = Playthrough(self._serial, choice, mood, start_s=start_s)
        self.resume_s = start_s
        return [Play(self._serial, choice.track, fade_s, start_s)]

    def _retire(self, now: Now) -> None:
        if self.playthrough is not None:
            if self.playthrough.sounds:
                self._sounded_at = now.mono
            self._past.append(self.playthrough.choice.track)
            self.playthrough = self._requested = None


def _track_notice(kind: EventType, track: Track) -> Announce:
    return Announce(kind, {"title": track.title, "uri": track.uri})
