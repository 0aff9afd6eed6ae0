"""What a player is, and what every player shares: the limit on the volume and the ramp between two volumes. Pure.

A `Player` takes orders and returns at once; what becomes of them it tells with events (`TrackStarted`, `TrackEnded`,
`TrackFailed`) through the `put` that it was built with. `vlc_player.VlcPlayer` is the real one,
`fake_player.FakePlayer` the one for tests; tests/test_player.py holds both to the same contract.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from device.domain import Track


class Player(Protocol):
    """Plays one track at a time. Every method returns at once and never raises for a bad file or a missing device."""

    def play(self, serial: int, track: Track, fade_s: float = 0.0) -> None:
        """Fade out what plays over `fade_s` (0 = cut), then start `track` from silence and ramp up to the volume.

        Answers with TrackStarted(serial) once the track is audible and TrackEnded(serial) at its end, or with one
        TrackFailed(serial). A replaced track says nothing more.
        """

    def pause(self) -> None:
        """Hold the track where it is, after a short fade. A track that is still to start waits for `resume`."""

    def resume(self) -> None:
        """Go on after a pause, ramping up."""

    def silence(self, fade_s: float = 0.0) -> None:
        """Fade out over `fade_s` and let go of the sound device. No event follows."""

    def set_volume(self, percent: int) -> None:
        """Ramp to `percent`, 0 to the player's `max_volume`; what lies outside is brought to the nearest end."""

    def describe(self) -> str:
        """Where the sound goes, in words for the doctor."""

    def close(self) -> None:
        """Stop and release everything, within 2 s. May be called again; orders after it are ignored."""


def limited(percent: int, max_volume: int) -> int:
    """The volume that may be played when `percent` is asked."""
    return max(0, min(percent, max_volume))


@dataclass(frozen=True, slots=True)
class Ramp:
    """A volume in percent that moves in a straight line from `start` to `end` between `begin_s` and `begin_s+length_s`.

    Straight in percent is even to the ear: both VLC's outputs take the cube of it for the amplitude.
    """

    start: float
    end: float
    begin_s: float = 0.0
    length_s: float = 0.0

    def at(self, now_s: float) -> float:
        """The volume at this time, never outside of the two ends."""
        if self.over(now_s):
            return self.end
        share = max(0.0, (now_s - self.begin_s) / self.length_s)
        return self.start + share * (self.end - self.start)

    def over(self, now_s: float) -> bool:
        """Whether the end is reached; a ramp without length is over before it begins."""
        return self.length_s <= 0 or now_s >= self.begin_s + self.length_s
