"""One file that libVLC decodes for us: as 16-bit stereo at 44.1 kHz, into two callbacks.

There are two ways. A file that begins at once, or at a place that the demuxer finds, comes through libVLC's memory
output: complete to the last sample, but paced by libVLC's clock, 1.5 s ahead of time. A file that has to be decoded
up to a place comes through the stream output `smem`: as fast as the processor decodes, but without its last block
(some 30 ms). To begin returns at once; `close` may wait for a slow disk.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable
from typing import Any, Protocol

from device.music.audio.pcm_buffer import CHANNELS, RATE_HZ
from device.music.playback.libvlc import ENDED, ERROR, LibVlc, SmemFilledCb, SmemRoomCb, guarded
from device.music.playback.seeking import Approach
from device.music.playback.web_media import WebMedia

FRAME_BYTES = 2 * CHANNELS

Take = Callable[[bytes], bool]
"""Takes the next samples; answers whether that is enough until `rest(False)`."""
Finish = Callable[[], None]


class Output(Protocol):
    """One of the two ways out of libVLC."""

    def rest(self, on: bool) -> None:
        """Stop decoding for now, or go on."""

    def close(self) -> None:
        """Let libVLC's thread go, whatever it waits for."""


class Stream:
    """A file or a medium from outside that is being decoded."""

    def __init__(self, libvlc: LibVlc, what: str | WebMedia, way: Approach, take: Take, finish: Finish) -> None:
        """Begins to decode the file at a percent-encoded `file://` URI, or a medium. Calls `take(samples)` on libVLC's
        threads, and `finish()` after the last, perhaps more than once."""
        self._vlc = libvlc.vlc
        self._player: Any = libvlc.instance.media_player_new()
        self._what = what  # keeps the callbacks of a medium
        self._media: Any = libvlc.instance.media_new_location(what) if isinstance(what, str) else what.media
        if way.jump_s > 0:
            self._media.add_option(f":start-time={way.jump_s:.3f}")
        if way.avformat:
            self._media.add_option(":demux=avformat,any")
        self._output: Output
        if way.drop_s > 0:
            self._output = FastOutput(self._media, Drop(way.drop_s, take))
        else:
            self._output = PacedOutput(self._vlc, self._player, take, finish)
        # python-vlc's handlers die with the event manager
        self._events: Any = self._player.event_manager()
        for name in (ENDED, ERROR):
            self._events.event_attach(getattr(self._vlc.EventType, name), guarded(lambda _event: finish()))
        self._player.set_media(self._media)
        self._player.play()

    @property
    def length_s(self) -> float:
        """How long the file says it is, or libVLC guesses; 0 if neither is known."""
        return max(0.0, float(self._player.get_length()) / 1000)

    def rest(self, on: bool) -> None:
        """Stop decoding for now, or go on."""
        self._output.rest(on)

    def close(self) -> None:
        """Stop, and release what libVLC has of it."""
        for name in (ENDED, ERROR):
            self._events.event_detach(getattr(self._vlc.EventType, name))
        self._output.close()
        self._player.stop()
        self._player.release()
        self._media.release()


class PacedOutput:
    """libVLC's memory output. (It knows no finer samples than 16 bits before version 4.)"""

    def __init__(self, vlc: Any, player: Any, take: Take, finish: Finish) -> None:
        self._player = player
        self._resting = False

        def play(_opaque: object, samples: int, count: int, _pts_us: int) -> None:
            take(ctypes.string_at(samples, count * FRAME_BYTES))

        def drain(_opaque: object) -> None:
            finish()

        # kept, because libVLC has only a pointer to them
        self._play = vlc.CallbackDecorators.AudioPlayCb(guarded(play))
        self._drain = vlc.CallbackDecorators.AudioDrainCb(guarded(drain))
        player.audio_set_callbacks(self._play, None, None, None, self._drain, None)
        player.audio_set_format("S16N", RATE_HZ, CHANNELS)

    def rest(self, on: bool) -> None:
        """Let libVLC's clock stand still."""
        if on != self._resting:
            self._resting = on
            self._player.set_pause(int(on))

    def close(self) -> None:
        """Nothing waits here."""


class FastOutput:
    """libVLC's stream output into memory, without its clock. It rests by not returning to libVLC."""

    def __init__(self, media: Any, take: Take) -> None:
        self._closed = False
        self._go_on = threading.Event()
        self._go_on.set()
        self._room: Any = None

        def give_room(_data: object, place: Any, size: int) -> None:
            self._room = ctypes.create_string_buffer(size)
            place[0] = ctypes.addressof(self._room)

        def filled(_data: object, _room: int, _c: int, _r: int, _n: int, _b: int, size: int, _pts_us: int) -> None:
            if take(ctypes.string_at(self._room, size)):
                self._go_on.clear()
            if not self._closed:
                self._go_on.wait()

        self._give_room, self._filled = SmemRoomCb(guarded(give_room)), SmemFilledCb(guarded(filled))
        room, done = (ctypes.cast(call, ctypes.c_void_p).value for call in (self._give_room, self._filled))
        media.add_option(
            f":sout=#transcode{{acodec=s16l,channels={CHANNELS},samplerate={RATE_HZ}}}"
            f":smem{{audio-prerender-callback={room},audio-postrender-callback={done},no-time-sync}}"
        )

    def rest(self, on: bool) -> None:
        """libVLC's thread waits in our callback already; let it go on."""
        if not on:
            self._go_on.set()

    def close(self) -> None:
        """Let libVLC's thread go."""
        self._closed = True
        self._go_on.set()


class Drop:
    """A `Take` that leaves out the first `seconds`."""

    def __init__(self, seconds: float, take: Take) -> None:
        self._bytes = round(seconds * RATE_HZ) * FRAME_BYTES
        self._take = take

    def __call__(self, samples: bytes) -> bool:
        """Pass on what comes after that. An empty block says that decoding goes forward."""
        left, self._bytes = self._bytes, max(0, self._bytes - len(samples))
        return self._take(samples[left:])
