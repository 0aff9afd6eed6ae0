"""Manages the open tracks: the one that plays, its replacement and its successor. Reports to the core.

Belongs to the player's worker thread, which passes on the commands and calls `step` in a loop. Each step renders a
block and writes it, which takes as long as the block lasts. Besides tracks that fade out, at most three are open: the
one that plays, one that replaces it as soon as it is decoded (`_coming`), and one that follows without a gap (`_cued`).
"""

from __future__ import annotations

import time
from collections.abc import Callable

from device.config.schema import PlayerConfig
from device.domain import Event, Position, Track, TrackAt, TrackEnded, TrackFailed
from device.music.audio.mixer import Mixed, Mixer
from device.music.audio.outputs import Output
from device.music.audio.pcm_buffer import RATE_HZ
from device.music.audio.sink import Sink
from device.music.audio.volume import limited
from device.music.playback.closing import Closing
from device.music.playback.decoder import Decoder
from device.music.playback.libvlc import LibVlc
from device.music.playback.reports import Reports
from device.music.playback.speaker import LARGEST_BYTES, Speaker

BLOCK = round(0.05 * RATE_HZ)
LOOK_S = 0.1  # between two looks at the open tracks while nothing plays
IDLE_S = 1.0  # between two rounds of the worker while nothing is open, to show that it is alive
CLOSE_S = 1.0  # libVLC waits for a slow disk when it stops
CUT_S = 0.05  # a cut without a click
PAUSE_FADE_S = 0.2
FULL = 100  # percent


class Engine:
    """The decoders, the mixer and the sink of one player. Commands are those of `Player`."""

    def __init__(
        self,
        config: PlayerConfig,
        libvlc: LibVlc,
        sink: Sink,
        put: Callable[[Event], None],
        wake: Callable[[], None],
    ) -> None:
        """`wake()` is called on libVLC's threads when the next step should not wait any longer."""
        self._config = config
        self._libvlc = libvlc
        self._sink = sink
        self._put = put
        self._wake = wake
        self._closing = Closing()
        self._reports = Reports(sink, put)
        self._mixer: Mixer[Decoder] = Mixer(limited(config.volume, config.max_volume))
        self._coming: Decoder | None = None
        self._coming_s = 0.0  # the length of its fade-in
        self._sought = False  # `_coming` is the current track elsewhere
        self._landed = False  # its position was reported while it is paused
        self._cued: Decoder | None = None
        self._paused = False
        self._percent = limited(config.volume, config.max_volume)  # on the own device
        self._lent = False  # to a group; its members have volumes of their own
        self._speaker = Speaker(self._mixer, put)

    def step(self, now_s: float) -> None:
        """Look after the open tracks, then render and write the next block."""
        self._tend(now_s)
        if not self._sounding():
            self._rest(now_s)
        elif self._sink.ready(now_s):
            self._sound(now_s)

    @property
    def patience_s(self) -> float:
        """How long the next step may wait for a command."""
        if (self._sounding() and not self._sink.lost) or self._sink.open:
            return 0.0
        return LOOK_S if self._open_decoders() else IDLE_S

    # --- Commands ---

    def play(self, serial: int, track: Track, fade_s: float, start_s: float) -> None:
        """Open the track. It comes in as soon as it is decoded; the current track fades out meanwhile."""
        self._drop_cue()
        self._drop_coming()
        self._coming, self._sought, self._landed = self._open(serial, track, start_s), False, False
        self._make_room(fade_s)
        if self._paused and not self._mixer.held:  # the pause was still fading
            self._mixer.go_on(CUT_S)
        self._paused = False

    def cue(self, serial: int, track: Track) -> None:
        """Open the track that follows the current one."""
        if self._mixer.playing is None and self._coming is None:
            self.play(serial, track, 0.0, 0.0)
            return
        self._drop_cue()
        self._cued = self._open(serial, track, 0.0)

    def seek(self, serial: int, position_s: float) -> None:
        """Open the same track at another position; it replaces the one that plays."""
        decoder = self._coming or self._mixer.playing
        if decoder is None or decoder.serial != serial:
            return
        self._sought = self._mixer.playing is decoder or self._sought
        self._drop_coming()
        self._coming, self._landed = self._open(serial, decoder.track, max(0.0, position_s)), False
        self._make_room(CUT_S)

    def pause(self) -> None:
        """Fade out and hold."""
        self._paused = True
        if self._mixer.playing is not None and not self._mixer.held:
            self._reports.at(self._mixer.playing, paused=True)
        self._mixer.hold(0.0 if self._sink.lost else PAUSE_FADE_S)

    def resume(self) -> None:
        """Continue, with a ramp."""
        self._paused = False
        self._reports.renew()
        self._mixer.go_on(self._config.ramp_s)

    def silence(self, fade_s: float) -> None:
        """Fade out and close everything."""
        self._drop_cue()
        self._drop_coming()
        self._paused = False
        self._make_room(fade_s)

    def set_volume(self, percent: int) -> None:
        """Ramp to this volume."""
        self._percent = limited(percent, self._config.max_volume)
        if not self._lent:
            self._mixer.set_volume(self._percent, self._config.ramp_s)

    def feed(self, output: Output | None) -> None:
        """Send the mix to `output` at full scale; None: to the own device at its volume. Starts from silence."""
        self._sink.change(output)
        self._lent = output is not None
        self._mixer.hold(0.0)
        self._mixer.set_volume(FULL if self._lent else self._percent, 0.0)
        if not self._paused:
            self._mixer.go_on(self._config.ramp_s)

    def speak(self, serial: int, track: Track, percent: int) -> None:
        """Open the announcement; it plays over the music as soon as it is decoded. In a group, each member applies its
        volume after the mix, so the announcement is at most as loud as the music."""
        self.hush()
        percent = limited(percent, self._config.max_volume)
        if self._lent:
            percent = min(FULL, round(FULL * percent / max(1, self._percent)))
        now_s = time.monotonic()
        decoder = Decoder(self._libvlc, serial, track, 0.0, 0.0, now_s, self._wake, LARGEST_BYTES)
        self._speaker.take(decoder, percent, now_s)

    def hush(self) -> None:
        """End the announcement."""
        self._closing.later(self._speaker.hush())

    # --- What the commands need ---

    def _open(self, serial: int, track: Track, start_s: float) -> Decoder:
        gain_db = track.gain_db if self._config.replaygain else 0.0
        return Decoder(self._libvlc, serial, track, start_s, gain_db, time.monotonic(), self._wake)

    def _make_room(self, fade_s: float) -> None:
        """Fade the current track out while the next one comes in; drop at once what nobody hears."""
        self._coming_s = max(fade_s, CUT_S)
        self._mixer.leave(self._coming_s)
        if self._mixer.held or self._sink.lost:
            self._closing.later(self._mixer.drop_leaving())

    def _drop_coming(self) -> None:
        if self._coming is not None:
            self._closing.later([self._coming])
        self._coming = None

    def _drop_cue(self) -> None:
        self._mixer.follow(None)
        if self._cued is not None:
            self._closing.later([self._cued])
        self._cued = None

    def close(self) -> bool:
        """Close everything; False if a disk blocks that for longer than `CLOSE_S`."""
        self.hush()
        self._closing.later(self._speaker.drop())
        self._drop_cue()
        self._drop_coming()
        self._mixer.leave(0.0)
        self._closing.later(self._mixer.drop_leaving())
        return self._closing.finish(CLOSE_S)

    # --- Looking after what is open ---

    def _sounding(self) -> bool:
        """Whether the device is needed; while a track is being opened, the engine writes silence."""
        return not self._mixer.silent or (self._coming is not None and not self._paused) or self._speaker.busy

    def _open_decoders(self) -> list[Decoder]:
        return [decoder for decoder in (self._mixer.playing, self._coming, self._cued) if decoder is not None]

    def _tend(self, now_s: float) -> None:
        for decoder in self._open_decoders():
            wanted = decoder is self._cued or not (self._paused or self._sink.lost)
            if problem := decoder.tend(now_s, wanted):
                self._give_up(decoder, TrackFailed(decoder.serial, problem, decoder.lost_disk))
            elif decoder.beyond:
                self._give_up(decoder, TrackEnded(decoder.serial))
        for decoder in self._mixer.leaving:
            decoder.tend(now_s, False)
        self._closing.later(self._speaker.tend(now_s, self._sink.lost))
        if self._cued is not None and self._cued.ready:
            self._mixer.follow(self._cued)
        if self._coming is None or not self._coming.ready:
            return
        if not self._paused and self._mixer.playing is None:
            self._enter(self._coming)
        elif self._paused and not self._landed:
            self._landed = True
            self._put(TrackAt(self._coming.serial, Position(self._coming.track_s, now_s, False)))

    def _enter(self, decoder: Decoder) -> None:
        """Bring the track in: as a crossfade if another one fades out, else like a volume that somebody turns up."""
        self._coming = None
        if self._mixer.silent:
            self._closing.later(self._mixer.drop_leaving())
            self._mixer.hold(0.0)
            self._mixer.enter(decoder, 0.0)
            self._mixer.go_on(CUT_S if self._sought else self._config.ramp_s)
        elif self._coming_s > CUT_S or self._sought:
            self._mixer.enter(decoder, self._coming_s)
        else:
            self._mixer.enter(decoder, max(CUT_S, self._config.ramp_s), shape=3)

    def _give_up(self, decoder: Decoder, event: TrackFailed | TrackEnded) -> None:
        """Drop a track that failed, or that ends before the position to start from."""
        if decoder is self._cued:
            self._drop_cue()
        elif decoder is self._coming:
            self._drop_coming()
        else:
            self._mixer.leave(CUT_S)
        self._put(event)
        self._promote()

    def _rest(self, now_s: float) -> None:
        self._sink.rest(now_s, BLOCK)
        self._closing.later(self._mixer.drop_leaving())

    def _sound(self, now_s: float) -> None:
        mixed = self._mixer.render(BLOCK)
        heard = self._sink.write(mixed.sound, now_s)
        self._report(mixed, heard)
        if not heard:
            self._reports.renew()
            self._mixer.hold(0.0)  # so that the sound returns from silence
            self._mixer.go_on(self._config.ramp_s)

    # --- Events for the core ---

    def _report(self, mixed: Mixed[Decoder], heard: bool) -> None:
        reports = self._reports
        if self._mixer.playing is self._cued:  # it follows now, perhaps without a sound yet
            self._cued = None
        self._closing.later(mixed.faded)
        reports.expect(mixed.started)
        for decoder in mixed.ended:
            if heard and reports.expects(decoder):  # shorter than a block
                self._start(decoder)
            self._end(decoder)
        if not heard:
            return
        playing = self._mixer.playing
        if playing is not None and reports.expects(playing):
            self._start(playing)
        reports.heard()
        if playing is not None:
            reports.progress(playing, paused=self._paused)

    def _start(self, decoder: Decoder) -> None:
        self._reports.start(decoder, jumped=self._sought, paused=self._paused)
        self._sought = False

    def _end(self, decoder: Decoder) -> None:
        problem = decoder.cut_short()
        failed = TrackFailed(decoder.serial, problem, decoder.lost_disk)
        self._put(failed if problem else TrackEnded(decoder.serial))
        self._closing.later([decoder])
        self._promote()

    def _promote(self) -> None:
        """If nothing plays because the next track was not decoded in time, start it as soon as it is."""
        if self._cued is not None and self._mixer.playing is None and self._coming is None:
            self._mixer.follow(None)
            self._coming, self._coming_s, self._cued = self._cued, CUT_S, None
            self._sought = self._landed = False
