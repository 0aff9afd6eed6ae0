"""What a player is. Pure.

A `Player` takes orders and returns at once; what becomes of them it tells with events (`TrackStarted`, `TrackAt`,
`TrackEnding`, `TrackEnded`, `TrackFailed`, `SoundLost`, `SoundBack`) through the `put` that it was built with.
`vlc_player.VlcPlayer` is the real one, `fake_player.FakePlayer` the one for tests; tests/test_player.py holds both to
the same contract.
"""

from __future__ import annotations

from typing import Protocol

from device.domain import Track

ENDING_S = 10.0  # a track says so long before its end that it is ending: a disk may have to spin up for the next one
TELLING_S = 3.0  # how often a track says where it is: after a power cut at most 5 s are heard again


class Player(Protocol):
    """Plays one track at a time. Every method returns at once and never raises for a bad file or a missing device."""

    def play(self, serial: int, track: Track, fade_s: float = 0.0, start_s: float = 0.0) -> None:
        """Cross over from what plays to `track`, `start_s` into it, within `fade_s` (0 = cut); out of silence, ramp up.

        Answers with TrackStarted(serial) once the track is audible, TrackAt(serial) every `TELLING_S`,
        TrackEnding(serial) `ENDING_S` before its end (a shorter one: at once) and TrackEnded(serial) at its end, or
        with one TrackFailed(serial). A replaced track says nothing more. A cue is dropped.
        """

    def cue(self, serial: int, track: Track) -> None:
        """Get `track` ready in silence and let it follow what plays without a gap; if nothing plays, play it.

        Takes the place of an earlier cue, which says nothing more. The answers are those of `play`, TrackFailed at
        once; TrackEnded of the one before comes just before TrackStarted.
        """

    def seek(self, serial: int, position_s: float) -> None:
        """Go on at `position_s` if `serial` is what plays or is paused; else nothing. Answers with TrackAt."""

    def pause(self) -> None:
        """Hold the track where it is, after a short fade, with a TrackAt. One still to start waits for `resume`."""

    def resume(self) -> None:
        """Go on after a pause, ramping up."""

    def silence(self, fade_s: float = 0.0) -> None:
        """Fade out over `fade_s`, drop the cue and let go of the sound device. No event follows."""

    def set_volume(self, percent: int) -> None:
        """Ramp to `percent`, 0 to the player's `max_volume`; what lies outside is brought to the nearest end."""

    def describe(self) -> str:
        """Where the sound goes, in words for the doctor."""

    def close(self) -> None:
        """Stop and release everything, within 2 s. May be called again; orders after it are ignored."""
