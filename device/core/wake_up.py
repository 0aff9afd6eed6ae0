"""An alarm that rings: how its volume rises, and how it ends. Pure; main thread, owned by `Schedule`."""

from __future__ import annotations

from dataclasses import dataclass

from device.config.schema import ScheduleConfig
from device.domain import Alarm, Now

RING_S = 3600.0  # an alarm decides for this long what plays, unless somebody stops it
SNOOZE_S = 540.0


@dataclass(slots=True)
class Ringing:
    """An alarm that wakes people since `since` (monotonic). The volume rises from `begin_volume`, unless somebody has
    set it meanwhile (`by_hand`). `lifted`: a face was seen, and the policy `lift` leads."""

    alarm: Alarm
    since: float
    begin_volume: int
    by_hand: bool = False
    lifted: bool = False


class WakeUp:
    """At most one alarm rings, or waits to ring again. `floor`: it begins with this volume at least, so that it is
    heard. `ceiling`: it rises no higher, so that nobody is frightened. Both in percent."""

    def __init__(self, config: ScheduleConfig, max_volume: int) -> None:
        self._ceiling = min(config.alarm_ceiling, max_volume)
        self.floor = min(config.alarm_floor, self._ceiling)
        self.ringing: Ringing | None = None
        self._waiting: tuple[Alarm, float] | None = None  # rings again at that time (monotonic)

    @property
    def ceiling(self) -> int:
        """The highest volume while it rings: music that was louder when it began stays so."""
        return self._ceiling if self.ringing is None else max(self._ceiling, self.ringing.begin_volume)

    def begin(self, alarm: Alarm, volume: int | None, now: Now) -> int:
        """Ring. `volume` is that of music that plays already, if any. Returns the volume to begin with."""
        begin = max(self.floor, volume or 0)
        self.ringing, self._waiting = Ringing(alarm, now.mono, begin), None
        return begin

    def rise(self, volume: int, now: Now, *, faces: int) -> int:
        """The volume at `now`, which never falls below the present one."""
        ringing = self.ringing
        if ringing is None:
            return volume
        ringing.lifted = ringing.lifted or faces > 0
        if ringing.by_hand:
            return volume
        goal = max(ringing.begin_volume, min(ringing.alarm.volume, self._ceiling))
        passed_s = now.mono - ringing.since
        share = min(1.0, passed_s / ringing.alarm.rise_s) if ringing.alarm.rise_s > 0 else 1.0
        return max(volume, round(ringing.begin_volume + share * (goal - ringing.begin_volume)))

    def end(self, now: Now, *, wanted: bool) -> Alarm | None:
        """The alarm if it ends now: somebody has stopped the music, or it rang long enough."""
        ringing = self.ringing
        if ringing is None or (wanted and now.mono - ringing.since < RING_S):
            return None
        self.ringing = None
        return ringing.alarm

    def snoozed(self, now: Now) -> list[Alarm]:
        """The alarm that has to ring again now, if any."""
        return [self._waiting[0]] if self._waiting is not None and now.mono >= self._waiting[1] else []

    def snooze(self, now: Now) -> Alarm | None:
        """Let the alarm ring again later; None if none rings."""
        if self.ringing is None:
            return None
        alarm = self.ringing.alarm
        self.ringing, self._waiting = None, (alarm, now.mono + SNOOZE_S)
        return alarm

    def dismiss(self) -> Alarm | None:
        """Forget the alarm that rings or waits; None if there is none."""
        alarm = self.ringing.alarm if self.ringing is not None else self._waiting[0] if self._waiting else None
        self.ringing = self._waiting = None
        return alarm

    def volume_by_hand(self) -> None:
        """Somebody has set the volume: it stays there."""
        if self.ringing is not None:
            self.ringing.by_hand = True
