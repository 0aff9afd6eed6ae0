"""The real player: libVLC decodes, our mixer joins and scales, an output sounds.

One worker thread owns all of it. Orders, and news from libVLC's threads, go into one queue and are only ever acted on
by the worker, between two blocks of sound (engine.py).
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from pathlib import Path

from device.config.schema import PlayerConfig
from device.domain import Event, Track
from device.errors import PlayerError
from device.music.audio import outputs
from device.music.audio.sink import Sink
from device.music.playback.attic import Attic
from device.music.playback.engine import Engine
from device.music.playback.libvlc import LibVlc

CLOSE_S = 1.8

Order = Callable[[], None]


class VlcPlayer:
    """A `Player` on libVLC."""

    def __init__(self, config: PlayerConfig, data_dir: Path, put: Callable[[Event], None]) -> None:
        """Starts libVLC and the worker. Raises PlayerError if libVLC or the file to write to is not there; a sound
        device that does not work shows itself as SoundLost, because it may come back."""
        self._output = outputs.choose(config, data_dir)
        try:
            self._libvlc = LibVlc()
        except PlayerError:
            self._output.close()
            raise
        self._speaker = Sink(self._output, put)
        self._attic = Attic()
        self._orders: queue.SimpleQueue[Order | None] = queue.SimpleQueue()
        self._engine = Engine(config, self._libvlc, self._speaker, self._attic, put, lambda: self._orders.put(_look))
        self._closed = False
        self._worker = threading.Thread(target=self._work, name="player", daemon=True)
        self._worker.start()

    def play(self, serial: int, track: Track, fade_s: float = 0.0, start_s: float = 0.0) -> None:
        self._order(lambda: self._engine.play(serial, track, fade_s, start_s))

    def cue(self, serial: int, track: Track) -> None:
        self._order(lambda: self._engine.cue(serial, track))

    def seek(self, serial: int, position_s: float) -> None:
        self._order(lambda: self._engine.seek(serial, position_s))

    def pause(self) -> None:
        self._order(self._engine.pause)

    def resume(self) -> None:
        self._order(self._engine.resume)

    def silence(self, fade_s: float = 0.0) -> None:
        self._order(lambda: self._engine.silence(fade_s))

    def set_volume(self, percent: int) -> None:
        self._order(lambda: self._engine.set_volume(percent))

    def describe(self) -> str:
        return f"{self._output.words}, through libVLC {self._libvlc.version}"

    def problem(self) -> str:
        """Why nothing would be heard, for the doctor; empty if all is well. Not while something plays."""
        return self._output.problem()

    def close(self) -> None:
        """Stop. A sound driver that hangs is left behind after `CLOSE_S`: the thread ends with the process."""
        if not self._closed:
            self._closed = True
            self._orders.put(None)
        self._worker.join(timeout=CLOSE_S)

    def _order(self, order: Order) -> None:
        if not self._closed:
            self._orders.put(order)

    # --- The worker's thread from here on ---------------------------------------------------------------------

    def _work(self) -> None:
        while self._obey():
            self._engine.step(time.monotonic())
        self._engine.drop_all()
        self._speaker.close()
        if self._attic.close():
            self._libvlc.release()

    def _obey(self) -> bool:
        """Do all that is ordered, waiting for it only while nothing is to be heard; False at the end."""
        wait, patience_s = True, self._engine.patience_s
        while True:
            try:
                order = self._orders.get(wait and patience_s != 0, patience_s or None)
            except queue.Empty:
                return True
            if order is None:
                return False
            order()
            wait, patience_s = False, 0.0


def _look() -> None:
    """An order that only wakes the worker."""
