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
        """Cross over from what plays to `track`, `start_s` into it, within `fade_s` (0 = cut); out of silence, ramp up.

        Answers with TrackStarted(serial) once the track is audible, TrackAt(serial) every `REPORT_S`,
        TrackEnding(serial) `ENDING_S` before its end (a shorter one: at once) and TrackEnded(serial) at its end, or
        with one TrackFailed(serial). A start behind the end is the end. A replaced track says nothing more. A cue is
        dropped.
        """

    def cue(self, serial: int, track: Track) -> None:
        """Get `track` ready in silence and let it follow what plays without a gap; if nothing plays, play it.

        Takes the place of an earlier cue, which says nothing more. The answers are those of `play`, TrackFailed at
        once; TrackEnded of the one before comes just before TrackStarted.
        """

    def seek(self, serial: int, position_s: float) -> None:
        """Go on at `position_s` if `serial` is what plays or is paused; else nothing. Answers with TrackAt once it
        sounds there, or, while paused, once it could; behind the end with TrackEnded."""

    def pause(self) -> None:
        """Hold the track where it is, after a short fade, with a TrackAt. One that has not started yet waits for
        `resume`, and says with a TrackAt where it will begin."""

    def resume(self) -> None:
        """Go on after a pause, ramping up, with a TrackAt once it sounds again."""

    def silence(self, fade_s: float = 0.0) -> None:
        """Fade out over `fade_s`, drop the cue and let go of the sound device. No event follows."""

    def set_volume(self, percent: int) -> None:
        """Ramp to `percent`, 0 to the player's `max_volume`; what lies outside is brought to the nearest end."""

    def speak(self, serial: int, track: Track, percent: int) -> None:
        """Let `track` be heard at `percent`, limited like the volume, over the music, which becomes quiet meanwhile; a
        pause does not concern it. Answers with one SpeechEnded(serial). Replaces an announcement that is still heard,
        which says nothing more."""

    def hush(self) -> None:
        """Fade the announcement out. No event follows."""

    def describe(self) -> str:
        """Where the sound goes, for `affetto check`."""

    @property
    def alive(self) -> bool:
        """Whether it does its work: for the watchdog."""

    def close(self) -> None:
        """Stop and release everything, within 2 s. May be called again; commands after it are ignored."""
