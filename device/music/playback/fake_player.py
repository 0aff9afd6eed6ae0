"""A player without sound whose time is moved on by hand: for tests, and for running the program without libVLC.

Belongs to whoever calls it: no thread, no file, no clock. A track lasts its `duration_s`; uris in `broken` fail.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection

from device.domain import Event, Position, Track, TrackAt, TrackEnded, TrackEnding, TrackFailed, TrackStarted
from device.music.audio.volume import limited
from device.music.playback.player import ENDING_S, TELLING_S


class FakePlayer:
    """A `Player`. `playing` is the track that is on (also while paused), `volume` what was set, in percent."""

    def __init__(self, put: Callable[[Event], None], *, max_volume: int = 100, broken: Collection[str] = ()) -> None:
        self.playing: Track | None = None
        self.paused = False
        self.volume = 0
        self.position_s = 0.0
        self._put = put
        self._max_volume = max_volume
        self._broken = frozenset(broken)
        self._serial = 0
        self._waiting: tuple[int, Track, float] | None = None
        self._cued: tuple[int, Track] | None = None
        self._told_ending = False
        self._told_s = 0.0
        self._fade_left_s = 0.0
        self._closed = False

    def play(self, serial: int, track: Track, fade_s: float = 0.0, start_s: float = 0.0) -> None:
        """Start at once, or when the fade of what plays is over."""
        if self._closed:
            return
        left_s = 0.0 if self.playing is None or self.paused else self.playing.duration_s - self.position_s
        self._cued = None
        self._waiting = (serial, track, start_s)
        self._fade_left_s = min(fade_s, left_s)
        self.paused = False
        if self._fade_left_s <= 0:
            self._start()

    def cue(self, serial: int, track: Track) -> None:
        """Keep it for the end of what plays."""
        if self.playing is None and self._waiting is None:
            self.play(serial, track)
        elif track.uri in self._broken:
            self._cued = None
            self._fail(serial, track)
        else:
            self._cued = (serial, track)

    def seek(self, serial: int, position_s: float) -> None:
        """Be there at once."""
        if self.playing is not None and self._waiting is None and serial == self._serial:
            self.position_s, self._told_ending = max(0.0, position_s), False
            self._tell_position()
            self._tell_progress()

    def pause(self) -> None:
        """Hold."""
        if self.playing is not None or self._waiting is not None:
            if self.playing is not None and not self.paused:
                self._tell_position()
            self.paused = True

    def resume(self) -> None:
        """Go on."""
        if not self.paused:
            return
        self.paused = False
        if self._waiting is not None:
            self._start()

    def silence(self, fade_s: float = 0.0) -> None:
        """Stop; the fade is not heard, so it takes no time."""
        self.playing = None
        self.paused = False
        self._waiting = self._cued = None

    def set_volume(self, percent: int) -> None:
        """Keep the volume, limited."""
        self.volume = limited(percent, self._max_volume)

    def describe(self) -> str:
        """That nothing is heard."""
        return "no sound: a simulated player"

    def close(self) -> None:
        """Stop for good."""
        self.silence()
        self._closed = True

    def advance(self, seconds: float) -> None:
        """Let `seconds` of playing time go by; events come in the order in which a real player would say them."""
        if self.paused:
            return
        if self._waiting is not None:
            seconds -= self._fade_left_s
            self._fade_left_s = max(0.0, -seconds)
            if seconds < 0:
                return
            self._start()
        if self.playing is None:
            return
        self.position_s += seconds
        if self.position_s < self.playing.duration_s:
            self._tell_progress()
            return
        self.playing = None
        self._put(TrackEnded(self._serial))
        if self._cued is not None:
            (serial, track), self._cued = self._cued, None
            self.play(serial, track)

    def _start(self) -> None:
        if self._waiting is None:
            return
        (self._serial, track, self.position_s), self._waiting = self._waiting, None
        if track.uri in self._broken:
            self.playing = None
            self._fail(self._serial, track)
            return
        self.playing = track
        self._told_ending, self._told_s = False, self.position_s
        self._put(TrackStarted(self._serial, self._position()))
        self._tell_progress()

    def _fail(self, serial: int, track: Track) -> None:
        self._put(TrackFailed(serial, f"{track.title} cannot be played: it was said to be broken"))

    def _tell_progress(self) -> None:
        if self.playing is None:
            return
        if not self._told_ending and self.playing.duration_s - self.position_s < ENDING_S:
            self._told_ending = True
            self._put(TrackEnding(self._serial))
        if abs(self.position_s - self._told_s) >= TELLING_S:
            self._tell_position()

    def _tell_position(self) -> None:
        self._told_s = self.position_s
        self._put(TrackAt(self._serial, self._position()))

    def _position(self) -> Position:
        return Position(self.position_s, time.monotonic(), not self.paused)
