"""One track on a libVLC media player of its own: opened in silence, judged while it plays, thrown away after it.

Belongs to the player's worker thread. libVLC's threads only ever call `begun` and `over`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote_to_bytes

from device.domain import Track
from device.music.libvlc import ENDED, ERROR, PLAYING, LibVlc
from device.music.outputs import Output

SILENT_S = 2.0  # decoded, but the output takes nothing: the sound device does not work
OPENING_S = 20.0  # a disk may have to spin up
FAILING_S = 1.5  # the output complains so long without a pause: one hiccup is none
STALLED_S = 8.0
CALM_S = 0.5
COUNTING_S = 0.3


class Deck:
    """A track that is playing, or about to. `started` once the output has taken sound of it."""

    def __init__(
        self,
        libvlc: LibVlc,
        output: Output,
        serial: int,
        track: Track,
        now_s: float,
        begun: Callable[[int], None],
        over: Callable[[int], None],
    ) -> None:
        """Loads `track` with the volume at 0. On a thread of libVLC, `begun(serial)` is called when it is
        decoded, and `over(serial)` when that is over, well or badly."""
        self.serial = serial
        self.track = track
        self.started = False
        self.paused = False
        self._libvlc = libvlc
        self._output = output
        self._level = 0
        self._taken = 0
        self._progress_s = now_s
        self._errors = libvlc.output_errors
        self._error_s = self._sound_s = now_s  # when the output complained last, and when it did not
        self._player = libvlc.player()
        output.attach(libvlc, self._player)
        self._forget = libvlc.listen(
            self._player,
            {PLAYING: lambda: begun(serial), ENDED: lambda: over(serial), ERROR: lambda: over(serial)},
        )
        self._media = libvlc.media(track.uri)
        self._player.set_media(self._media)

    def play(self) -> bool:
        """Begin; False, and nothing is played, if the output does not confirm that it is silent."""
        self._output.hurry(False)
        return self._output.set_volume(self._player, 0) and self._player.play() == 0

    def level(self, percent: int) -> None:
        """Bring what is heard to `percent`."""
        self._level = percent
        self._output.set_volume(self._player, percent)

    def guard(self) -> None:
        """Undo a volume above ours that came from elsewhere, such as a mixer on the desktop."""
        if self._player.audio_get_volume() > self._level:
            self._output.set_volume(self._player, self._level)

    def pause(self) -> None:
        """Hold."""
        self.paused = True
        self._player.set_pause(1)

    def resume(self, now_s: float) -> None:
        """Go on."""
        self.paused = False
        self._progress_s = self._sound_s = now_s
        self._player.set_pause(0)

    def heard(self, now_s: float) -> bool:
        """Whether the output has taken anything yet; also looks whether it still does."""
        _, taken = self._libvlc.counts(self._media)
        if taken != self._taken:
            self._taken, self._progress_s = taken, now_s
        if self._libvlc.output_errors != self._errors:
            self._errors, self._error_s = self._libvlc.output_errors, now_s
        elif now_s > self._error_s + CALM_S:
            self._sound_s = now_s
        return taken > 0

    def stuck(self, now_s: float) -> str:
        """Why this track is as good as over although libVLC says nothing of it; empty if it is not. After `heard`."""
        still_s = now_s - self._progress_s
        if self.paused:
            return ""
        if self._error_s - self._sound_s > FAILING_S:
            return self.fault()
        if self._taken > 0:
            return self.fault() if still_s > STALLED_S else ""
        decoded, _ = self._libvlc.counts(self._media)
        if decoded > 0:
            return self.fault() if still_s > SILENT_S else ""
        return f"{self.track.title} did not open within {OPENING_S:g} s" if still_s > OPENING_S else ""

    def heard_at_last(self) -> bool:
        """Whether a track that is over was heard: libVLC finishes its counts a moment after it says so."""
        end_s = time.monotonic() + COUNTING_S
        while not self.heard(time.monotonic()) and time.monotonic() < end_s:
            time.sleep(0.02)
        return self._taken > 0

    def fault(self) -> str:
        """What is wrong with a track that is not heard: the sound device if that does not work, else the file."""
        decoded, _ = self._libvlc.counts(self._media)
        problem = self._output.problem() if decoded > 0 else ""
        if problem:
            return f"{self.track.title} is not heard: {problem}"
        if self._taken > 0:
            return f"{self.track.title} broke off: its disk or the sound device gave no answer any more"
        return fault_of(self.track)

    def close(self) -> None:
        """Cut what is heard and release everything of this track."""
        self._output.hurry(True)
        self._forget()
        self._player.stop()
        self._player.release()
        self._media.release()


def fault_of(track: Track) -> str:
    """Why a file cannot be played, as far as can be seen from outside."""
    path = Path(os.fsdecode(unquote_to_bytes(track.uri.removeprefix("file://"))))
    shown = os.fsencode(path).decode("utf-8", "replace")
    try:
        with path.open("rb") as file:
            empty = not file.read(1)
    except OSError as error:
        return f"{shown} cannot be read: {(error.strerror or str(error)).lower()}"
    return f"{shown} is empty" if empty else f"{shown} holds no sound that libVLC can play"
