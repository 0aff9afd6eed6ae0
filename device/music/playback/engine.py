"""What happens to the tracks that are open: which one plays, which takes its place, which follows; and what is told.

Belongs to the player's worker thread, which gives the orders, and calls `step` again and again; each step renders a
block and writes it, which takes as long as the block lasts. At most three tracks are open beside those that fade out:
the one that plays, one that is to take its place as soon as it is decoded (`_coming`), and one that is to follow it
without a gap (`_cued`).
"""

from __future__ import annotations

import time
from collections.abc import Callable

from device.config.schema import PlayerConfig
from device.domain import Event, Position, Track, TrackAt, TrackEnded, TrackEnding, TrackFailed, TrackStarted
from device.music.audio.mixer import Mixed, Mixer
from device.music.audio.pcm_buffer import RATE_HZ
from device.music.audio.sink import Sink
from device.music.audio.volume import limited
from device.music.playback.attic import Attic
from device.music.playback.decoder import Decoder
from device.music.playback.libvlc import LibVlc
from device.music.playback.player import ENDING_S, TELLING_S

BLOCK = round(0.05 * RATE_HZ)
LOOK_S = 0.1  # between two looks at what is open while nothing is heard
CUT_S = 0.05  # a cut without a click
PAUSE_FADE_S = 0.2


class Engine:
    """The decks, the mixer and the speaker of one player. Orders are those of `Player`."""

    def __init__(
        self,
        config: PlayerConfig,
        libvlc: LibVlc,
        speaker: Sink,
        attic: Attic,
        put: Callable[[Event], None],
        news: Callable[[], None],
    ) -> None:
        """`news()` is called on libVLC's threads when a step should not be waited for any longer."""
        self._config = config
        self._libvlc = libvlc
        self._speaker = speaker
        self._attic = attic
        self._put = put
        self._news = news
        self._mixer: Mixer[Decoder] = Mixer(limited(config.volume, config.max_volume))
        self._coming: Decoder | None = None
        self._coming_s = 0.0  # how long it takes to come in
        self._sought = False  # it is what plays already, at another position
        self._cued: Decoder | None = None
        self._paused = False
        self._told_s = 0.0  # the position that was told last

    def step(self, now_s: float) -> None:
        """Look after what is open, and let the next block be heard."""
        self._tend(now_s)
        if not self._sounding():
            self._rest(now_s)
        elif self._speaker.ready(now_s):
            self._sound(now_s)

    @property
    def patience_s(self) -> float | None:
        """How long the next step may wait for an order; None: for ever."""
        if (self._sounding() and not self._speaker.lost) or self._speaker.open:
            return 0.0
        return LOOK_S if self._decks() else None

    # --- Orders ---

    def play(self, serial: int, track: Track, fade_s: float, start_s: float) -> None:
        """Open it; it comes in as soon as it is decoded, and what plays goes meanwhile."""
        self._drop_cue()
        self._drop_coming()
        self._coming, self._sought = self._open(serial, track, start_s), False
        self._make_room(fade_s)
        if self._paused and not self._mixer.held:  # the pause was still fading
            self._mixer.go_on(CUT_S)
        self._paused = False

    def cue(self, serial: int, track: Track) -> None:
        """Open it, to follow what plays."""
        if self._mixer.playing is None and self._coming is None:
            self.play(serial, track, 0.0, 0.0)
            return
        self._drop_cue()
        self._cued = self._open(serial, track, 0.0)

    def seek(self, serial: int, position_s: float) -> None:
        """Open the same track elsewhere; it comes in place of the one that plays."""
        decoder = self._coming or self._mixer.playing
        if decoder is None or decoder.serial != serial:
            return
        self._sought = self._mixer.playing is decoder or self._sought
        self._drop_coming()
        self._coming = self._open(serial, decoder.track, max(0.0, position_s))
        self._tell_position(self._coming, 0.0)
        self._make_room(CUT_S)

    def pause(self) -> None:
        """Fade out and hold."""
        self._paused = True
        if self._mixer.playing is not None and not self._mixer.held:
            self._tell_position(self._mixer.playing, self._speaker.delay_s())
        self._mixer.hold(0.0 if self._speaker.lost else PAUSE_FADE_S)

    def resume(self) -> None:
        """Go on, ramping up."""
        self._paused = False
        self._mixer.go_on(self._config.ramp_s)

    def silence(self, fade_s: float) -> None:
        """Fade out, and let go of everything."""
        self._drop_cue()
        self._drop_coming()
        self._paused = False
        self._make_room(fade_s)

    def set_volume(self, percent: int) -> None:
        """Ramp there."""
        self._mixer.set_volume(limited(percent, self._config.max_volume), self._config.ramp_s)

    # --- What the orders need ---

    def _open(self, serial: int, track: Track, start_s: float) -> Decoder:
        gain_db = track.gain_db if self._config.replaygain else 0.0
        return Decoder(self._libvlc, serial, track, start_s, gain_db, time.monotonic(), self._news)

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

    def drop_all(self) -> None:
        """Close all decks at once."""
        self._drop_cue()
        self._drop_coming()
        self._mixer.leave(0.0)
        self._attic.put(self._mixer.drop_leaving())

    # --- Looking after what is open ---

    def _sounding(self) -> bool:
        """Whether the device is needed; silence is written for a track that is about to come."""
        return not self._mixer.silent or (self._coming is not None and not self._paused)

    def _decks(self) -> list[Decoder]:
        return [decoder for decoder in (self._mixer.playing, self._coming, self._cued) if decoder is not None]

    def _tend(self, now_s: float) -> None:
        for decoder in self._decks():
            wanted = decoder is self._cued or not (self._paused or self._speaker.lost)
            if problem := decoder.tend(now_s, wanted):
                self._fail(decoder, problem)
        for decoder in self._mixer.leaving:
            decoder.tend(now_s, False)
        if self._cued is not None and self._cued.ready:
            self._mixer.follow(self._cued)
        if self._coming is not None and self._coming.ready and not self._paused and self._mixer.playing is None:
            self._enter(self._coming)

    def _enter(self, decoder: Decoder) -> None:
        """Let it come in: evenly while another goes, or like a volume that is turned up."""
        self._coming = None
        if self._mixer.silent:
            self._attic.put(self._mixer.drop_leaving())
            self._mixer.hold(0.0)
            self._mixer.enter(decoder, 0.0)
            self._mixer.go_on(CUT_S if self._sought else self._config.ramp_s)
        elif self._coming_s > CUT_S or self._sought:
            self._mixer.enter(decoder, self._coming_s)
        else:
            self._mixer.enter(decoder, max(CUT_S, self._config.ramp_s), shape=3)

    def _fail(self, decoder: Decoder, problem: str) -> None:
        if decoder is self._cued:
            self._drop_cue()
        elif decoder is self._coming:
            self._drop_coming()
        else:
            self._mixer.leave(CUT_S)
        self._put(TrackFailed(decoder.serial, problem))
        self._promote()

    def _rest(self, now_s: float) -> None:
        self._speaker.rest(now_s, BLOCK)
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

    def _tell(self, mixed: Mixed[Decoder]) -> None:
        if self._mixer.playing is self._cued:  # it followed; perhaps without a sound yet
            self._cued = None
        self._attic.put(mixed.faded)
        for decoder in mixed.ended:
            self._end(decoder)
        for decoder in mixed.started:
            self._start(decoder)
        if self._mixer.playing is not None:
            self._tell_progress(self._mixer.playing)

    def _tell_progress(self, decoder: Decoder) -> None:
        if not decoder.told_ending and decoder.left_s < ENDING_S:
            decoder.told_ending = True
            self._put(TrackEnding(decoder.serial))
        if abs(decoder.position_s - self._told_s) >= TELLING_S:
            self._tell_position(decoder, self._speaker.delay_s())

    def _start(self, decoder: Decoder) -> None:
        self._told_s = decoder.position_s
        if not self._sought:
            self._put(TrackStarted(decoder.serial, self._position(decoder)))
        self._sought = False

    def _end(self, decoder: Decoder) -> None:
        problem = decoder.cut_short()
        self._put(TrackFailed(decoder.serial, problem) if problem else TrackEnded(decoder.serial))
        self._attic.put([decoder])
        self._promote()

    def _promote(self) -> None:
        """Nothing plays, and what is to follow was not decoded in time: it comes as soon as it is."""
        if self._cued is not None and self._mixer.playing is None and self._coming is None:
            self._mixer.follow(None)
            self._coming, self._coming_s, self._cued = self._cued, CUT_S, None

    def _tell_position(self, decoder: Decoder, delay_s: float) -> None:
        self._told_s = decoder.position_s
        self._put(TrackAt(decoder.serial, self._position(decoder, delay_s)))

    def _position(self, decoder: Decoder, delay_s: float = 0.0) -> Position:
        return Position(max(0.0, decoder.position_s - delay_s), time.monotonic(), not self._paused)
