"""Music by the clock: sleep timer, alarms, quiet hours, policies by time, the children's time. Pure; main thread.

The session calls `advance` with every event. It returns the new memory and what to do. Everything that can be a setting
is a setting: quiet hours lower the volume that people see, and a policy rule sets the policy that people see, so
anybody can change both again. Durations run on the monotonic clock; only times of day depend on the wall clock.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import tzinfo

from device.config.schema import ScheduleConfig
from device.core import alarm_clock
from device.core.alarm_clock import local
from device.core.wake_up import WakeUp
from device.domain import (
    Action,
    Alarm,
    Announce,
    EventType,
    Memory,
    Now,
    PolicyName,
    PolicyRule,
    ScheduleView,
)
from device.domain.schedule import parse_rule, parse_window

GLIDE_S = 1.0  # a volume above the ceiling falls by one percent in this time
LONGEST_STEP_S = 5.0  # events come every second; a longer gap was no music


@dataclass(slots=True)
class Step:
    """What `advance` found: the new memory, notices, whether the music must stop (fading over `stop_s`), and the alarm
    whose music must start."""

    memory: Memory
    actions: list[Action] = field(default_factory=list)
    stop_s: float | None = None
    wake: Alarm | None = None


class Schedule:
    """`max_volume` is the player's; `zone` is where the device is."""

    def __init__(self, config: ScheduleConfig, max_volume: int, zone: tzinfo) -> None:
        self._config, self._max_volume, self._zone = config, max_volume, zone
        self._quiet = parse_window(config.quiet) if config.quiet else None
        self._rules = tuple(map(parse_rule, config.policies))
        self.wake_up = WakeUp(config, max_volume)
        self._sleep_at: float | None = None  # monotonic
        self._advanced_at: float | None = None
        self._glided_at = float("-inf")
        self.children = config.children
        """The name of the children's profile; empty for none."""
        self._played_s = 0.0  # of the present minute of the children's time

    # --- Time passes ---

    def advance(self, memory: Memory, now: Now, *, playing: bool, wanted: bool, faces: int) -> Step:
        """Move on to `now`. `playing`: music is audible; `wanted`: people want it; `faces`: how many are seen."""
        passed_s = min(LONGEST_STEP_S, max(0.0, now.mono - (self._advanced_at or now.mono)))
        step = Step(memory)
        self._keep_policy(step, now)
        self._keep_quiet(step, now)
        self._wake(step, now, playing=playing, wanted=wanted, faces=faces)
        self._fall_asleep(step, now, wanted=wanted)
        self._count_children(step, now, passed_s if playing else 0.0, wanted=wanted)
        self._limit(step, now)
        self._advanced_at = now.mono
        return step

    def _keep_policy(self, step: Step, now: Now) -> None:
        """At the begin of a rule, set its policy; at its end, the policy before, unless somebody has set another."""
        memory, state = step.memory, step.memory.schedule
        rule = next((rule for rule in self._all_rules(memory, now)), None)
        name = "" if rule is None else f"{rule.window.begin} {rule.policy}"
        if name == state.rule:
            return
        policy, before = memory.policy, state.policy_before
        if state.rule and before is not None and state.rule.endswith(f" {policy}"):
            policy = before
        if rule is not None:
            policy, before = rule.policy, policy
        state = replace(state, rule=name, policy_before=before if rule is not None else None)
        step.memory = replace(memory, policy=policy, schedule=state)

    def _all_rules(self, memory: Memory, now: Now) -> Iterator[PolicyRule]:
        """The rules that count now, the most telling first; quiet hours are calm unless a rule says otherwise."""
        here = local(now.wall, self._zone)
        day, minute = here.weekday(), here.hour * 60 + here.minute
        yield from (rule for rule in self._rules if rule.window.covers(day, minute))
        if self._config.quiet_calm and self._quiet is not None and self.quiet(memory, now):
            yield PolicyRule(self._quiet, PolicyName.CALM)

    def _keep_quiet(self, step: Step, now: Now) -> None:
        """Announce quiet hours; what people switched by hand ends when they would begin or end anyway."""
        before, state = self.quiet(step.memory, now), step.memory.schedule
        scheduled = self._scheduled_quiet(now)
        if state.quiet is not None and state.quiet == scheduled:
            state = replace(state, quiet=None)
        if before != state.was_quiet:
            state = replace(state, was_quiet=before)
            kind = EventType.QUIET_BEGAN if before else EventType.QUIET_ENDED
            step.actions.append(Announce(kind, {"max_volume": self._quiet_ceiling(before)}))
        step.memory = replace(step.memory, schedule=state)

    def _wake(self, step: Step, now: Now, *, playing: bool, wanted: bool, faces: int) -> None:
        alarms, ringing, missed = alarm_clock.check(step.memory.alarms, now.wall, self._zone)
        step.memory = replace(step.memory, alarms=alarms)
        step.actions += [_notice(EventType.ALARM_MISSED, alarm) for alarm in missed]
        ringing += self.wake_up.snoozed(now)
        if ringing:
            self._sleep_at = None
            self._set_sleep(step, None)
            volume = self.wake_up.begin(ringing[-1], step.memory.volume if playing else None, now)
            step.memory, step.wake = replace(step.memory, volume=volume, muted=False), ringing[-1]
            step.actions.append(_notice(EventType.ALARM_STARTED, ringing[-1]))
        elif (ended := self.wake_up.end(now, wanted=wanted)) is not None:
            step.actions.append(_notice(EventType.ALARM_STOPPED, ended))
        else:
            step.memory = replace(step.memory, volume=self.wake_up.rise(step.memory.volume, now, faces=faces))

    def _fall_asleep(self, step: Step, now: Now, *, wanted: bool) -> None:
        """Stop the music, so that it has faded when the sleep timer ends. A restart takes the timer from the memory."""
        until = step.memory.schedule.sleep_until
        if until is None:
            self._sleep_at = None
            return
        if self._sleep_at is None:
            self._sleep_at = now.mono + until - now.wall
        moved = now.wall + self._sleep_at - now.mono
        left_s = self._sleep_at - now.mono
        if left_s > self._config.sleep_fade_s:
            if abs(moved - until) > 2.0:  # somebody set the clock: the timer is a duration
                self._set_sleep(step, moved)
            return
        self._sleep_at = None
        self._set_sleep(step, None)
        if wanted:
            step.stop_s = max(0.0, min(left_s, self._config.sleep_fade_s))
            step.actions.append(Announce(EventType.ASLEEP, {}))

    def _set_sleep(self, step: Step, until: float | None) -> None:
        step.memory = replace(step.memory, schedule=replace(step.memory.schedule, sleep_until=until))

    def _count_children(self, step: Step, now: Now, played_s: float, *, wanted: bool) -> None:
        """Count the minutes of music while the children's profile is in use; stop at the limit."""
        if not self._children(step.memory):
            return
        state, today = step.memory.schedule, local(now.wall, self._zone).date().isoformat()
        if state.played_day != today:
            state, self._played_s = replace(state, played_day=today, played_min=0), 0.0
        self._played_s += played_s
        if self._played_s >= 60.0:
            state, self._played_s = replace(state, played_min=state.played_min + 1), self._played_s - 60.0
        step.memory = replace(step.memory, schedule=state)
        if wanted and self.children_left(step.memory) == 0:
            step.stop_s = self._config.sleep_fade_s / 10
            step.actions.append(Announce(EventType.TIME_UP, {"profile": self._config.children}))

    def _limit(self, step: Step, now: Now) -> None:
        """Let a volume above the ceiling fall, one percent at a time, so that nobody notices when."""
        volume, ceiling = step.memory.volume, self.ceiling(step.memory, now)
        if volume > self._max_volume:
            step.memory = replace(step.memory, volume=self._max_volume)
        elif volume > ceiling and now.mono - self._glided_at >= GLIDE_S:
            self._glided_at = now.mono
            step.memory = replace(step.memory, volume=volume - 1)

    # --- What people ask for ---

    def sleep(self, memory: Memory, minutes: float, now: Now) -> Memory:
        """Stop the music in this many minutes; 0 switches the timer off."""
        self._sleep_at = now.mono + 60.0 * minutes if minutes > 0 else None
        until = now.wall + 60.0 * minutes if minutes > 0 else None
        return replace(memory, schedule=replace(memory.schedule, sleep_until=until))

    # --- The state ---

    def in_effect(self, memory: Memory) -> Memory:
        """The memory with the mood and the policy that count now: an alarm has its own mood, until a face is seen."""
        ringing = self.wake_up.ringing
        if ringing is None:
            return memory
        if ringing.lifted:
            return replace(memory, mood=None, policy=PolicyName.LIFT)
        return memory if ringing.alarm.mood is None else replace(memory, mood=ringing.alarm.mood)

    def ceiling(self, memory: Memory, now: Now) -> int:
        """The highest volume that counts now, in percent. An alarm in quiet hours must be heard."""
        if self.wake_up.ringing is not None:
            return self.wake_up.ceiling
        ceilings = [self._quiet_ceiling(self.quiet(memory, now))]
        if self._children(memory):
            ceilings.append(self._config.children_volume)
        return min(ceilings)

    def limit_reason(self, memory: Memory, now: Now) -> str:
        """Why no higher volume can be set, as a sentence."""
        ceiling = self.ceiling(memory, now)
        if ceiling == self._max_volume:
            return f"The volume limit is {ceiling} %; to raise it, change player.max_volume in the settings."
        if self.wake_up.ringing is not None:
            return f"The volume limit of an alarm is {ceiling} %."
        if self._children(memory) and self._config.children_volume == ceiling:
            return f"The volume limit of the profile {self._config.children} is {ceiling} %."
        return f"The volume limit in quiet hours is {ceiling} %."

    def quiet(self, memory: Memory, now: Now) -> bool:
        """Whether these are quiet hours."""
        by_hand = memory.schedule.quiet
        return self._scheduled_quiet(now) if by_hand is None else by_hand

    def children_left(self, memory: Memory) -> int | None:
        """The minutes that the children may still listen today; None: no limit counts now."""
        limit = self._config.children_minutes
        return max(0, limit - memory.schedule.played_min) if limit > 0 and self._children(memory) else None

    def view(self, memory: Memory, now: Now) -> ScheduleView:
        """The schedule for the snapshot."""
        moments = (alarm_clock.next_due(alarm, now.wall, self._zone) for alarm in memory.alarms)
        return ScheduleView(
            sleep_until=memory.schedule.sleep_until,
            alarms=memory.alarms,
            next_alarm=min((moment for moment in moments if moment is not None), default=None),
            ringing=None if self.wake_up.ringing is None else self.wake_up.ringing.alarm.id,
            quiet=self.quiet(memory, now),
            ceiling=self.ceiling(memory, now),
            children_left_min=self.children_left(memory),
        )

    def _quiet_ceiling(self, quiet: bool) -> int:
        return min(self._config.quiet_volume, self._max_volume) if quiet else self._max_volume

    def _scheduled_quiet(self, now: Now) -> bool:
        here = local(now.wall, self._zone)
        return self._quiet is not None and self._quiet.covers(here.weekday(), here.hour * 60 + here.minute)

    def _children(self, memory: Memory) -> bool:
        return bool(self.children) and self.children in memory.profiles


def _notice(kind: EventType, alarm: Alarm) -> Announce:
    return Announce(kind, {"alarm": alarm.id})
