"""The chime of an alarm that finds no music: when it rings, and when it ends. Pure; main thread.

The player speaks the chime like an announcement, beside the music. So the device keeps trying to play music meanwhile,
and the chime ends at the moment when music is heard.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from device.domain import (
    Action,
    Announce,
    Choice,
    EventType,
    Hush,
    Now,
    PlaybackState,
    PlaybackView,
    RingChime,
    Track,
)

SILENT_S = 15.0  # an alarm waits so long for music: a drive may have to spin up
FORSAKEN_S = 8.0  # a device without music waits so long for the leader of its group
AGAIN_S = 10.0  # the time between two tries, if the chime itself cannot be played
REASON = "No music could be played, so a built-in chime rings."
CHIME = Choice(Track("", "", "Alarm"), REASON)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """`alarm`: the number of the alarm that rings, or None. `sounds`: music is heard. `speaks`: an announcement plays.
    `held`: nothing can be heard, because the sound device is lost or muted. `volume` is in percent."""

    alarm: int | None
    sounds: bool
    speaks: bool
    held: bool
    volume: int


class Chime:
    """`rings`: the chime is heard instead of music. `problem`: why it cannot be played, empty if it can."""

    def __init__(self, serials: Iterator[int]) -> None:
        """`serials`: numbers for what the player plays."""
        self.rings = False
        self.problem = ""
        self._serials = serials
        self._serial: int | None = None  # what the player speaks now
        self._silent_since: float | None = None  # monotonic, s
        self._heard = False  # music, since the alarm rings
        self._again_at = float("-inf")  # monotonic, s

    def advance(self, around: Surroundings, now: Now) -> list[Action]:
        """Begin, repeat or end the chime."""
        self._heard = around.alarm is not None and (self._heard or around.sounds)
        if around.alarm is None:
            self._silent_since = None
        elif around.sounds or around.held or self._silent_since is None:
            self._silent_since = now.mono
        if self._silent_since is None or now.mono - self._silent_since < SILENT_S:
            return self._end(around)
        began, self.rings = not self.rings, True
        actions: list[Action] = []
        if began:
            actions = [Announce(EventType.ALARM_CHIME, {"alarm": around.alarm, "message": REASON})]
        if around.speaks:
            self._serial = None  # the announcement has replaced the chime
        elif self._serial is None and now.mono >= self._again_at:
            self._serial = next(self._serials)
            actions.append(RingChime(self._serial, around.volume))
        return actions

    def _end(self, around: Surroundings) -> list[Action]:
        spoken, self._serial, self.rings, self.problem = self._serial, None, False, ""
        return [] if spoken is None or around.speaks else [Hush()]

    def forsaken(self, now: Now) -> bool:
        """Whether an alarm rings in silence, and has not had any music yet."""
        silent_s = 0.0 if self._silent_since is None else now.mono - self._silent_since
        return not self._heard and silent_s >= FORSAKEN_S

    def owns(self, serial: int) -> bool:
        """Whether the player's event about this serial number concerns the chime."""
        return self._serial == serial

    def over(self, problem: str, now: Now) -> None:
        """The chime has rung once. `problem`: why it was not heard, if so."""
        self._serial, self.problem = None, problem
        if problem:
            self._again_at = now.mono + AGAIN_S

    @property
    def health(self) -> str:
        """A sentence for the health report; empty if no chime rings."""
        return f"{REASON} {self.problem}".rstrip() if self.rings else ""

    def view(self, own: PlaybackView) -> PlaybackView:
        """What plays: the chime, or else `own`."""
        if not self.rings:
            return own
        return replace(own, state=PlaybackState.PLAYING, choice=CHIME, position=None, foreign=True)
