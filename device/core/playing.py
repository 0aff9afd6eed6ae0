"""What plays, what played and what follows: the state of the music. Pure; main thread, owned by `PlaybackControl`.

Decides nothing about the choice of music. Serial numbers identify late events of replaced tracks, which it ignores.
"""

from __future__ import annotations

import itertools
from collections import deque
from dataclasses import replace

from device.core.queue import PlayQueue, Playthrough
from device.domain import (
    Action,
    Choice,
    MoodName,
    Now,
    Pause,
    Play,
    PlaybackState,
    Position,
    QueueEntry,
    Resume,
    Seek,
    Track,
)

PAST = 100  # tracks that "previous" can go back to
BEGINNING_S = 3.0  # before this position, "previous" goes to the track before; after it, to the start of this one
BETWEEN_S = 3.0  # a gap of this length between two songs still counts as playing
PACE_S = 10.0  # the shortest time between the starts of two songs, so that short samples do not race by


class Playing:
    """Owns the current playthrough, the cue and the past."""

    def __init__(self) -> None:
        self.wanted = PlaybackState.STOPPED
        """What people asked for; `state` is what really happens."""
        self.playthrough: Playthrough | None = None
        self.resume_s = 0.0
        """Where to continue after a power cut."""
        self.cues = PlayQueue()
        self.serials = itertools.count(1)
        """Numbers for everything that the player plays."""
        self._sound = True
        self._requested: Position | None = None  # the target of a seek, until the player reports its position
        self._sounded_at = float("-inf")  # when anything was last audible (monotonic)
        self._began_at = float("-inf")  # when we asked for the current or last track
        self._suspended: Playthrough | None = None  # the song that returns after media from outside
        self._past: deque[Track] = deque(maxlen=PAST)

    @property
    def choice(self) -> Choice | None:
        """The track that plays or is paused, and why."""
        return None if self.playthrough is None else self.playthrough.choice

    @property
    def position(self) -> Position | None:
        """The position that the player measured; None before its first measurement."""
        return None if self.playthrough is None else self.playthrough.position

    def state(self, now: Now) -> PlaybackState:
        """What really happens: playing only while music is audible, or in the short gap between two songs."""
        if self.wanted is not PlaybackState.PLAYING:
            return self.wanted if self.playthrough is not None else PlaybackState.STOPPED
        if self.playthrough is not None and self.playthrough.sounds:
            return PlaybackState.PLAYING
        if self._sound and now.mono - self._sounded_at < BETWEEN_S:
            return PlaybackState.PLAYING
        return PlaybackState.STOPPED if self.position is None else PlaybackState.PAUSED

    def just_began(self, now: Now) -> bool:
        """Whether the current or last track began less than `PACE_S` ago."""
        return now.mono - self._began_at < PACE_S

    def expected_position_s(self, now: Now) -> float:
        """The position from which a relative seek starts: the target of the last seek until the player has answered,
        otherwise the measured position."""
        if self._requested is not None:
            return self._requested.at(now.mono)
        return 0.0 if self.playthrough is None else self.playthrough.position_s(now)

    # --- What the playback does ---

    def begin(self, entry: QueueEntry, mood: MoodName, now: Now, fade_s: float, start_s: float) -> Action:
        """Play this entry, chosen for `mood`, in place of everything else."""
        self.cues.clear()
        self._suspended = self._requested = None
        self._began_at = now.mono
        self.playthrough = Playthrough(
            next(self.serials), entry.choice, mood, start_s=start_s, request=entry.id, by=entry.by
        )
        self.resume_s = start_s
        return Play(self.playthrough.serial, entry.choice.track, fade_s, start_s)

    def retire(self, now: Now) -> Playthrough | None:
        """The current playthrough is over, for whatever reason; returns it."""
        over, self.playthrough = self.playthrough, None
        if over is not None:
            self._requested = None
            self._past.append(over.choice.track)
            if over.sounds:
                self._sounded_at = now.mono
        return over

    def advance(self, now: Now) -> None:
        """Nothing plays now: the cue follows, if there is one."""
        self.playthrough, self.resume_s = self.cues.advance(), 0.0
        if self.playthrough is not None:
            self._began_at = now.mono

    def renew(self, track: Track) -> None:
        """Update what is known about the current track, if it is this one."""
        if self.playthrough is not None and self.playthrough.choice.track.key == track.key:
            self.playthrough = replace(self.playthrough, choice=replace(self.playthrough.choice, track=track))

    def seek(self, position_s: float, now: Now) -> list[Action]:
        """Jump within the current track. The player reports the new position."""
        if self.playthrough is None:
            return []
        self._requested = Position(position_s, now.mono, self.wanted is PlaybackState.PLAYING)
        return [Seek(self.playthrough.serial, position_s)]

    def pause(self, now: Now) -> list[Action]:
        """Keep the song and its place."""
        self.wanted = PlaybackState.PAUSED
        self.hold(now)
        return [Pause()]

    def resume(self) -> list[Action]:
        """Go on after a pause."""
        self.wanted = PlaybackState.PLAYING
        return [Resume()]

    def hold(self, now: Now) -> None:
        """The current track is no longer audible."""
        if self.playthrough is not None:
            self.playthrough = self.playthrough.held(now)
            self.resume_s = self.playthrough.position_s(now)

    def suspend(self, now: Now) -> None:
        """Media from outside play now; keep the song and its place. `wanted` stays."""
        self.hold(now)
        self.cues.clear()
        if self.playthrough is not None:
            self._suspended, self.playthrough = self.playthrough, None

    def take_suspended(self) -> Playthrough | None:
        """The song that the media from outside replaced, once; the next song may begin at once."""
        kept, self._suspended = self._suspended, None
        self._began_at = float("-inf")
        return kept

    def leave(self, track: Track) -> None:
        """`track` does not return, but "previous" can go back to it."""
        self._past.append(track)

    def goes_back(self, now: Now) -> bool:
        """Whether "previous" means the track before; otherwise, it means the start of this one."""
        return bool(self._past) and (self.playthrough is None or self.expected_position_s(now) <= BEGINNING_S)

    def take_previous(self) -> Track:
        """The track before; the current one does not become a part of the past."""
        self.playthrough = None
        return self._past.pop()

    # --- What the player reports ---

    def started(self, serial: int, position: Position, now: Now) -> Playthrough | None:
        """A track became audible: the one we asked for, or an older cue that started before its replacement arrived.
        Returns its playthrough; None for a track that was replaced."""
        self.playthrough = self.cues.started(serial, self.playthrough)
        self.at(serial, position, now)
        return self._current(serial)

    def at(self, serial: int, position: Position, now: Now) -> None:
        """The player measured its position. While paused, the position does not run: the event may be older."""
        if (current := self._current(serial)) is None:
            return
        if self.wanted is not PlaybackState.PLAYING or not self._sound:
            position = position.held(min(now.mono, position.at_mono))
        self.playthrough = current.at(position, now)
        self.resume_s, self._requested = position.track_s, None
        if position.running:
            self._sounded_at = now.mono

    def ending(self, serial: int) -> None:
        """A track has only some seconds left."""
        if self._current(serial) is not None:
            self.cues.ending = True

    def failed(self, serial: int) -> Playthrough | None:
        """A track cannot be played; the cue follows it at once. Returns its playthrough."""
        if (failed := self._current(serial)) is None:
            return self.cues.failed(serial)
        self.playthrough = self.cues.advance()
        self._began_at = float("-inf")  # PACE_S does not apply to a file that failed
        return failed

    def sound(self, on: bool, now: Now) -> None:
        """The sound device failed or works again. Inaudible time does not count as heard."""
        self._sound = on
        if not on:
            self.hold(now)

    def _current(self, serial: int) -> Playthrough | None:
        current = self.playthrough
        return current if current is not None and current.serial == serial else None
