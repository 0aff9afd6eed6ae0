"""A player without sound whose time is moved on by hand: for tests, and for running the program without libVLC.

Belongs to whoever calls it: no thread, no file, no clock. A track lasts its `duration_s`; uris in `broken` fail.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from device.domain import Event, Track, TrackEnded, TrackFailed, TrackStarted
from device.music.player import limited


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
        self._waiting: tuple[int, Track] | None = None
        self._fade_left_s = 0.0
        self._closed = False

    def play(self, serial: int, track: Track, fade_s: float = 0.0) -> None:
        """Start at once, or when the fade of what plays is over."""
        if self._closed:
            return
        left_s = 0.0 if self.playing is None or self.paused else self.playing.duration_s - self.position_s
        self._waiting = (serial, track)
        self._fade_left_s = min(fade_s, left_s)
        self.paused = False
        if self._fade_left_s <= 0:
            self._start()

    def pause(self) -> None:
        """Hold."""
        if self.playing is not None or self._waiting is not None:
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
        self._waiting = None

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
        if self.position_s >= self.playing.duration_s:
            self.playing = None
            self._put(TrackEnded(self._serial))

    def _start(self) -> None:
        if self._waiting is None:
            return
        (self._serial, track), self._waiting = self._waiting, None
        self.position_s = 0.0
        if track.uri in self._broken:
            self.playing = None
            self._put(TrackFailed(self._serial, f"{track.title} cannot be played: it was said to be broken"))
            return
        self.playing = track
        self._put(TrackStarted(self._serial))
