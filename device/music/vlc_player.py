"""The real player: one worker thread that owns libVLC, takes orders from a queue and moves the volume.

Orders and what libVLC's threads notice go into the same queue and are only ever acted on by the worker. Nothing is
loud before it was confirmed to be silent: see `outputs.DeviceOutput` for how, tests/test_player.py for the proof on
the samples themselves.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from pathlib import Path

from device.config import PlayerConfig
from device.domain import Event, Track, TrackEnded, TrackFailed, TrackStarted
from device.errors import PlayerError
from device.music import outputs
from device.music.deck import Deck
from device.music.libvlc import LibVlc
from device.music.player import Ramp, limited

STEP_S = 0.02  # between two volumes of a ramp
LOOK_S = 0.1  # between two looks at what plays
PAUSE_FADE_S = 0.2
CLOSE_S = 1.8

Order = Callable[[], None]


class VlcPlayer:
    """A `Player` on libVLC."""

    def __init__(self, config: PlayerConfig, data_dir: Path, put: Callable[[Event], None]) -> None:
        """Starts libVLC and the worker. Raises PlayerError if libVLC or the file to write to is not there; a sound
        device that does not work shows itself as TrackFailed, because it may come back."""
        self._config = config
        self._put = put
        self._output = outputs.choose(config, data_dir)
        try:
            self._libvlc = LibVlc(self._output.arguments())
        except PlayerError:
            self._output.close()
            raise
        self._volume = limited(config.volume, config.max_volume)
        self._orders: queue.SimpleQueue[Order | None] = queue.SimpleQueue()
        self._deck: Deck | None = None
        self._waiting: tuple[int, Track] | None = None  # to be started when the deck is free
        self._ramp = Ramp(0, 0)
        self._level = 0
        self._then: Order | None = None  # what follows the ramp
        self._closed = False
        self._worker = threading.Thread(target=self._work, name="player", daemon=True)
        self._worker.start()

    def play(self, serial: int, track: Track, fade_s: float = 0.0) -> None:
        self._order(lambda: self._play(serial, track, fade_s))

    def pause(self) -> None:
        self._order(self._pause)

    def resume(self) -> None:
        self._order(self._resume)

    def silence(self, fade_s: float = 0.0) -> None:
        self._order(lambda: self._silence(fade_s))

    def set_volume(self, percent: int) -> None:
        self._order(lambda: self._set_volume(percent))

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
        while True:
            try:
                order = self._orders.get(timeout=self._patience_s())
            except queue.Empty:
                order = self._look
            if order is None:
                break
            order()
            self._move(time.monotonic())
        self._drop()
        self._output.close()
        self._libvlc.release()

    def _patience_s(self) -> float | None:
        if self._deck is None or self._deck.paused:
            return None
        return STEP_S if self._ramp_runs() else LOOK_S

    def _play(self, serial: int, track: Track, fade_s: float) -> None:
        self._waiting = (serial, track)
        if self._deck is None or self._deck.paused or fade_s <= 0:
            self._start_waiting()
        else:
            self._fade(0, fade_s, self._start_waiting)

    def _pause(self) -> None:
        if self._waiting is not None:  # the old track goes at once, the new one waits for `resume`
            self._drop()
        elif self._deck is not None and not self._deck.paused:
            self._fade(0, PAUSE_FADE_S, self._deck.pause)

    def _resume(self) -> None:
        if self._deck is None:
            self._start_waiting()
        elif self._waiting is None:
            if self._deck.paused:
                self._deck.resume(time.monotonic())
            self._fade(self._volume, self._config.ramp_s)

    def _silence(self, fade_s: float) -> None:
        self._waiting = None
        if self._deck is None or self._deck.paused or fade_s <= 0:
            self._drop()
        else:
            self._fade(0, fade_s, self._drop)

    def _set_volume(self, percent: int) -> None:
        self._volume = limited(percent, self._config.max_volume)
        if self._deck is not None and self._deck.started and not self._deck.paused and self._then is None:
            self._fade(self._volume, self._config.ramp_s)

    def _start_waiting(self) -> None:
        if self._waiting is None:
            return
        (serial, track), self._waiting = self._waiting, None
        self._drop()
        self._deck = Deck(
            self._libvlc,
            self._output,
            serial,
            track,
            time.monotonic(),
            begun=lambda serial: self._orders.put(lambda: self._begun(serial)),
            over=lambda serial: self._orders.put(lambda: self._over(serial)),
        )
        if not self._deck.play():
            reason = self._output.problem() or f"{self._output.words} does not confirm the volume"
            self._fail(f"{track.title} is not played: {reason}")

    def _drop(self) -> None:
        self._then = None
        self._ramp = Ramp(0, 0)
        self._level = 0
        if self._deck is not None:
            self._deck.close()
        self._deck = None

    def _leaving(self) -> bool:
        """Whether what plays is fading out for good, so that nobody wants to hear of it any more."""
        return self._waiting is not None or self._then == self._drop

    def _leave(self) -> None:
        """It went before its fade was over."""
        if self._waiting is None:
            self._drop()
        else:
            self._start_waiting()

    def _fail(self, problem: str) -> None:
        if self._deck is not None:
            serial = self._deck.serial
            self._drop()
            self._put(TrackFailed(serial, problem))

    def _begun(self, serial: int) -> None:
        """Only now, so that the ramp is not over before a slow disk has given the first sound."""
        if self._deck is not None and self._deck.serial == serial and not self._deck.paused and self._then is None:
            self._fade(self._volume, self._config.ramp_s)

    def _over(self, serial: int) -> None:
        deck = self._deck
        if deck is None or deck.serial != serial:
            return
        if self._leaving():
            self._leave()
        elif deck.started or deck.heard_at_last():
            if not deck.started:
                self._put(TrackStarted(serial))
            self._drop()
            self._put(TrackEnded(serial))
        else:
            self._fail(deck.fault())

    def _look(self) -> None:
        deck, now_s = self._deck, time.monotonic()
        if deck is None or deck.paused:
            return
        deck.guard()
        if deck.heard(now_s) and not deck.started:
            deck.started = True
            if not self._leaving():
                self._put(TrackStarted(deck.serial))
        if problem := deck.stuck(now_s):
            if self._leaving():
                self._leave()
            else:
                self._fail(problem)

    def _fade(self, percent: int, length_s: float, then: Order | None = None) -> None:
        self._ramp = Ramp(self._ramp.at(time.monotonic()), percent, time.monotonic(), length_s)
        self._then = then

    def _ramp_runs(self) -> bool:
        return self._then is not None or self._level != int(self._ramp.end)

    def _move(self, now_s: float) -> None:
        """Bring the volume to where the ramp is, and do what follows when the end of the ramp is heard."""
        if self._deck is None:
            return
        level = int(self._ramp.at(now_s))  # downwards, so that rounding never passes the volume
        if level != self._level:
            self._level = level
            self._deck.level(level)
        if self._then is not None and self._ramp.over(now_s - self._output.lag_s):
            then, self._then = self._then, None
            then()
