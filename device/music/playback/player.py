"""What a player is. Pure.

A `Player` takes commands and returns at once. It reports results with events (`TrackStarted`, `TrackAt`, `TrackEnding`,
`TrackEnded`, `TrackFailed`, `SoundLost`, `SoundBack`) through its `put`. Every position in them is measured: the
position where decoding began, plus the samples that were heard since.
`vlc_player.VlcPlayer` is the real player, `fake_player.FakePlayer` the one for tests; tests/test_player.py checks both
against the same contract.
"""

from __future__ import annotations

from typing import Protocol

from device.domain import Track

ENDING_S = 10.0  # TrackEnding comes this long before the end, because a disk may have to spin up for the next track
REPORT_S = 3.0  # the time between two TrackAt: after a power cut, at most 5 s are heard again


class Player(Protocol):
    """Plays one track at a time. Every method returns at once and never raises for a bad file or a missing device."""

    def play(self, serial: int, track: Track, fade_s: float = 0.0, start_s: float = 0.0) -> None:
        """Crossfade to `track`, from `start_s` on, within `fade_s` (0 = cut); from silence, ramp up.

        Answers with TrackStarted(serial) once the track is audible, TrackAt(serial) every `REPORT_S`,
        TrackEnding(serial) `ENDING_S` before its end (a shorter one: at once) and TrackEnded(serial) at its end, or
        with one TrackFailed(serial). A start after the end counts as the end. A replaced track reports nothing more.
        Drops the cue.
        """

    def cue(self, serial: int, track: Track) -> None:
        """Prepare `track`, and play it after the current one without a gap; if nothing plays, play it.

        Replaces an earlier cue, which reports nothing more. The answers are those of `play`, TrackFailed at once;
        TrackEnded of the track before comes just before TrackStarted.
        """

    def seek(self, serial: int, position_s: float) -> None:
        """Continue at `position_s` if `serial` plays or is paused; otherwise do nothing. Answers with TrackAt once the
        new position is audible or, while paused, could be; after the end with TrackEnded."""

    def pause(self) -> None:
        """Hold the track after a short fade, and report TrackAt. A track that has not started yet waits for `resume`,
        and reports with TrackAt where it will begin."""

    def resume(self) -> None:
        """Continue after a pause, with a ramp; reports TrackAt once the track is audible."""

    def silence(self, fade_s: float = 0.0) -> None:
        """Fade out over `fade_s`, drop the cue and release the sound device. No event follows."""

    def set_volume(self, percent: int) -> None:
        """Ramp to `percent`, 0 to the player's `max_volume`; values outside are limited to these."""

    def speak(self, serial: int, track: Track, percent: int) -> None:
        """Play `track` at `percent`, limited like the volume, over the music, which becomes quiet meanwhile. A pause
        does not affect it. Answers with one SpeechEnded(serial). Replaces the current announcement, which reports
        nothing more."""

    def hush(self) -> None:
        """Fade the announcement out. No event follows."""

    def describe(self) -> str:
        """Where the sound goes, for `affetto check`."""

    @property
    def alive(self) -> bool:
        """Whether it works, for the watchdog."""

    def close(self) -> None:
        """Stop and release everything, within 2 s. May be called again; commands after it are ignored."""
