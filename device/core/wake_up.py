"""An alarm that rings: how its volume rises, and how it ends. Pure; main thread, owned by `Schedule`."""

from __future__ import annotations

from dataclasses import dataclass, replace

from device.config.schema import ScheduleConfig
from device.core.alarm_clock import GRACE_S
from device.domain import Alarm, Memory, Now, ScheduleMemory

RING_S = 3600.0  # an alarm decides for this long what plays, unless somebody stops it
SNOOZE_S = 540.0
START_S = 10.0  # the time in which the leader must begin; silence after it means that somebody stopped the music
FADED_S = 15.0  # after the end of an alarm; then nobody hears the volume change


@dataclass(slots=True)
class Ringing:
    """An alarm that wakes people since `since` (monotonic) and `wall` (wall clock). The volume rises from
    `begin_volume`, unless somebody has set it meanwhile (`by_hand`). `lifted`: a face was seen, and the policy `lift`
    leads."""

    alarm: Alarm
    since: float
    wall: float
    begin_volume: int
    by_hand: bool = False
    lifted: bool = False


@dataclass(frozen=True, slots=True)
class Snoozing:
    """An alarm that rings again at `at` (monotonic) and `wall` (wall clock)."""

    alarm: Alarm
    at: float
    wall: float


class WakeUp:
    """At most one alarm rings, or waits to ring again. `floor`: it begins with this volume at least, so that it is
    heard. `ceiling`: it rises no higher, so that nobody is frightened. Both in percent."""

    def __init__(self, config: ScheduleConfig, max_volume: int) -> None:
        self._ceiling = min(config.alarm_ceiling, max_volume)
        self.floor = min(config.alarm_floor, self._ceiling)
        self.ringing: Ringing | None = None
        self._waiting: Snoozing | None = None
        self._ended_at = float("-inf")  # monotonic
        self._by_hand = False  # somebody has set the volume since the last step

    @property
    def ceiling(self) -> int:
        """The highest volume while it rings: music that was louder when it began stays so."""
        return self._ceiling if self.ringing is None else max(self._ceiling, self.ringing.begin_volume)

    def begin(self, alarm: Alarm, volume: int | None, now: Now) -> int:
        """Ring. `volume` is that of music that plays already, if any. Returns the volume to begin with."""
        begin = max(self.floor, volume or 0)
        self.ringing, self._waiting = Ringing(alarm, now.mono, now.wall, begin), None
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

    def end(self, now: Now, *, wanted: bool, passed_on: bool = False) -> Alarm | None:
        """The alarm if it ends now: somebody has stopped the music, or it rang long enough. `passed_on`: the leader of
        a group plays its music."""
        ringing = self.ringing
        if ringing is None:
            return None
        passed_s = now.mono - ringing.since
        if (wanted or (passed_on and passed_s < START_S)) and passed_s < RING_S:
            return None
        return self.dismiss(now)

    def snoozed(self, now: Now) -> list[Alarm]:
        """The alarm that has to ring again now, if any."""
        return [self._waiting.alarm] if self._waiting is not None and now.mono >= self._waiting.at else []

    def snooze(self, now: Now) -> Alarm | None:
        """Let the alarm ring again later; None if none rings."""
        if self.ringing is None:
            return None
        alarm = self.ringing.alarm
        self.ringing, self._waiting = None, Snoozing(alarm, now.mono + SNOOZE_S, now.wall + SNOOZE_S)
        return alarm

    def dismiss(self, now: Now) -> Alarm | None:
        """Forget the alarm that rings or waits; None if there is none."""
        alarm = self.ringing.alarm if self.ringing is not None else self._waiting.alarm if self._waiting else None
        self.ringing = self._waiting = None
        self._ended_at = now.mono
        return alarm

    def volume_by_hand(self) -> None:
        """Somebody has set the volume: it stays there."""
        self._by_hand = True
        if self.ringing is not None:
            self.ringing.by_hand = True

    @property
    def current(self) -> int | None:
        """The id of the alarm that rings or waits."""
        one = self.ringing or self._waiting
        return None if one is None else one.alarm.id

    # --- What survives a power cut ---

    def kept(self, state: ScheduleMemory) -> ScheduleMemory:
        """The memory with the alarm that rings or waits."""
        if self.ringing is not None:
            return replace(state, alarm=self.ringing.alarm.id, alarm_at=self.ringing.wall, snoozing=False)
        if self._waiting is not None:
            return replace(state, alarm=self._waiting.alarm.id, alarm_at=self._waiting.wall, snoozing=True)
        return replace(state, alarm=None, alarm_at=0.0, snoozing=False)

    def resume(self, memory: Memory, now: Now) -> None:
        """After a power cut, go on with the alarm that rang or waited. A clock that is somewhat behind, because the
        board has no battery, does not matter."""
        state = memory.schedule
        alarm = next((one for one in memory.alarms if one.id == state.alarm), None)
        passed_s = now.wall - state.alarm_at
        if alarm is None:
            return
        if state.snoozing and -RING_S < passed_s < GRACE_S:
            self._waiting = Snoozing(alarm, now.mono + min(SNOOZE_S, max(0.0, -passed_s)), state.alarm_at)
        elif not state.snoozing and abs(passed_s) < RING_S:
            self.ringing = Ringing(alarm, now.mono - max(0.0, passed_s), state.alarm_at, self.floor)

    def before(self, state: ScheduleMemory, volume: int, now: Now, *, wanted: bool) -> tuple[ScheduleMemory, int]:
        """The memory and the volume: an alarm that somebody stopped leaves the volume as it was before, once nobody
        hears the change; while music plays on, the volume stays."""
        by_hand, self._by_hand = self._by_hand, False
        if state.volume_before is None or by_hand:
            return replace(state, volume_before=None), volume
        if self.ringing is not None or self._waiting is not None:
            return state, volume
        if wanted:
            return replace(state, volume_before=None), volume
        if now.mono - self._ended_at < FADED_S:
            return state, volume
        return replace(state, volume_before=None), state.volume_before
