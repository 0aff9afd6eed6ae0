"""One open track: libVLC decodes it into a buffer, some seconds ahead of the sound.

Belongs to the player's worker thread. Opening and closing wait for the disk, so each has a thread of its own; libVLC's
threads only fill the buffer and call `wake`. When the buffer is full libVLC rests, when it runs low it goes on. So a
pause, a missing sound device, a cue that waits and a sound card that runs slow need nothing else.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

from device.domain import Disk, Track
from device.errors import WebError
from device.music import uri
from device.music.audio.pcm_buffer import RATE_HZ, Frames, PcmBuffer
from device.music.disks import disk_of
from device.music.playback.file_check import FileCheck, Verdict
from device.music.playback.libvlc import LibVlc
from device.music.playback.seeking import Approach, approach
from device.music.playback.stream import Stream
from device.music.playback.web_media import WebMedia
from device.music.playback.web_source import UNLIMITED, WebSource

READY_S = 0.3  # this much must be decoded before a track begins
FULL_S = 4.0
LOW_S = 2.0
OPENING_S = 20.0  # a disk may have to spin up
STALLED_S = 8.0
SHORT_S = 5.0  # a file that ends so much too early, and is gone, was pulled out with its disk
ASK_S = 5.0  # for a disk to say whether a file is there
MIXING_S = 0.2  # as above, at the end of a song, where the sound waits


class Decoder:
    """A track that is open, or about to be. A `Source` of the mixer. `reported_ending` is the engine's note."""

    def __init__(
        self,
        libvlc: LibVlc,
        serial: int,
        track: Track,
        start_s: float,
        gain_db: float,
        now_s: float,
        wake: Callable[[], None],
        most_bytes: int = UNLIMITED,
    ) -> None:
        """Begins to decode `track` from `start_s` on. `wake()` is called on a thread of libVLC when there is something
        to look at: the first sound, or the end. `most_bytes` limits a medium from outside."""
        self.serial = serial
        self.track = track
        self.gain_db = gain_db
        self.reported_ending = False
        self._libvlc = libvlc
        self._start_s = start_s
        self._buffer = PcmBuffer()
        self._wake = wake
        self._moved = False  # libVLC delivered something since the last look
        self._moved_s = now_s  # when there was something to read, last
        self._stream: Stream | None = None
        self._closed = False
        self._web = WebSource(track.uri, most_bytes) if is_web(track) else None
        self._problem = ""  # why a medium from outside does not open
        self._check: FileCheck | None = None  # since the file ended too early
        self._asked_s = 0.0
        self.lost_disk: Disk | None = None
        """The disk that does not answer, if that is the problem that was told last."""
        self._lock = threading.Lock()  # of the stream, while it is opened or closed
        threading.Thread(target=self._open, name=f"open {serial}", daemon=True).start()

    def _open(self) -> None:
        if self._web is not None:
            self._open_web(self._web)
            return
        way = approach(path_of(self.track), self._start_s)
        with self._lock:
            if not self._closed:
                self._stream = Stream(self._libvlc, self.track.uri, way, self._take, self._finish)

    def _open_web(self, source: WebSource) -> None:
        try:
            opened = source.open()
        except WebError as error:
            self._problem = str(error)
            self._finish()
            return
        way = Approach(jump_s=self._start_s if opened.seekable else 0.0)
        with self._lock:
            if not self._closed:
                media = WebMedia(self._libvlc, source, opened)
                self._stream = Stream(self._libvlc, media, way, self._take, self._finish)

    def _take(self, samples: bytes) -> bool:
        self._moved = True
        if samples:
            first = self._buffer.given == 0
            self._buffer.append(samples)
            if first:
                self._wake()
        return self._buffer.ahead_s > FULL_S

    def _finish(self) -> None:
        self._buffer.finish()
        self._wake()

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

    # --- For the engine ---

    @property
    def ready(self) -> bool:
        """Whether enough is decoded to begin."""
        return self._buffer.frames > 0 and (self._buffer.over or self._buffer.ahead_s >= READY_S)

    @property
    def beyond(self) -> bool:
        """Whether the place to start from lies behind the end."""
        if not (self._start_s > 0 and self._buffer.over and self._buffer.given == 0):
            return False
        if self._web is not None:
            return not self._problem
        return self._check is not None and self._check.done and self._check.verdict(0.0) is Verdict.READABLE

    @property
    def track_s(self) -> float:
        """Where in the track the next frame to be read is: the place where it started, and the frames since."""
        return self._start_s + self._buffer.taken / RATE_HZ

    @property
    def left_s(self) -> float:
        """How much is still to be read: exact once all is decoded, before that as the file says."""
        if self._buffer.over:
            return self._buffer.ahead_s
        return (self.length_s or self.track.duration_s or float("inf")) - self.track_s

    @property
    def length_s(self) -> float:
        """How long libVLC thinks the track is; 0 if it does not know."""
        return 0.0 if self._stream is None else self._stream.length_s

    def tend(self, now_s: float, wanted: bool) -> str:
        """Keep libVLC's pace; why the track cannot be played (on), or nothing. `wanted`: it should be heard now."""
        if self._moved or self._buffer.frames > 0 or not wanted:
            self._moved, self._moved_s = False, now_s
        if self._stream is not None and self._buffer.ahead_s < LOW_S:
            self._stream.rest(False)
        elif self._stream is not None and self._buffer.ahead_s > FULL_S and not self._buffer.over:
            self._stream.rest(True)
        if self._web is None and self._check is None and self._ended_early():
            self._check, self._asked_s = FileCheck(path_of(self.track)), now_s
        if self._buffer.given == 0:
            return self._why_not_begun(now_s)
        return self._why_broken() if now_s - self._moved_s > STALLED_S else ""

    def cut_short(self) -> str:
        """Of a track that is over: why it came to an end too early, or nothing."""
        if self._web is not None:
            return self._web.problem
        if not self._ended_early():
            return ""
        self._check = self._check or FileCheck(path_of(self.track))
        return "" if self._check.verdict(MIXING_S) is Verdict.READABLE else self._why_broken()

    def _ended_early(self) -> bool:
        """Whether libVLC has read all that it could, and that is too little."""
        if not self._buffer.over:
            return False
        end_s = self._start_s + (self._buffer.taken + self._buffer.frames) / RATE_HZ
        return self._buffer.given == 0 or max(self.length_s, self.track.duration_s) - end_s >= SHORT_S

    def close(self) -> None:
        """Stop and release libVLC's player; waits until a slow disk lets it."""
        if self._web is not None:
            self._web.close()
        with self._lock:
            self._closed = True
            if self._stream is not None:
                self._stream.close()
            self._stream = None

    def _why_not_begun(self, now_s: float) -> str:
        if self._buffer.over:
            return "" if self.beyond else self._fault(now_s)
        if now_s - self._moved_s > OPENING_S:
            self._lose_disk()
            return f"{self.track.title} did not open within {OPENING_S:g} s"
        return ""

    def _fault(self, now_s: float) -> str:
        """Why there is no sound at all; nothing as long as the disk may still say."""
        if self._web is not None:
            return self._problem or self._web.problem or f"{self.track.title} holds no sound that libVLC can play"
        if self._check is None or not (self._check.done or now_s - self._asked_s > ASK_S):
            return ""
        verdict = self._check.verdict(0.0)
        if verdict is Verdict.READABLE and self._start_s > 0:
            return ""  # the start lies behind the end
        if verdict is not Verdict.SILENT:
            return self._check.problem
        self._lose_disk()
        return f"{self.track.title} does not open, because its disk does not answer"

    def _why_broken(self) -> str:
        if self._web is not None:
            return f"{self.track.title} stopped, because its server sends nothing more"
        self._lose_disk()
        return f"{self.track.title} stopped, because its disk does not answer any more"

    def _lose_disk(self) -> None:
        """The disk does not answer; the system's own is not blamed."""
        disk = None if self._web is not None else disk_of(os.fsencode(path_of(self.track)))
        if disk is not None:
            name = disk.source if disk.remote else disk.point
            self.lost_disk = Disk(uri.uri_of(disk.point), name.decode("utf-8", "replace"))


def is_web(track: Track) -> bool:
    """Whether it is a medium from outside, not a file."""
    return not track.uri.startswith("file:")


def path_of(track: Track) -> Path:
    """The file of a track, whatever bytes its name has."""
    return uri.path_of(track.uri)
