"""A player without sound whose time the caller advances: for tests, and for running the program without libVLC.

Belongs to whoever calls it: no thread and no file. A track lasts its `duration_s`; uris in `broken` fail.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection

from device.domain import (
    Event,
    Position,
    SpeechEnded,
    Track,
    TrackAt,
    TrackEnded,
    TrackEnding,
    TrackFailed,
    TrackStarted,
)
from device.music.audio.volume import limited
from device.music.playback.player import ENDING_S, REPORT_S


class FakePlayer:
    """A `Player`. `playing` is the current track (also while paused), `volume` the last one set, in percent. `speaking`
    is the announcement: its serial number, its track and its volume."""

    def __init__(self, put: Callable[[Event], None], *, max_volume: int = 100, broken: Collection[str] = ()) -> None:
        self.playing: Track | None = None
        self.paused = False
        self.volume = 0
        self.speaking: tuple[int, Track, int] | None = None
        self.track_s = 0.0
        self._put = put
        self._max_volume = max_volume
        self._broken = frozenset(broken)
        self._serial = 0
        self._waiting: tuple[int, Track, float] | None = None
        self._cued: tuple[int, Track] | None = None
        self._reported_ending = False
        self._reported_s = 0.0
        self._fade_left_s = 0.0
        self._speech_left_s = 0.0
        self._closed = False

    def play(self, serial: int, track: Track, fade_s: float = 0.0, start_s: float = 0.0) -> None:
        """Start at once, or when the fade of what plays is over."""
        if self._closed:
            return
        left_s = 0.0 if self.playing is None or self.paused else self.playing.duration_s - self.track_s
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
        """Jump at once."""
        if self.playing is None or self._waiting is not None or serial != self._serial:
            return
        self.track_s, self._reported_ending = max(0.0, position_s), False
        if not self._end_if_over():
            self._say_position()

    def pause(self) -> None:
        """Hold."""
        if self.paused or (self.playing is None and self._waiting is None):
            return
        self.paused = True
        if self._waiting is not None:
            serial, _, start_s = self._waiting
            self._put(TrackAt(serial, Position(start_s, time.monotonic(), False)))
        else:
            self._say_position()

    def resume(self) -> None:
        """Continue."""
        if not self.paused:
            return
        self.paused = False
        if self._waiting is not None:
            self._start()
        elif self.playing is not None:
            self._say_position()

    def silence(self, fade_s: float = 0.0) -> None:
        """Stop; nobody hears the fade, so it takes no time."""
        self.playing = None
        self.paused = False
        self._waiting = self._cued = None

    def set_volume(self, percent: int) -> None:
        """Keep the volume, limited."""
        self.volume = limited(percent, self._max_volume)

    def speak(self, serial: int, track: Track, percent: int) -> None:
        """Speak for the length of the track."""
        if not self._closed:
            self.speaking = (serial, track, limited(percent, self._max_volume))
            self._speech_left_s = track.duration_s

    def hush(self) -> None:
        """Stop at once."""
        self.speaking = None

    def describe(self) -> str:
        """Says that nobody hears anything."""
        return "no sound: a simulated player"

    @property
    def alive(self) -> bool:
        """It has no thread that could die."""
        return True

    def close(self) -> None:
        """Stop for good."""
        self.silence()
        self.hush()
        self._closed = True

    def advance(self, seconds: float) -> None:
        """Let `seconds` of playing time pass; events come in the same order as from a real player."""
        self._advance_speech(seconds)
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
        self.track_s += seconds
        if not self._end_if_over():
            self._say_progress()

    def _advance_speech(self, seconds: float) -> None:
        if self.speaking is None:
            return
        serial, track, _ = self.speaking
        self._speech_left_s -= seconds
        broken = track.uri in self._broken
        if broken or self._speech_left_s <= 0:
            self.speaking = None
            self._put(SpeechEnded(serial, f"{track.title} cannot be played: it is among the broken ones" * broken))

    def _start(self) -> None:
        if self._waiting is None:
            return
        (self._serial, track, self.track_s), self._waiting = self._waiting, None
        if track.uri in self._broken:
            self.playing = None
            self._fail(self._serial, track)
            return
        self.playing = track
        self._reported_ending, self._reported_s = False, self.track_s
        if self.track_s == 0 or not self._end_if_over():
            self._put(TrackStarted(self._serial, self._position()))
            self._say_progress()

    def _end_if_over(self) -> bool:
        """End a track that has reached its end, and start the cue."""
        if self.playing is None or self.track_s < self.playing.duration_s:
            return False
        self.playing = None
        self._put(TrackEnded(self._serial))
        if self._cued is not None:
            (serial, track), self._cued = self._cued, None
            self.play(serial, track)
        return True

    def _fail(self, serial: int, track: Track) -> None:
        self._put(TrackFailed(serial, f"{track.title} cannot be played: it is among the broken ones"))

    def _say_progress(self) -> None:
        if self.playing is None:
            return
        if not self._reported_ending and self.playing.duration_s - self.track_s < ENDING_S:
            self._reported_ending = True
            self._put(TrackEnding(self._serial))
        if abs(self.track_s - self._reported_s) >= REPORT_S:
            self._say_position()

    def _say_position(self) -> None:
        self._reported_s = self.track_s
        self._put(TrackAt(self._serial, self._position()))

    def _position(self) -> Position:
        return Position(self.track_s, time.monotonic(), not self.paused)
