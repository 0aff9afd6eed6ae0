"""The real player: libVLC decodes, our mixer joins and scales, an output sounds. One worker thread takes the orders,
renders block after block and hands them to the output, which keeps the time.

Orders, and news from libVLC's threads, go into one queue and are only ever acted on by the worker. At most three tracks
are open beside those that fade out: the one that plays, one that is to take its place as soon as it is decoded
(`_coming`), and one that is to follow it without a gap (`_cued`).
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from pathlib import Path

from device.config import PlayerConfig
from device.domain import Event, Track, TrackAt, TrackEnded, TrackEnding, TrackFailed, TrackStarted
from device.errors import PlayerError
from device.music import outputs
from device.music.attic import Attic
from device.music.deck import Deck
from device.music.libvlc import LibVlc
from device.music.mixer import Mixed, Mixer
from device.music.player import ENDING_S, TELLING_S, limited
from device.music.reel import RATE_HZ
from device.music.speaker import Speaker

BLOCK = round(0.05 * RATE_HZ)
LOOK_S = 0.1  # between two looks at what is open while nothing is heard
CUT_S = 0.05  # a cut without a click
PAUSE_FADE_S = 0.2
CLOSE_S = 1.8

Order = Callable[[], None]


class VlcPlayer:
    """A `Player` on libVLC."""

    def __init__(self, config: PlayerConfig, data_dir: Path, put: Callable[[Event], None]) -> None:
        """Starts libVLC and the worker. Raises PlayerError if libVLC or the file to write to is not there; a sound
        device that does not work shows itself as SoundLost, because it may come back."""
        self._config = config
        self._put = put
        self._output = outputs.choose(config, data_dir)
        try:
            self._libvlc = LibVlc()
        except PlayerError:
            self._output.close()
            raise
        self._volume = limited(config.volume, config.max_volume)
        self._mixer: Mixer[Deck] = Mixer(self._volume)
        self._speaker = Speaker(self._output, put)
        self._attic = Attic()
        self._orders: queue.SimpleQueue[Order | None] = queue.SimpleQueue()
        self._coming: Deck | None = None
        self._coming_s = 0.0  # how long it takes to come in
        self._sought = False  # it is what plays already, at another position
        self._cued: Deck | None = None
        self._paused = False
        self._told_s = 0.0  # the position that was told last
        self._closed = False
        self._worker = threading.Thread(target=self._work, name="player", daemon=True)
        self._worker.start()

    def play(self, serial: int, track: Track, fade_s: float = 0.0, start_s: float = 0.0) -> None:
        self._order(lambda: self._play(serial, track, fade_s, start_s))

    def cue(self, serial: int, track: Track) -> None:
        self._order(lambda: self._cue(serial, track))

    def seek(self, serial: int, position_s: float) -> None:
        self._order(lambda: self._seek(serial, position_s))

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
        while self._obey():
            now_s = time.monotonic()
            self._tend(now_s)
            if not self._sounding():
                self._rest(now_s)
            elif self._speaker.ready(now_s):
                self._sound(now_s)
        self._drop_all()
        self._speaker.close()
        if self._attic.close():
            self._libvlc.release()

    def _obey(self) -> bool:
        """Do all that is ordered, waiting for it only while nothing is to be heard; False at the end."""
        wait, patience_s = True, self._patience_s()
        while True:
            try:
                order = self._orders.get(wait and patience_s != 0, patience_s or None)
            except queue.Empty:
                return True
            if order is None:
                return False
            order()
            wait, patience_s = False, 0.0

    def _sounding(self) -> bool:
        """Whether the device is needed; silence is written for a track that is about to come."""
        return not self._mixer.silent or (self._coming is not None and not self._paused)

    def _patience_s(self) -> float | None:
        if self._sounding() and not self._speaker.lost:
            return 0.0
        return LOOK_S if self._decks() else None

    def _decks(self) -> list[Deck]:
        return [deck for deck in (self._mixer.playing, self._coming, self._cued) if deck is not None]

    # --- Orders ---

    def _play(self, serial: int, track: Track, fade_s: float, start_s: float) -> None:
        self._drop_cue()
        self._drop_coming()
        self._coming, self._sought = self._open(serial, track, start_s), False
        self._make_room(fade_s)
        if self._paused and not self._mixer.held:  # the pause was still fading
            self._mixer.go_on(CUT_S)
        self._paused = False

    def _cue(self, serial: int, track: Track) -> None:
        if self._mixer.playing is None and self._coming is None:
            self._play(serial, track, 0.0, 0.0)
            return
        self._drop_cue()
        self._cued = self._open(serial, track, 0.0)

    def _seek(self, serial: int, position_s: float) -> None:
        deck = self._coming or self._mixer.playing
        if deck is None or deck.serial != serial:
            return
        self._sought = self._mixer.playing is deck or self._sought
        self._drop_coming()
        self._coming = self._open(serial, deck.track, max(0.0, position_s))
        self._tell_position(self._coming, 0.0)
        self._make_room(CUT_S)

    def _pause(self) -> None:
        self._paused = True
        if self._mixer.playing is not None and not self._mixer.held:
            self._tell_position(self._mixer.playing, self._speaker.delay_s())
        self._mixer.hold(0.0 if self._speaker.lost else PAUSE_FADE_S)

    def _resume(self) -> None:
        self._paused = False
        self._mixer.go_on(self._config.ramp_s)

    def _silence(self, fade_s: float) -> None:
        self._drop_cue()
        self._drop_coming()
        self._paused = False
        self._make_room(fade_s)

    def _set_volume(self, percent: int) -> None:
        self._volume = limited(percent, self._config.max_volume)
        self._mixer.set_volume(self._volume, self._config.ramp_s)

    # --- What the orders need ---

    def _open(self, serial: int, track: Track, start_s: float) -> Deck:
        gain_db = track.gain_db if self._config.replaygain else 0.0
        return Deck(self._libvlc, serial, track, start_s, gain_db, time.monotonic(), lambda: self._orders.put(_look))

    def _make_room(self, fade_s: float) -> None:
        """What plays goes, within the time in which the next one comes; what is not heard goes at once."""
        self._coming_s = max(fade_s, CUT_S)
        self._mixer.leave(self._coming_s)
        if self._mixer.held or self._speaker.lost:
            self._attic.put(self._mixer.drop_leaving())

    def _drop_coming(self) -> None:
        if self._coming is not None:
            self._attic.put([self._coming])
        self._coming = None

    def _drop_cue(self) -> None:
        self._mixer.follow(None)
        if self._cued is not None:
            self._attic.put([self._cued])
        self._cued = None

    def _drop_all(self) -> None:
        self._drop_cue()
        self._drop_coming()
        self._mixer.leave(0.0)
        self._attic.put(self._mixer.drop_leaving())

    # --- Looking after what is open ---

    def _tend(self, now_s: float) -> None:
        for deck in self._decks():
            wanted = deck is self._cued or not (self._paused or self._speaker.lost)
            if problem := deck.tend(now_s, wanted):
                self._fail(deck, problem)
        if self._cued is not None and self._cued.ready:
            self._mixer.follow(self._cued)
        if self._coming is not None and self._coming.ready and not self._paused and self._mixer.playing is None:
            self._enter(self._coming)

    def _enter(self, deck: Deck) -> None:
        """Let it come in: evenly while another goes, or like a volume that is turned up."""
        self._coming = None
        if self._mixer.silent:
            self._attic.put(self._mixer.drop_leaving())
            self._mixer.hold(0.0)
            self._mixer.enter(deck, 0.0)
            self._mixer.go_on(CUT_S if self._sought else self._config.ramp_s)
        elif self._coming_s > CUT_S or self._sought:
            self._mixer.enter(deck, self._coming_s)
        else:
            self._mixer.enter(deck, max(CUT_S, self._config.ramp_s), shape=3)

    def _fail(self, deck: Deck, problem: str) -> None:
        if deck is self._cued:
            self._drop_cue()
        elif deck is self._coming:
            self._drop_coming()
        else:
            self._mixer.leave(CUT_S)
        self._put(TrackFailed(deck.serial, problem))
        self._promote()

    def _rest(self, now_s: float) -> None:
        self._speaker.rest(now_s)
        self._attic.put(self._mixer.drop_leaving())

    def _sound(self, now_s: float) -> None:
        mixed = self._mixer.render(BLOCK)
        if self._speaker.write(mixed.sound, now_s):
            self._tell(mixed)
            return
        self._tell(mixed)
        self._mixer.hold(0.0)  # so that it comes back out of silence
        self._mixer.go_on(self._config.ramp_s)

    # --- What the world is told ---

    def _tell(self, mixed: Mixed[Deck]) -> None:
        if self._mixer.playing is self._cued:  # it followed; perhaps without a sound yet
            self._cued = None
        self._attic.put(mixed.faded)
        for deck in mixed.ended:
            self._end(deck)
        for deck in mixed.started:
            self._start(deck)
        if self._mixer.playing is not None:
            self._tell_progress(self._mixer.playing)

    def _tell_progress(self, deck: Deck) -> None:
        if not deck.told_ending and deck.left_s < ENDING_S:
            deck.told_ending = True
            self._put(TrackEnding(deck.serial))
        if abs(deck.position_s - self._told_s) >= TELLING_S:
            self._tell_position(deck, self._speaker.delay_s())

    def _start(self, deck: Deck) -> None:
        self._told_s = deck.position_s
        if not self._sought:
            self._put(TrackStarted(deck.serial))
        self._sought = False

    def _end(self, deck: Deck) -> None:
        problem = deck.cut_short()
        self._put(TrackFailed(deck.serial, problem) if problem else TrackEnded(deck.serial))
        self._attic.put([deck])
        self._promote()

    def _promote(self) -> None:
        """Nothing plays, and what is to follow was not decoded in time: it comes as soon as it is."""
        if self._cued is not None and self._mixer.playing is None and self._coming is None:
            self._mixer.follow(None)
            self._coming, self._coming_s, self._cued = self._cued, CUT_S, None

    def _tell_position(self, deck: Deck, delay_s: float) -> None:
        self._told_s = deck.position_s
        self._put(TrackAt(deck.serial, max(0.0, deck.position_s - delay_s)))


def _look() -> None:
    """An order that only wakes the worker."""
