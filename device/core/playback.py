"""What plays and what comes next: the part of the session that controls the music. Pure; main thread.

Its methods take where the music should be (`Target`), who listens (`Audience`) and the time (`Now`), and return
actions. `Chooser` knows what can play, and chooses; `Playing` is the state of what plays.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from device.config.schema import MusicConfig
from device.core.audience import Audience
from device.core.chooser import Chooser
from device.core.playing import Playing
from device.core.queue import Playthrough
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
    PlaybackState,
    Position,
    QueueEntry,
    Silence,
    Target,
    Track,
    TrackFailed,
    Transport,
)
from device.music.recommend.choose import Taste, TrackIndex

NEARLY_OVER_S = 10.0  # a track with less than this left is not resumed


class PlaybackControl:
    """Begins, ends and replaces songs, and learns from what people do about them."""

    def __init__(self, config: MusicConfig, chooser: Chooser) -> None:
        self.config = config
        self.chooser = chooser
        self.playing = Playing()

    def load(self, index: TrackIndex, taste: Taste | None = None) -> None:
        """Use this library; see `Chooser.load`."""
        self.chooser.load(index, taste)
        choice = self.playing.choice
        if choice is not None and (row := index.row.get(choice.track.key)) is not None:
            self.playing.renew(index.tracks[row])

    @property
    def queue(self) -> tuple[QueueEntry, ...]:
        """What plays next: the device's choice, as far as it is made, and the open requests."""
        cue, waiting = self.playing.cues.latest, self.chooser.waiting(self.playing.playthrough)
        return waiting if cue is None or cue.request else (QueueEntry(cue.choice), *waiting)

    def idle(self, now: Now) -> bool:
        """Whether people want music, no track plays, and it is time to try (again)."""
        playing, rests = self.playing, now.mono < self.chooser.failures.rest_until
        wanted = playing.wanted is PlaybackState.PLAYING and playing.playthrough is None
        return wanted and not rests and not playing.just_began(now)

    # --- Choosing ---

    def play_next(self, target: Target, audience: Audience, now: Now, *, fade_s: float = 0.0) -> list[Action]:
        """Play the first request, or choose a track. Without any, the current track continues; in silence, `idle`
        retries."""
        self.playing.wanted = PlaybackState.PLAYING
        entry = self.chooser.choose(self.playing.playthrough, target, audience, now)
        return [] if entry is None else self._play(entry, target.mood, now, fade_s)

    def play_request(self, entry: QueueEntry, target: Target, audience: Audience, now: Now) -> list[Action]:
        """Play this request at once."""
        learned = self._learn(Outcome.REPLACED, audience, now)
        self.playing.wanted = PlaybackState.PLAYING
        return [*learned, *self._play(entry, target.mood, now, self.config.fade_s)]

    def follow(self, target: Target, audience: Audience, now: Now) -> list[Action]:
        """Fade to other music, unless the current track is a request, was chosen for this mood or has this mood."""
        present = self.playing.playthrough
        if self.playing.wanted is not PlaybackState.PLAYING or present is None or present.request:
            return []
        if target.mood in (present.mood, present.choice.track.mood):
            return []
        learned = self._learn(Outcome.REPLACED, audience, now)
        return [*learned, *self.play_next(target, audience, now, fade_s=self.config.fade_s)]

    def queue_next(self, target: Target, audience: Audience, now: Now) -> list[Action]:
        """Near the end of the current track, choose the next one; choose again if the mood, the audience or the first
        request changes."""
        request = self.chooser.first_request(self.playing.playthrough)
        purpose = (target.mood, audience.profiles, 0 if request is None else request.id)
        if self.playing.playthrough is None or not self.playing.cues.due(purpose) or self.playing.just_began(now):
            return []
        entry = self.chooser.choose(self.playing.playthrough, target, audience, now)
        if entry is None:
            return []
        serial = next(self.playing.serials)
        self.playing.cues.add(Playthrough(serial, entry.choice, target.mood, request=entry.id, by=entry.by), purpose)
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
        return [*actions, Pause()] if self.playing.wanted is PlaybackState.PAUSED else actions

    # --- Media from outside ---

    def restore(self, target: Target, audience: Audience, now: Now) -> list[Action]:
        """The media are over: continue the song, or choose another one if its mood no longer fits. Without a
        song, `idle` chooses one."""
        kept = self.playing.take_suspended()
        if kept is None or self.playing.wanted is PlaybackState.STOPPED:
            return []
        track, start_s = kept.choice.track, kept.position_s(now)
        if self.playing.wanted is PlaybackState.PLAYING and (
            target.mood not in (kept.mood, track.mood) or track.key not in self.chooser.index.row
        ):
            self.playing.leave(track)
            return self.play_next(target, audience, now, fade_s=self.config.fade_s)
        entry = QueueEntry(kept.choice, kept.request, kept.by)
        actions = self._play(entry, kept.mood, now, self.config.fade_s, start_s)
        assert self.playing.playthrough is not None
        self.playing.playthrough = replace(self.playing.playthrough, heard_s=kept.heard_s)
        return [*actions, Pause()] if self.playing.wanted is PlaybackState.PAUSED else actions

    # --- What people ask for ---

    def obey(self, transport: Transport, target: Target, audience: Audience, now: Now) -> list[Action]:
        """Play, pause, stop, next, previous or toggle. Ignores a command that makes no sense now."""
        wanted, silent = self.playing.wanted, self.playing.playthrough is None
        if transport is Transport.TOGGLE:
            transport = Transport.PAUSE if wanted is PlaybackState.PLAYING else Transport.PLAY
        match transport:
            case Transport.PLAY if silent:
                return self.play_next(target, audience, now)
            case Transport.PLAY if wanted is PlaybackState.PAUSED:
                return self.playing.resume()
            case Transport.PAUSE if wanted is PlaybackState.PLAYING and not silent:
                return self.playing.pause(now)
            case Transport.STOP:
                return self.stop(now, self.config.fade_s)
            case Transport.NEXT:
                return self.skip(Outcome.SKIPPED, target, audience, now)
            case Transport.PREVIOUS:
                return self._go_back(target, now)
        return []

    def judge(self, outcome: Outcome, by: str, target: Target, audience: Audience, now: Now) -> list[Action]:
        """Somebody likes, dislikes or bans the current track (`by`: a profile; empty: everybody present). A dislike or
        a ban skips it."""
        if self.playing.choice is None:
            return []
        track = self.playing.choice.track
        notice = _track_notice(EventType(outcome), track)
        if outcome is not Outcome.LIKED and self.playing.wanted is PlaybackState.PLAYING:
            return [notice, *self.skip(outcome, target, audience, now, by=(by,) if by else ())]
        return [notice, *self._learn(outcome, audience, now, by=(by,) if by else ())]

    def stop(self, now: Now, fade_s: float) -> list[Action]:
        """Stop the music, fading over `fade_s`."""
        self.playing.wanted = PlaybackState.STOPPED
        over = self._retire(now)
        self.playing.cues.clear()
        return [] if over is None else [Silence(fade_s)]

    def give_way(self, now: Now) -> list[Action]:
        """Stop at once, because another device plays for the group; what people want stays the same."""
        wanted = self.playing.wanted
        actions = self.stop(now, 0.0)
        self.playing.wanted = wanted
        return actions

    def skip(
        self, outcome: Outcome, target: Target, audience: Audience, now: Now, by: Collection[str] = ()
    ) -> list[Action]:
        """Go on to the next track, because `by` want to (empty: everybody present)."""
        actions = self._learn(outcome, audience, now, by)
        if self.playing.choice is not None:
            actions.append(Announce(EventType.TRACK_SKIPPED, {"title": self.playing.choice.track.title}))
        if outcome is Outcome.BANNED and len(self.chooser.never) == len(self.chooser.index):
            return [*actions, *self.stop(now, self.config.fade_s)]
        return actions + self.play_next(target, audience, now)

    def _go_back(self, target: Target, now: Now) -> list[Action]:
        """Go to the previous track, or to the start of this one: see `Playing.goes_back`."""
        playing = self.playing
        if playing.goes_back(now):
            playing.wanted = PlaybackState.PLAYING
            return self._play(QueueEntry(Choice(playing.take_previous(), "you went back to it")), target.mood, now)
        if playing.playthrough is None:
            return []
        actions = playing.seek(0.0, now)
        return actions if playing.wanted is PlaybackState.PLAYING else [*actions, *playing.resume()]

    # --- Events of the player ---

    def started(self, serial: int, position: Position, now: Now) -> list[Action]:
        """A track became audible."""
        playthrough = self.playing.started(serial, position, now)
        if playthrough is None:
            return []
        self.chooser.failures.success()
        self.chooser.requests.serve(playthrough.request)
        choice, track = playthrough.choice, playthrough.choice.track
        facts = {"title": track.title, "artist": track.artist, "uri": track.uri, "reason": choice.reason}
        return [Announce(EventType.TRACK_STARTED, facts)]

    def ended(self, serial: int, audience: Audience, now: Now) -> list[Action]:
        """A track is over. The cued track follows; without a cue, `idle` starts the next one."""
        if self.playing.playthrough is None or self.playing.playthrough.serial != serial:
            return []
        actions = self._learn(Outcome.PLAYED, audience, now)
        self._retire(now)
        self.playing.advance(now)
        return actions

    def failed(self, event: TrackFailed, now: Now) -> list[Action]:
        """A track cannot be played: do not try it again until the next scan, nor others on its disk for a while if that
        does not answer. After several failures in a row, pause."""
        failed = self.playing.failed(event.serial)
        if failed is None:
            return []
        track, failures = failed.choice.track, self.chooser.failures
        self.chooser.requests.drop(failed.request)
        failures.add("" if event.disk else track.key, len(self.chooser.index), now)
        if event.disk is not None:
            failures.lose(event.disk, self.chooser.index.tracks, now)
            following = self.playing.playthrough
            if following is not None and not following.sounds and following.choice.track.key in failures.away:
                self.playing.playthrough = None  # it is on the same disk: choose again
        facts = {"title": track.title, "uri": track.uri, "message": event.problem}
        return [Announce(EventType.TRACK_FAILED, facts)]

    # --- Bookkeeping ---

    def react(self, reaction: Reaction, audience: Audience, now: Now) -> list[Action]:
        """Somebody showed what they think of the song. The song goes on; while guests are here, nobody learns."""
        learned = self._learn(reaction.outcome, audience, now)
        if self.playing.choice is None or not learned:
            return []
        facts = {"title": self.playing.choice.track.title, "uri": self.playing.choice.track.uri, "how": reaction.how}
        return [Announce(EventType.REACTED, facts), *learned]

    def _learn(self, outcome: Outcome, audience: Audience, now: Now, by: Collection[str] = ()) -> list[Action]:
        """Learn from the current track. A very short sample that ended by itself does not count."""
        if self.playing.playthrough is None or (outcome is Outcome.PLAYED and self.playing.just_began(now)):
            return []
        return self.chooser.learn(self.playing.playthrough, outcome, audience, now, by)

    def _play(
        self, entry: QueueEntry, mood: MoodName, now: Now, fade_s: float = 0.0, start_s: float = 0.0
    ) -> list[Action]:
        self._retire(now)
        return [self.playing.begin(entry, mood, now, fade_s, start_s)]

    def _retire(self, now: Now) -> Playthrough | None:
        over = self.playing.retire(now)
        if over is not None:
            self.chooser.requests.serve(over.request)
            self.chooser.requests.forget_votes()
        return over


def _track_notice(kind: EventType, track: Track) -> Announce:
    return Announce(kind, {"title": track.title, "uri": track.uri})
