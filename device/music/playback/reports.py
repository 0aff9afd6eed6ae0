"""What the engine reports about the track that plays: that it began, where it is, that it ends soon.

Belongs to the player's worker thread.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from device.domain import Event, Position, TrackAt, TrackEnding, TrackStarted
from device.music.audio.sink import Sink
from device.music.playback.decoder import Decoder
from device.music.playback.player import ENDING_S, REPORT_S


class Reports:
    """Reports positions as the listener hears them: `sink` knows how much sound the device still holds back."""

    def __init__(self, sink: Sink, put: Callable[[Event], None]) -> None:
        self._sink = sink
        self._put = put
        self._reported_s: float | None = None  # the position in the last event; None: report it with the next block
        self._unheard: Sequence[Decoder] = ()

    def expect(self, decoders: Sequence[Decoder]) -> None:
        """These tracks are in the mix; the device has not taken a block of them yet."""
        self._unheard = (*self._unheard, *decoders)

    def expects(self, decoder: Decoder) -> bool:
        """Whether the device has not taken a block of this track yet."""
        return decoder in self._unheard

    def heard(self) -> None:
        """The device took a block."""
        self._unheard = ()

    def renew(self) -> None:
        """Report the position with the next block."""
        self._reported_s = None

    def start(self, decoder: Decoder, *, jumped: bool, paused: bool) -> None:
        """The device took the first block of this track. `jumped`: it is the same track at another position."""
        self._unheard = [one for one in self._unheard if one is not decoder]
        if jumped:
            self.at(decoder, paused=paused)
        else:
            self._reported_s = decoder.track_s
            self._put(TrackStarted(decoder.serial, self._position(decoder, paused=paused), decoder.length_s))

    def progress(self, decoder: Decoder, *, paused: bool) -> None:
        """The device took another block of this track."""
        if not decoder.reported_ending and decoder.left_s < ENDING_S:
            decoder.reported_ending = True
            self._put(TrackEnding(decoder.serial))
        if self._reported_s is None or abs(decoder.track_s - self._reported_s) >= REPORT_S:
            self.at(decoder, paused=paused)

    def at(self, decoder: Decoder, *, paused: bool) -> None:
        """Report its position."""
        self._reported_s = decoder.track_s
        self._put(TrackAt(decoder.serial, self._position(decoder, paused=paused)))

    def _position(self, decoder: Decoder, *, paused: bool) -> Position:
        """The position that is audible now: the last one written, less the delay of the device. Before the first
        sample is audible, the result is position 0 at the moment in the future when it will be."""
        track_s, now_s = decoder.track_s - self._sink.delay_s(), time.monotonic()
        return Position(max(0.0, track_s), now_s + max(0.0, -track_s), not paused and not self._sink.lost)
