"""What plays, what played and what comes next: the part of the session that minds the music. Pure; main thread.

It is given where to go (`Target`), whose taste counts (`profile`) and when (`Now`); it answers with actions. Serial
numbers make late events of replaced tracks fall away.
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
FAILURES_IN_A_ROW = 5  # then a rest: a whole drive may be gone
REST_S = 5.0  # the first rest; each further one is twice as long
LONGEST_REST_S = 300.0
BEGINNING_S = 3.0  # "previous" so early means the track before; later, this one again
NEARLY_OVER_S = 10.0  # a track that was so near its end is not taken up again
BETWEEN_S = 3.0  # the pause between two songs during which playback still counts as playing
PACE_S = 10.0  # songs that end sooner than this after they began make the next one wait: a jingle is no playlist


class PlaybackControl:
    """Owns the current playthrough, the queue, the past and the taste."""

    def __init__(self, config: MusicConfig, history: Iterable[Listen], dice: random.Random) -> None:
        self.config = config
        self.taste = Taste(history)
        self.wanted = PlaybackState.STOPPED
        """What people want; `state` is what is so."""
        self.playthrough: Playthrough | None = None
        self.resume_s = 0.0
        """Where to go on after a power cut."""
        self._index = TrackIndex()
        self._queue = PlayQueue()
        self._dice = dice
        self._sound = True
        self._sought: Position | None = None  # where the player was asked to go, until it says where that was
        self._sounded_at = float("-inf")  # when anything was audible last (monotonic)
        self._began_at = float("-inf")  # when the present track, or the last one, was asked for
        self._rest_until = float("-inf")
        self._serial = 0
        self._past: deque[Track] = deque(maxlen=PAST)
        self._failed: set[str] = set()
        self._failures = 0

    # --- What there is ---

    def load(self, index: TrackIndex, taste: Taste | None = None) -> None:
        """Take the library as it is now; files that failed before get another chance. `taste` has met this index
        already; without one, the present taste meets it here."""
        self._index = index
        if taste is None:
            self.taste.meet(index)
        else:
            taste.catch_up(self.taste)
            self.taste = taste
        self._failed.clear()
        if self.playthrough is not None and (row := index.row.get(self.playthrough.choice.track.key)) is not None:
            self.renew(index.tracks[row])

    def renew(self, track: Track) -> None:
        """More is known of this track now; if it is the one that plays, that shows at once."""
        if self.playthrough is not None and self.playthrough.choice.track.key == track.key:
            self.playthrough = replace(self.playthrough, choice=replace(self.playthrough.choice, track=track))

    @property
    def index(self) -> TrackIndex:
        """The library."""
        return self._index

    @property
    def choice(self) -> Choice | None:
        """What plays (or is paused), and why."""
        return None if self.playthrough is None else self.playthrough.choice

    @property
    def position(self) -> Position | None:
        """Where it is, as the player measured it; None before it has."""
        return None if self.playthrough is None else self.playthrough.position

    @property
    def queue(self) -> tuple[Choice, ...]:
        """What follows, as far as it is chosen."""
        return self._queue.choices

    @property
    def never(self) -> tuple[Track, ...]:
        """The tracks of the library that somebody banned, the latest last."""
        return tuple(self._index.tracks[row] for row in self._index.rows(self.taste.banned))

    def state(self, now: Now) -> PlaybackState:
        """What is so: playing only while something sounds, or in the moment between two songs."""
        if self.wanted is not PlaybackState.PLAYING:
            return self.wanted if self.playthrough is not None else PlaybackState.STOPPED
        if self.playthrough is not None and self.playthrough.sounds:
            return PlaybackState.PLAYING
        if self._sound and now.mono - self._sounded_at < BETWEEN_S:
            return PlaybackState.PLAYING
        return PlaybackState.STOPPED if self.position is None else PlaybackState.PAUSED

    def idle(self, now: Now) -> bool:
        """Whether music is wanted, nothing is on, and it is time to try (again)."""
        due = max(self._rest_until, self._began_at + PACE_S)
        return self.wanted is PlaybackState.PLAYING and self.playthrough is None and now.mono >= due

    # --- What follows what ---

    def play_next(self, target: Target, profile: str, now: Now, *, fade_s: float = 0.0) -> list[Action]:
        """Choose and play. With nothing to choose from, what plays goes on; in silence, `idle` tries again."""
        self.wanted = PlaybackState.PLAYING
        choice = choose(self._index, target, self.taste, profile, now, self._dice, exclude=self._avoid())
        return [] if choice is None else self._play(choice, target.mood, now, fade_s)

    def follow(self, target: Target, profile: str, now: Now) -> list[Action]:
        """Fade to other music unless what plays was chosen for this mood, or has it anyway."""
        if self.wanted is not PlaybackState.PLAYING or self.playthrough is None:
            return []
        if target.mood in (self.playthrough.mood, self.playthrough.choice.track.mood):
            return []
        learned = self._learn(Outcome.REPLACED, profile, now)
        return [*learned, *self.play_next(target, profile, now, fade_s=self.config.fade_s)]

    def queue_next(self, target: Target, profile: str, now: Now) -> list[Action]:
        """Once what plays is ending: choose what follows it, and anew if that was for another mood or taste."""
        wish = (target.mood, profile)
        if self.playthrough is None or not self._queue.due(wish) or now.mono - self._began_at < PACE_S:
            return []
        choice = choose(self._index, target, self.taste, profile, now, self._dice, exclude=self._avoid())
        if choice is None:
            return []
        self._serial += 1
        self._queue.add(Playthrough(self._serial, choice, target.mood), wish)
        return [Cue(self._serial, choice.track)]

    def take_up(self, track_key: str, position_s: float, target: Target, now: Now) -> list[Action]:
        """Go on with what was on before the program stopped, paused if it was; not if it is gone or nearly over."""
        row = self._index.row.get(track_key)
        if row is None or track_key in self.taste.banned:
            return []
        track = self._index.tracks[row]
        if track.duration_s > 0 and position_s > track.duration_s - NEARLY_OVER_S:
            return []
        actions = self._play(Choice(track, "it goes on where it stopped"), target.mood, now, 0.0, position_s)
        return [*actions, Pause()] if self.wanted is PlaybackState.PAUSED else actions

    # --- What people ask for ---

    def obey(self, transport: Transport, target: Target, profile: str, now: Now) -> list[Action]:
        """Play, pause, stop, next, previous or toggle; what makes no sense now is left alone."""
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
        """Go elsewhere in what plays or is paused. The player says where that was."""
        if self.playthrough is None:
            return []
        self._sought = Position(position_s, now.mono, self.wanted is PlaybackState.PLAYING)
        return [Seek(self.playthrough.serial, position_s)]

    def heading_s(self, now: Now) -> float:
        """Where a further step starts from: from where the player was asked to go, if it has not answered yet."""
        if self._sought is not None:
            return self._sought.at(now.mono)
        return 0.0 if self.playthrough is None else self.playthrough.position_s(now)

    def judge(self, outcome: Outcome, target: Target, profile: str, now: Now) -> list[Action]:
        """Somebody likes, dislikes or bans what plays; a track that is not liked does not go on."""
        if self.choice is None:
            return []
        track = self.choice.track
        told = _track_notice(EventType(outcome), track)
        if outcome is not Outcome.LIKED and self.wanted is PlaybackState.PLAYING:
            return [told, *self._skip(outcome, target, profile, now)]
        return [told, *self._learn(outcome, profile, now)]

    def allow(self, track: Track, profile: str, now: Now) -> list[Action]:
        """A banned track may play again."""
        line = Listen(track.key, profile, track.mood, Outcome.ALLOWED, now.wall)
        self.taste.add(line)
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
        """To the track before this one; later than `BEGINNING_S`, or without one, to the beginning of this one."""
        if self.playthrough is not None and (not self._past or self.heading_s(now) > BEGINNING_S):
            actions = self.seek(0.0, now)
            return actions if self.wanted is PlaybackState.PLAYING else [*actions, *self._resume()]
        if not self._past:
            return []
        self.wanted = PlaybackState.PLAYING
        self.playthrough = None  # going back must not put the newer track into the past
        return self._play(Choice(self._past.pop(), "you went back to it"), target.mood, now, 0.0)

    # --- What the player says ---

    def started(self, serial: int, position: Position, now: Now) -> list[Action]:
        """A track became audible: the one that was asked for, or one cued before a newer cue came through."""
        self.playthrough = self._queue.started(serial, self.playthrough)
        if self.playthrough is None or self.playthrough.serial != serial:
            return []
        self._failures = 0
        self.at(serial, position, now)
        choice, track = self.playthrough.choice, self.playthrough.choice.track
        facts = {"title": track.title, "artist": track.artist, "uri": track.uri, "reason": choice.reason}
        return [Announce(EventType.TRACK_STARTED, facts)]

    def at(self, serial: int, position: Position, now: Now) -> None:
        """The player measured where it is; it knows best. While paused nothing runs: the event may be older."""
        if self.playthrough is None or self.playthrough.serial != serial:
            return
        if self.wanted is not PlaybackState.PLAYING or not self._sound:
            position = position.held(min(now.mono, position.at_mono))
        self.playthrough = self.playthrough.at(position, now)
        self.resume_s, self._sought = position.track_s, None
        if position.running:
            self._sounded_at = now.mono

    def ended(self, serial: int, profile: str, now: Now) -> list[Action]:
        """A track is over; the one that was cued follows, else being idle is the reason to play the next one."""
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
        """The sound device went away, or came back: what nobody hears does not count as heard."""
        self._sound = on
        if not on:
            self._hold(now)

    def failed(self, serial: int, problem: str, now: Now) -> list[Action]:
        """A track cannot be played: not again until the next scan. After several in a row, a rest."""
        if self.playthrough is not None and self.playthrough.serial == serial:
            failed, self.playthrough = self.playthrough, self._queue.advance()
            self._began_at = float("-inf")  # a file that fails is no short song
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
        """A line of history about the present track, learned at once and to be remembered. A scrap of sound that ended
        by itself says nothing."""
        if self.playthrough is None:
            return []
        heard_s = self.playthrough.heard(now)
        if outcome is Outcome.PLAYED and now.mono - self._began_at < PACE_S:
            return []
        key, mood = self.playthrough.choice.track.key, self.playthrough.mood
        line = Listen(key, profile, mood, outcome, now.wall, heard_s)
        self.taste.add(line)
        return [Record(line)]

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
            self.playthrough = self._sought = None


def _track_notice(kind: EventType, track: Track) -> Announce:
    return Announce(kind, {"title": track.title, "uri": track.uri})
