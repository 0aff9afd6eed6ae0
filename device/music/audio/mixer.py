"""Joins, crossfades and scales tracks into one stream: gapless, and never above the volume. Pure.

Why our own: libVLC 3 leaves a gap between two tracks, and takes a volume only once its device is open.

Time is counted in frames of that stream, so a fade is as long as it sounds, and the same calls give the same samples.
Every output gets its samples from here, already at their volume: a sound device that starts, stops or comes back cannot
cause a burst, because nothing louder ever leaves this module. The shares of all tracks in the mix sum to at most 1, so
crossing needs no clipping.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from device.music.audio.gain import TrackGain
from device.music.audio.pcm_buffer import CHANNELS, RATE_HZ, Frames
from device.music.audio.speech import Speech
from device.music.audio.volume import Ramp, amplitude

FloatFrames = npt.NDArray[np.float32]
"""What is ready for the device: float32[n, 2] within -1 to 1."""


class Source(Protocol):
    """Where the frames of one track come from."""

    @property
    def gain_db(self) -> float:
        """The gain that brings this track to the loudness of the others."""

    def read(self, count: int) -> Frames:
        """The next frames, fewer if they are not decoded yet."""

    def peak(self, count: int) -> int:
        """The largest amplitude of the `count` frames after those, as far as known."""

    @property
    def over(self) -> bool:
        """Whether everything was read."""


S = TypeVar("S", bound=Source)


@dataclass(slots=True)
class Voice(Generic[S]):
    """A track in the mix; `share` is its part, to the power of `shape`: 1 crosses evenly, 3 rises evenly to the ear."""

    source: S
    level: TrackGain
    share: Ramp
    shape: int = 1

    def line(self, span_s: tuple[float, float], count: int) -> npt.NDArray[np.float32]:
        """Its part in each frame of a block: float32[count, 1]."""
        begin, end = (self.share.at(at_s) ** self.shape for at_s in span_s)
        return _line((begin, end), count)[:, None]


@dataclass(slots=True)
class Mixed(Generic[S]):
    """A block of the stream, and the sources that start in it, that reach their end in it, and that have faded out."""

    sound: FloatFrames
    started: list[S] = field(default_factory=list)
    ended: list[S] = field(default_factory=list)
    faded: list[S] = field(default_factory=list)


class Mixer(Generic[S]):
    """At most one track that plays, one that follows it, and those that are fading out."""

    def __init__(self, percent: float) -> None:
        self._time_s = 0.0
        self._volume = Ramp(percent, percent)
        self._gate = Ramp(1.0, 1.0)
        self._voice: Voice[S] | None = None
        self._fresh = False  # nothing of the voice was heard yet
        self._next: S | None = None
        self._leaving: list[Voice[S]] = []
        self._speech: Speech[S] = Speech()

    @property
    def playing(self) -> S | None:
        """The current source, also while it is held."""
        return None if self._voice is None else self._voice.source

    @property
    def leaving(self) -> list[S]:
        """The sources that fade out."""
        return [voice.source for voice in self._leaving]

    @property
    def silent(self) -> bool:
        """Whether blocks have no music: the mix is empty or held."""
        return self.held or (self._voice is None and not self._leaving)

    @property
    def held(self) -> bool:
        """Whether the mix stands still after `hold`."""
        return self._gate.end == 0 and self._gate.over(self._time_s)

    def set_volume(self, percent: float, length_s: float) -> None:
        """Go to `percent`, which takes `length_s` if anything is heard."""
        length_s = 0.0 if self.silent else length_s
        self._volume = Ramp(self._volume.at(self._time_s), percent, self._time_s, length_s)

    def enter(self, source: S, length_s: float, shape: int = 1) -> None:
        """Bring `source` in over `length_s`. Before, call `leave` for the current source, with at most that time."""
        self._voice = Voice(source, TrackGain(source.gain_db), Ramp(0, 1, self._time_s, length_s), shape)
        self._fresh = True

    def follow(self, source: S | None) -> None:
        """Play this source after the current one, from its very next frame on."""
        self._next = source

    def leave(self, length_s: float) -> None:
        """Fade out everything that is in the mix."""
        if self._voice is not None:
            self._leaving.append(self._voice)
        self._voice = None
        for voice in self._leaving:
            share = voice.share.at(self._time_s) ** voice.shape
            voice.share, voice.shape = Ramp(share, 0, self._time_s, length_s), 1

    def hold(self, length_s: float) -> None:
        """Fade out and stand still."""
        self._gate = Ramp(self._gate.at(self._time_s), 0, self._time_s, 0.0 if self.silent else length_s)

    def go_on(self, length_s: float) -> None:
        """Return from `hold`, or from a gap that nobody asked for (call `hold(0)` before)."""
        self._gate = Ramp(self._gate.at(self._time_s), 1, self._time_s, length_s)

    @property
    def speaking(self) -> S | None:
        """The announcement in the mix."""
        return self._speech.source

    def speak(self, source: S, percent: float) -> None:
        """Play an announcement at `percent` over the music, also while the music is held."""
        self._speech.begin(source, percent, self._time_s, silent=self.silent)

    def hush(self) -> None:
        """Fade the announcement out."""
        self._speech.stop(self._time_s)

    @property
    def spoken(self) -> bool:
        """Whether the announcement is over."""
        return self._speech.stopped(self._time_s)

    def end_speech(self) -> None:
        """Raise the music again."""
        self._speech.leave(self._time_s)

    def drop_leaving(self) -> list[S]:
        """Cut the sources that fade out, because nobody would hear them."""
        dropped = [voice.source for voice in self._leaving]
        self._leaving = []
        return dropped

    def render(self, count: int) -> Mixed[S]:
        """The next `count` frames of the stream."""
        mixed: Mixed[S] = Mixed(np.zeros((count, CHANNELS), np.float32))
        span_s = self._time_s, self._time_s + count / RATE_HZ
        if not self.silent:
            self._render_music(mixed, span_s)
        self._speech.mix(mixed.sound, span_s)
        self._time_s = span_s[1]
        return mixed

    def _render_music(self, mixed: Mixed[S], span_s: tuple[float, float]) -> None:
        (begin_s, end_s), count = span_s, len(mixed.sound)
        for voice in self._leaving:
            self._add(voice, mixed.sound, 0, span_s)
        self._render_voice(mixed, span_s)
        mixed.faded += [voice.source for voice in self._leaving if voice.share.over(end_s) or voice.source.over]
        self._leaving = [voice for voice in self._leaving if voice.source not in mixed.faded]
        ceiling = amplitude(self._volume.at(begin_s)), amplitude(self._volume.at(end_s))
        gate = self._gate.at(begin_s) ** 3, self._gate.at(end_s) ** 3
        np.clip(mixed.sound, -1, 1, out=mixed.sound)  # the shares sum to 1 already; this is for rounding
        mixed.sound *= (_line(ceiling, count) * _line(gate, count))[:, None]

    def _render_voice(self, mixed: Mixed[S], span_s: tuple[float, float]) -> None:
        """Render the current source and, after its last frame, the next one in the same block."""
        at = 0
        while self._voice is not None:
            voice = self._voice
            count = self._add(voice, mixed.sound, at, span_s)
            at += count
            if count and self._fresh:
                self._fresh = False
                mixed.started.append(voice.source)
            if not voice.source.over:
                return
            mixed.ended.append(voice.source)
            self._voice = None
            if self._next is not None:
                level = TrackGain(self._next.gain_db, begin=voice.level.now)
                self._voice, self._next, self._fresh = Voice(self._next, level, voice.share, voice.shape), None, True

    def _add(self, voice: Voice[S], sound: FloatFrames, at: int, span_s: tuple[float, float]) -> int:
        """Mix a voice into the block from frame `at` on; returns the number of frames."""
        frames = voice.source.read(len(sound) - at)
        if len(frames):
            part = voice.level.apply(frames, voice.source.peak(len(sound)))
            sound[at : at + len(frames)] += part * voice.line(span_s, len(sound))[at : at + len(frames)]
        return len(frames)


def _line(ends: tuple[float, float], count: int) -> npt.NDArray[np.float32]:
    return np.linspace(ends[0], ends[1], count, dtype=np.float32)
