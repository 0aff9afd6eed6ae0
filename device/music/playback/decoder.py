"""One track, decoded by a libVLC media player of its own into a buffer, some seconds ahead of what is heard.

Belongs to the player's worker thread, except that `close` is called by whoever puts decks away. libVLC's threads only
fill the buffer and call `news`. libVLC goes by its own clock; when the buffer is full enough it is paused, when it
runs low
it goes on. So a pause, a missing sound device, a cue that waits and a sound card that runs slow need nothing else.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote_to_bytes

from device.domain import Track
from device.music.audio.pcm_buffer import RATE_HZ, Frames, PcmBuffer
from device.music.playback.libvlc import ENDED, ERROR, LibVlc

READY_S = 0.3  # so much must be decoded before a track begins
FULL_S = 4.0
LOW_S = 2.0
OPENING_S = 20.0  # a disk may have to playthrough up
STALLED_S = 8.0
SHORT_S = 5.0  # a file that ends so much too early, and is gone, was pulled out with its disk


class Decoder:
    """A track that is open, or about to be. A `Source` of the mixer. `told_ending` is the player's note."""

    def __init__(
        self,
        libvlc: LibVlc,
        serial: int,
        track: Track,
        start_s: float,
        gain_db: float,
        now_s: float,
        news: Callable[[], None],
    ) -> None:
        """Begins to decode `track` from `start_s` on. `news()` is called on a thread of libVLC when there is something
        to look at: the first sound, or the end."""
        self.serial = serial
        self.track = track
        self.gain_db = gain_db
        self.told_ending = False
        self._start_s = start_s
        self._buffer = PcmBuffer()
        self._news = news
        self._resting = False
        self._fed_s = now_s  # when there was something to read, last
        self._player = libvlc.player()
        self._keep = libvlc.stream_to(self._player, self._take, self._finish)
        self._forget = libvlc.listen(self._player, {ENDED: self._finish, ERROR: self._finish})
        self._media = libvlc.media(track.uri, start_s)
        self._player.set_media(self._media)
        self._player.play()

    def _take(self, samples: bytes) -> None:
        first = self._buffer.given == 0
        self._buffer.append(samples)
        if first:
            self._news()

    def _finish(self) -> None:
        self._buffer.finish()
        self._news()

    # --- As a source of the mixer ---

    def read(self, count: int) -> Frames:
        """The next frames."""
        return self._buffer.read(count)

    def peak(self, count: int) -> int:
        """The largest amplitude among those after them."""
        return self._buffer.peak(count)

    @property
    def over(self) -> bool:
        """Whether everything was read."""
        return self._buffer.over and self._buffer.frames == 0

    # --- For the player ---

    @property
    def ready(self) -> bool:
        """Whether enough is decoded to begin."""
        return self._buffer.frames > 0 and (self._buffer.over or self._buffer.ahead_s >= READY_S)

    @property
    def position_s(self) -> float:
        """Where in the track the next frame to be read is."""
        return self._start_s + self._buffer.taken / RATE_HZ

    @property
    def left_s(self) -> float:
        """How much is still to be read: exact once all is decoded, before that as the file says."""
        if self._buffer.over:
            return self._buffer.ahead_s
        length_s = self._player.get_length() / 1000
        return (length_s if length_s > 0 else self.track.duration_s or float("inf")) - self.position_s

    def tend(self, now_s: float, wanted: bool) -> str:
        """Keep libVLC's pace; why the track cannot be played (on), or nothing. `wanted`: it should be heard now."""
        if self._buffer.frames > 0 or not wanted:
            self._fed_s = now_s
        if not self._resting and self._buffer.ahead_s > FULL_S and not self._buffer.over:
            self._rest(True)
        elif self._resting and self._buffer.ahead_s < LOW_S:
            self._rest(False)
        if self._buffer.given == 0:
            return self._why_not_begun(now_s)
        return self._why_broken() if now_s - self._fed_s > STALLED_S else ""

    def cut_short(self) -> str:
        """Of a track that is over: why it came to an end too early, or nothing."""
        length_s = max(self._player.get_length() / 1000, self.track.duration_s)
        if length_s - self.position_s < SHORT_S or path_of(self.track).exists():
            return ""
        return self._why_broken()

    def close(self) -> None:
        """Stop and release libVLC's player; waits until a slow disk lets it."""
        self._forget()
        self._player.stop()
        self._player.release()
        self._media.release()

    def _rest(self, on: bool) -> None:
        self._resting = on
        self._player.set_pause(int(on))

    def _why_not_begun(self, now_s: float) -> str:
        if self._buffer.over:
            return (
                fault_of(self.track) if self._start_s == 0 else f"{self.track.title} is not {self._start_s:.0f} s long"
            )
        return f"{self.track.title} did not open within {OPENING_S:g} s" if now_s - self._fed_s > OPENING_S else ""

    def _why_broken(self) -> str:
        return f"{self.track.title} broke off: its disk gave no answer any more"


def path_of(track: Track) -> Path:
    """The file of a track, whatever bytes its name has."""
    return Path(os.fsdecode(unquote_to_bytes(track.uri.removeprefix("file://"))))


def fault_of(track: Track) -> str:
    """Why a file cannot be played, as far as can be seen from outside."""
    path = path_of(track)
    shown = os.fsencode(path).decode("utf-8", "replace")
    try:
        with path.open("rb") as file:
            empty = not file.read(1)
    except OSError as error:
        return f"{shown} cannot be read: {(error.strerror or str(error)).lower()}"
    return f"{shown} is empty" if empty else f"{shown} holds no sound that libVLC can play"
