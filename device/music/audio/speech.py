"""An announcement over the music: the music becomes quiet (ducking), the announcement plays at its own volume. Pure.

The gains of both sum to 1 at most, and each stays below its own volume. So the sum never exceeds the louder of
the two volumes.
"""

from __future__ import annotations

from typing import Generic, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from device.music.audio.gain import TrackGain
from device.music.audio.pcm_buffer import Frames
from device.music.audio.volume import Ramp, amplitude

DUCKED = 0.2  # what is left of the music's amplitude: 14 dB less
DOWN_S = 0.4
UP_S = 0.8
CUT_S = 0.1  # how fast a sentence goes that somebody stops


class Spoken(Protocol):
    """Where the frames of a sentence come from."""

    def read(self, count: int) -> Frames:
        """The next frames, fewer if they are not decoded yet."""

    def peak(self, count: int) -> int:
        """The largest amplitude of the `count` frames after those, as far as known."""

    @property
    def over(self) -> bool:
        """Whether everything was read."""


S = TypeVar("S", bound=Spoken)


class Speech(Generic[S]):
    """At most one sentence, and how much of the music is left meanwhile. Times are those of the mixer (s)."""

    def __init__(self) -> None:
        self._source: S | None = None
        self._level = TrackGain(0.0)
        self._volume = 0.0
        self._duck = Ramp(1.0, 1.0)
        self._share = Ramp(1.0, 1.0)

    @property
    def source(self) -> S | None:
        """What is being spoken, or about to be."""
        return self._source

    def begin(self, source: S, percent: float, now_s: float, *, silent: bool) -> None:
        """Speak `source` at `percent`, once the music is quiet; at once if there is none (`silent`)."""
        self._source, self._level, self._volume = source, TrackGain(0.0), amplitude(percent) * (1 - DUCKED)
        self._duck = Ramp(self._duck.at(now_s), DUCKED, now_s, 0.0 if silent else DOWN_S)
        self._share = Ramp(1.0, 1.0)

    def stop(self, now_s: float) -> None:
        """Fade the sentence out."""
        self._share = Ramp(self._share.at(now_s), 0.0, now_s, CUT_S)

    def leave(self, now_s: float) -> None:
        """The sentence is over: let the music come back."""
        self._source = None
        self._duck = Ramp(self._duck.at(now_s), 1.0, now_s, UP_S)

    def stopped(self, now_s: float) -> bool:
        """Whether nothing more of the sentence is to be heard."""
        return self._source is None or self._source.over or (self._share.end == 0 and self._share.over(now_s))

    def mix(self, music: npt.NDArray[np.float32], span_s: tuple[float, float]) -> None:
        """Duck a block of the music, and add the sentence to it, in place."""
        music *= _line(self._duck, span_s, len(music))
        if self._source is None or not self._duck.over(span_s[0]):
            return
        frames = self._source.read(len(music))
        if len(frames):
            part = self._level.apply(frames, self._source.peak(len(music)))
            line = _line(self._share, span_s, len(music))[: len(frames)]
            music[: len(frames)] += part * line * np.float32(self._volume)


def _line(ramp: Ramp, span_s: tuple[float, float], count: int) -> npt.NDArray[np.float32]:
    return np.linspace(ramp.at(span_s[0]), ramp.at(span_s[1]), count, dtype=np.float32)[:, None]
