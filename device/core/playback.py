"""What plays, what played and what comes next: the part of the session that controls the music. Pure; main thread.

Its methods take where the music should be (`Target`), who listens (`Audience`) and the time (`Now`), and return
actions. `Chooser` knows what can play, and chooses. Serial numbers identify late events of replaced tracks, which the
playback ignores.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Collection
from dataclasses import replace

from device.config.schema import MusicConfig
from device.core.audience import Audience
from device.core.chooser import Chooser
from device.core.queue import PlayQueue, Playthrough
from device.core.reactions import Reaction
from device.domain import (
    Action,
    Announce,
    Choice,
    Cue,
    EventType,
    MoodName,
    Now,
    Outcome,
    Pause,
    Play,
    PlaybackState,
    Position,
    QueueEntry,
    Resume,
    Seek,
    Silence,
    Target,
    Track,
    Transport,
)
from device.music.recommend.choose import Taste, TrackIndex

PAST = 100  # tracks that "previous" can go back to
BEGINNING_S = 3.0  # before this position, "previous" goes to the track before; after it, to the start of this one
NEARLY_OVER_S = 10.0  # a track with less than this left is not resumed
BETWEEN_S = 3.0  # a gap of this length between two songs still counts as playing
PACE_S = 10.0  # the shortest time between the starts of two songs, so that short samples do not race by


class PlaybackControl:
    """Owns the current playthrough, the cue and the past."""

    def __init__(self, config: MusicConfig, chooser: Chooser) -> None:
        self.config = config
        self.chooser = chooser
        self.wanted = PlaybackState.STOPPED
        """What people asked for; `state` is what really happens."""
        self.playthrough: Playthrough | None = None
        self.resume_s = 0.0
        """Where to continue after a power cut."""
        self._queue = PlayQueue()
        self._sound = True
        self._requested: Position | None = None  # the target of a seek, until the player reports its position
        self._sounded_at = float("-inf")  # when anything was last audible (monotonic)
        self._began_at = float("-inf")  # when we asked for the current or last track
        self.serials = itertools.count(1)
        """Numbers for everything that the player plays."""
        self._suspended: Playthrough | None = None  # the song that returns after media from outside
        self._past: deque[Track] = deque(maxlen=PAST)

    # --- The state ---

    def load(self, index: TrackIndex, taste: Taste | None = None) -> None:
        """Use this library; see `Chooser.load`."""
        self.chooser.load(index, taste)
        if self.playthrough is not None and (row := index.row.get(self.playthrough.choice.track.key)) is not None:
            self.renew(index.tracks[row])

    def renew(self, track: Track) -> None:
        """Update what is known about the current track, if it is this one."""
        if self.playthrough is not None and self.playthrough.choice.track.key == track.key:
            self.playthrough = replace(self.playthrough, choice=replace(self.playthrough.choice, track=track))

    @property
    def choice(self) -> Choice | None:
        """The track that plays or is paused, and why."""
        return None if self.playthrough is None else self.playthrough.choice

    @property
    def position(self) -> Position | None:
        """The position that the player measured; None before its first measurement."""
        return None if self.playthrough is None else self.playthrough.position

    @property
    def queue(self) -> tuple[QueueEntry, ...]:
        """What plays next: the device's choice, as far as it is made, and the open requests."""
        cue, waiting = self._queue.latest, self.chooser.waiting(self.playthrough)
        return waiting if cue is None or cue.request else (QueueEntry(cue.choice), *waiting)

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
        due = max(self.chooser.failures.rest_until, self._began_at + PACE_S)
        return self.wanted is PlaybackState.PLAYING and self.playthrough is None and now.mono >= due

    # --- Choosing ---

    def play_next(self, target: Target, audience: Audience, now: Now, *, fade_s: float = 0.0) -> list[Action]:
        """Play the first request, or choose a track. Without any, the current track continues; in silence, `idle`
        retries."""
        self.wanted = PlaybackState.PLAYING
        entry = self.chooser.choose(self.playthrough, target, audience, now)
        return [] if entry is None else self._play(entry, target.mood, now, fade_s)

    def play_request(self, entry: QueueEntry, target: Target, audience: Audience, now: Now) -> list[Action]:
        """Play this request at once."""
        learned = self._learn(Outcome.REPLACED, audience, now)
        self.wanted = PlaybackState.PLAYING
        return [*learned, *self._play(entry, target.mood, now, self.config.fade_s)]

    def follow(self, target: Target, audience: Audience, now: Now) -> list[Action]:
        """Fade to other music, unless the current track is a request, was chosen for this mood or has this mood."""
        if self.wanted is not PlaybackState.PLAYING or self.playthrough is None or self.playthrough.request:
            return []
        if target.mood in (self.playthrough.mood, self.playthrough.choice.track.mood):
            return []
        learned = self._learn(Outcome.REPLACED, audience, now)
        return [*learned, *self.play_next(target, audience, now, fade_s=self.config.fade_s)]

    def queue_next(self, target: Target, audience: Audience, now: Now) -> list[Action]:
        """Near the end of the current track, choose the next one; choose again if the mood, the audience or the first
        request changes."""
        request = self.chooser.first_request(self.playthrough)
        purpose = (target.mood, audience.profiles, 0 if request is None else request.id)
        if self.playthrough is None or not self._queue.due(purpose) or now.mono - self._began_at < PACE_S:
            return []
        entry = self.chooser.choose(self.playthrough, target, audience, now)
        if entry is None:
            return []
        serial = next(self.serials)
        self._queue.add(Playthrough(serial, entry.choice, target.mood, request=entry.id, by=entry.by), purpose)
        return [Cue(serial, entry.choice.track)]

    def resume_track(self, track_key: str, position_s: float, target: Target, now: Now) -> list[Action]:
        """Continue the track that played before the program stopped, paused if it was paused. Does nothing if the track
        is gone, banned or nearly over."""
        row = self.chooser.index.row.get(track_key)
        if row is None or track_key in self.chooser.taste.banned:
            return []
        track = self.chooser.index.tracks[row]
        if track.duration_s > 0 and position_s > track.duration_s - NEARLY_OVER_S:
            return []
        entry = QueueEntry(Choice(track, "it continues where it stopped"))
        actions = self._play(entry, target.mood, now, 0.0, position_s)
        return [*actions, Pause()] if self.wanted is PlaybackState.PAUSED else actions

    # --- Media from outside ---

    def suspend(self, now: Now) -> None:
        """Media from outside play now; keep the song and its place. `wanted` stays."""
        self._hold(now)
        self._queue.clear()
        if self.playthrough is not None:
            self._suspended, self.playthrough = self.playthrough, None

    def restore(self, target: Target, audience: Audience, now: Now) -> list[Action]:
        """The media are over: continue the song, or choose another one if its mood does not fit any more. Without a
        song, `idle` chooses one."""
        kept, self._suspended = self._suspended, None
        self._began_at = float("-inf")
        if kept is None or self.wanted is PlaybackState.STOPPED:
            return []
        track, start_s = kept.choice.track, kept.position_s(now)
        if self.wanted is PlaybackState.PLAYING and (
            target.mood not in (kept.mood, track.mood) or track.key not in self.chooser.index.row
        ):
            self._past.append(track)
            return self.play_next(target, audience, now, fade_s=self.config.fade_s)
        entry = QueueEntry(kept.choice, kept.request, kept.by)
        actions = self._play(entry, kept.mood, now, self.config.fade_s, start_s)
        assert self.playthrough is not None
        self.playthrough = replace(self.playthrough, heard_s=kept.heard_s)
        return [*actions, Pause()] if self.wanted is PlaybackState.PAUSED else actions

    # --- What people ask for ---

    def obey(self, transport: Transport, target: Target, audience: Audience, now: Now) -> list[Action]:
        """Play, pause, stop, next, previous or toggle. Ignores a command that makes no sense now."""
        if transport is Transport.TOGGLE:
            transport = Transport.PAUSE if self.wanted is PlaybackState.PLAYING else Transport.PLAY
        match transport:
            case Transport.PLAY if self.playthrough is None:
                return self.play_next(target, audience, now)
            case Transport.PLAY if self.wanted is PlaybackState.PAUSED:
                return self._resume()
            case Transport.PAUSE if self.wanted is PlaybackState.PLAYING and self.playthrough is not None:
                self.wanted = PlaybackState.PAUSED
                self._hold(now)
                return [Pause()]
            case Transport.STOP:
                return self.stop(now, self.config.fade_s)
            case Transport.NEXT:
                return self.skip(Outcome.SKIPPED, target, audience, now)
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

    def judge(self, outcome: Outcome, by: str, target: Target, audience: Audience, now: Now) -> list[Action]:
        """Somebody likes, dislikes or bans the current track (`by`: a profile; empty: everybody present). A dislike or
        a ban skips it."""
        if self.choice is None:
            return []
        track = self.choice.track
        notice = _track_notice(EventType(outcome), track)
        if outcome is not Outcome.LIKED and self.wanted is PlaybackState.PLAYING:
            return [notice, *self.skip(outcome, target, audience, now, by=(by,) if by else ())]
        return [notice, *self._learn(outcome, audience, now, by=(by,) if by else ())]

    def _hold(self, now: Now) -> None:
        if self.playthrough is not None:
            self.playthrough = self.playthrough.held(now)
            self.resume_s = self.playthrough.position_s(now)

    def _resume(self) -> list[Action]:
        self.wanted = PlaybackState.PLAYING
        return [Resume()]

    def stop(self, now: Now, fade_s: float) -> list[Action]:
        """Stop the music, fading over `fade_s`."""
        was = self.playthrough
        self.wanted = PlaybackState.STOPPED
        self._retire(now)
        self._queue.clear()
        return [Silence(fade_s)] if was is not None else []

    def give_way(self, now: Now) -> list[Action]:
        """Stop at once, because another device plays for the group; what people want stays the same."""
        wanted = self.wanted
        actions = self.stop(now, 0.0)
        self.wanted = wanted
        return actions

    def skip(
        self, outcome: Outcome, target: Target, audience: Audience, now: Now, by: Collection[str] = ()
    ) -> list[Action]:
        """Go on to the next track, because `by` want to (empty: everybody present)."""
        actions = self._learn(outcome, audience, now, by)
        if self.choice is not None:
            actions.append(Announce(EventType.TRACK_SKIPPED, {"title": self.choice.track.title}))
        if outcome is Outcome.BANNED and len(self.chooser.never) == len(self.chooser.index):
            return [*actions, *self.stop(now, self.config.fade_s)]
        return actions + self.play_next(target, audience, now)

    def _go_back(self, target: Target, now: Now) -> list[Action]:
        """Go to the previous track. After `BEGINNING_S`, or without a previous track, go to the start of this one."""
        if self.playthrough is not None and (not self._past or self.expected_position_s(now) > BEGINNING_S):
            actions = self.seek(0.0, now)
            return actions if self.wanted is PlaybackState.PLAYING else [*actions, *self._resume()]
        if not self._past:
            return []
        self.wanted = PlaybackState.PLAYING
        self.playthrough = None  # so that `_retire` does not add the newer track to the past
        return self._play(QueueEntry(Choice(self._past.pop(), "you went back to it")), target.mood, now)

    # --- Events of the player ---

    def started(self, serial: int, position: Position, now: Now) -> list[Action]:
        """A track became audible: the one we asked for, or an older cue that started before its replacement arrived."""
        self.playthrough = self._queue.started(serial, self.playthrough)
        if self.playthrough is None or self.playthrough.serial != serial:
            return []
        self.chooser.failures.success()
        self.chooser.requests.serve(self.playthrough.request)
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

    def ended(self, serial: int, audience: Audience, now: Now) -> list[Action]:
        """A track is over. The cued track follows; without a cue, `idle` starts the next one."""
        if self.playthrough is None or self.playthrough.serial != serial:
            return []
        actions = self._learn(Outcome.PLAYED, audience, now)
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
        self.chooser.requests.drop(failed.request)
        self.chooser.failures.add(track.key, len(self.chooser.index), now)
        facts = {"title": track.title, "uri": track.uri, "message": problem}
        return [Announce(EventType.TRACK_FAILED, facts)]

    # --- Bookkeeping ---

    def react(self, reaction: Reaction, audience: Audience, now: Now) -> list[Action]:
        """Somebody showed what they think of the song. The song goes on; while guests are here, nobody learns."""
        learned = self._learn(reaction.outcome, audience, now)
        if self.choice is None or not learned:
            return []
        facts = {"title": self.choice.track.title, "uri": self.choice.track.uri, "how": reaction.how}
        return [Announce(EventType.REACTED, facts), *learned]

    def _learn(self, outcome: Outcome, audience: Audience, now: Now, by: Collection[str] = ()) -> list[Action]:
        """Learn from the current track. A very short sample that ended by itself does not count."""
        if self.playthrough is None or (outcome is Outcome.PLAYED and now.mono - self._began_at < PACE_S):
            return []
        return self.chooser.learn(self.playthrough, outcome, audience, now, by)

    def _play(
        self, entry: QueueEntry, mood: MoodName, now: Now, fade_s: float = 0.0, start_s: float = 0.0
    ) -> list[Action]:
        self._retire(now)
        self._queue.clear()
        self._suspended = None
        self._began_at = now.mono
        self.playthrough = Playthrough(
            next(self.serials), entry.choice, mood, start_s=start_s, request=entry.id, by=entry.by
        )
        self.resume_s = start_s
        return [Play(self.playthrough.serial, entry.choice.track, fade_s, start_s)]

    def _retire(self, now: Now) -> None:
        if self.playthrough is not None:
            if self.playthrough.sounds:
                self._sounded_at = now.mono
            self._past.append(self.playthrough.choice.track)
            self.chooser.requests.serve(self.playthrough.request)
            self.chooser.requests.forget_votes()
            self.playthrough = self._requested = None


def _track_notice(kind: EventType, track: Track) -> Announce:
    return Announce(kind, {"title": track.title, "uri": track.uri})
