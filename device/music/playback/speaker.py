"""The current announcement: waits until it is decoded, passes it to the mixer, and reports when it is over.

Belongs to the player's worker thread, which calls `tend` before each block.
"""

from __future__ import annotations

from collections.abc import Callable

from device.domain import Event, SpeechEnded
from device.music.audio.mixer import Mixer
from device.music.playback.decoder import Decoder

LONGEST_S = 120.0
LARGEST_BYTES = 25_000_000  # of an announcement: two minutes of uncompressed sound
SILENT_S = 20.0  # it waits this long for a sound device
STARVED_S = 5.0  # a server may pause for this long in the middle of a sentence


class Speaker:
    """At most one announcement in `mixer`. Each method returns decoders that nobody needs any more."""

    def __init__(self, mixer: Mixer[Decoder], put: Callable[[Event], None]) -> None:
        self._mixer = mixer
        self._put = put
        self._decoder: Decoder | None = None
        self._percent = 0
        self._waits_s = 0.0  # since when nothing of it was heard
        self._track_s = 0.0

    @property
    def busy(self) -> bool:
        """Whether the sound device is needed for an announcement."""
        return self._decoder is not None or self._mixer.speaking is not None

    def take(self, decoder: Decoder, percent: int, now_s: float) -> None:
        """Speak it as soon as it is decoded. Call `hush` for the one before first."""
        self._decoder, self._percent, self._waits_s, self._track_s = decoder, percent, now_s, 0.0

    def hush(self) -> list[Decoder]:
        """End the announcement, without an event. An audible one fades out first."""
        decoder, self._decoder = self._decoder, None
        if decoder is None:
            return []
        if self._mixer.speaking is decoder:
            self._mixer.hush()
            return []
        return [decoder]

    def drop(self) -> list[Decoder]:
        """Cut what fades out."""
        faded = self._mixer.speaking
        self._mixer.end_speech()
        return [] if faded is None else [faded]

    def tend(self, now_s: float, lost: bool) -> list[Decoder]:
        """Look after the announcement. `lost`: there is no sound device."""
        gone: list[Decoder] = []
        if self._mixer.speaking is not None and self._mixer.speaking is not self._decoder:  # it was hushed
            self._mixer.speaking.tend(now_s, False)
            if self._mixer.spoken or lost:
                gone = self.drop()
        decoder = self._decoder
        if decoder is None:
            return gone
        problem = decoder.tend(now_s, not lost) or self._overdue(decoder, now_s, lost)
        if problem:
            return [*gone, *self._end(decoder, problem)]
        if self._mixer.speaking is None and decoder.ready:
            self._mixer.speak(decoder, self._percent)
        elif self._mixer.speaking is decoder and self._mixer.spoken:
            return [*gone, *self._end(decoder, decoder.cut_short())]
        return gone

    def _overdue(self, decoder: Decoder, now_s: float, lost: bool) -> str:
        """Why the announcement takes too long; empty if it does not."""
        if decoder.track_s > LONGEST_S:
            return f"The announcement is longer than {LONGEST_S:g} s; the rest was not spoken."
        if decoder.track_s > self._track_s:
            self._waits_s, self._track_s = now_s, decoder.track_s
        waited_s = now_s - self._waits_s
        if lost and waited_s > SILENT_S:
            return "The announcement was not heard, because the sound device does not work."
        if not lost and decoder.track_s > 0 and waited_s > STARVED_S:
            return "The announcement stopped, because its server sends nothing more."
        return ""

    def _end(self, decoder: Decoder, problem: str) -> list[Decoder]:
        self._decoder = None
        self._put(SpeechEnded(decoder.serial, problem))
        if self._mixer.speaking is not decoder:
            return [decoder]
        if self._mixer.spoken:
            return self.drop()
        self._mixer.hush()
        return []
