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
from device.core import alarm_clock, schedule_plan
from device.core.alarm_clock import local
from device.core.childrens_time import ChildrensTime
from device.core.sleep_timer import SleepTimer
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
    SchedulePlan,
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
        self._file, self._max_volume, self._zone = config, max_volume, zone
        self._plan = SchedulePlan()
        self._use(config)
        self.wake_up = WakeUp(config, max_volume)
        self._sleep = SleepTimer()
        self._childrens_time = ChildrensTime()
        self._advanced_at: float | None = None
        self._glided_at = float("-inf")
        self._shared = False  # other rooms hear the same music
        self._time_up = False  # the children have heard about it

    def _use(self, config: ScheduleConfig) -> None:
        """Let these settings count from now on."""
        self._config = config
        self._quiet = parse_window(config.quiet) if config.quiet else None
        self._rules = tuple(map(parse_rule, config.policies))
        self.children = config.children
        """The name of the children's profile; empty for none."""

    def follow(self, plan: SchedulePlan) -> None:
        """Let the settings that commands changed count on top of config.yaml's."""
        if plan != self._plan:
            self._plan = plan
            self._use(schedule_plan.in_effect(self._file, plan))

    # --- Time passes ---

    def advance(
        self, memory: Memory, now: Now, *, playing: bool, wanted: bool, faces: int, shared: bool = False,
        follows: bool = False,
    ) -> Step:  # fmt: skip
        """Move on to `now`. `playing`: music is audible; `wanted`: people want it; `faces`: how many are seen;
        `shared`: other rooms hear the same music; `follows`: another device chooses it."""
        self.follow(memory.plan)
        passed_s = min(LONGEST_STEP_S, max(0.0, now.mono - (self._advanced_at or now.mono)))
        step, self._shared = Step(memory), shared
        if self._advanced_at is None:
            self.wake_up.resume(memory, now)
            if self.wake_up.ringing is not None and not wanted:
                step.wake = self.wake_up.ringing.alarm
        self._keep_policy(step, now)
        self._keep_quiet(step, now)
        self._wake(step, now, playing=playing, wanted=wanted, faces=faces, follows=follows)
        self._fall_asleep(step, now, wanted=wanted and not follows)
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

    def _wake(self, step: Step, now: Now, *, playing: bool, wanted: bool, faces: int, follows: bool) -> None:
        """Ring, rise and end. Of several alarms at once, the last one rings: nobody wants two."""
        wake_up = self.wake_up
        alarms, ringing, missed = alarm_clock.check(step.memory.alarms, now.wall, self._zone)
        step.memory = replace(step.memory, alarms=alarms)
        step.actions += [_notice(EventType.ALARM_MISSED, alarm) for alarm in missed]
        ringing += wake_up.snoozed(now)
        if ringing:
            self._begin(step, ringing[-1], now, playing=playing)
        elif step.wake is None and (ended := wake_up.end(now, wanted=wanted, passed_on=follows)) is not None:
            step.actions.append(_notice(EventType.ALARM_STOPPED, ended))
        else:
            step.memory = replace(step.memory, volume=wake_up.rise(step.memory.volume, now, faces=faces))
        state, volume = wake_up.before(wake_up.kept(step.memory.schedule), step.memory.volume, now, wanted=wanted)
        step.memory = replace(step.memory, schedule=state, volume=volume)

    def _begin(self, step: Step, alarm: Alarm, now: Now, *, playing: bool) -> None:
        if (before := self.wake_up.ringing) is not None:
            step.actions.append(_notice(EventType.ALARM_STOPPED, before.alarm))
        memory, state = step.memory, step.memory.schedule
        volume_before = memory.volume if state.volume_before is None else state.volume_before
        volume = self.wake_up.begin(alarm, memory.volume if playing else None, now)
        state = replace(state, sleep_until=None, volume_before=volume_before)
        step.memory, step.wake = replace(memory, volume=volume, muted=False, schedule=state), alarm
        step.actions.append(_notice(EventType.ALARM_STARTED, alarm))

    def _fall_asleep(self, step: Step, now: Now, *, wanted: bool) -> None:
        """Stop the music, so that it has faded when the sleep timer ends. A restart takes the timer from the memory."""
        until, fade_s = step.memory.schedule.sleep_until, self._config.sleep_fade_s
        if until is None:
            return
        left_s = self._sleep.left_s(until, now)
        ends = left_s <= fade_s
        if (moment := None if ends else self._sleep.moment(now)) != until:
            step.memory = replace(step.memory, schedule=replace(step.memory.schedule, sleep_until=moment))
        if ends and wanted:
            step.stop_s = max(0.0, min(left_s, fade_s))
            step.actions.append(Announce(EventType.ASLEEP, {}))

    def _count_children(self, step: Step, now: Now, played_s: float, *, wanted: bool) -> None:
        """Count the minutes of music while the children's profile is in use. At the limit, stop the music; if other
        rooms hear it too, only this one becomes silent (see `ceiling`)."""
        if not self._children(step.memory):
            return
        today = local(now.wall, self._zone).date().isoformat()
        state = self._childrens_time.count(step.memory.schedule, today, played_s, now)
        step.memory = replace(step.memory, schedule=state)
        before, self._time_up = self._time_up, wanted and self.children_left(step.memory) == 0
        if self._time_up and not self._shared:
            step.stop_s = self._config.sleep_fade_s / 10
        if self._time_up and not before:
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
        return replace(memory, schedule=replace(memory.schedule, sleep_until=self._sleep.begin(minutes, now)))

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
            ceilings.append(0 if self._silent(memory) else self._config.children_volume)
        return min(ceilings)

    def limit_reason(self, memory: Memory, now: Now) -> str:
        """Why no higher volume can be set, as a sentence."""
        ceiling = self.ceiling(memory, now)
        if ceiling == self._max_volume:
            return f"The volume limit is {ceiling}%; to raise it, change player.max_volume in the settings."
        if self.wake_up.ringing is not None:
            return f"The volume limit of an alarm is {ceiling}%."
        if self._silent(memory):
            return f"The time of the profile {self.children} is up for today; it starts again at midnight."
        if self._children(memory) and self._config.children_volume == ceiling:
            return f"The volume limit of the profile {self._config.children} is {ceiling}%."
        return f"The volume limit in quiet hours is {ceiling}%."

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
            plan=schedule_plan.values(self._config),
            overridden=schedule_plan.overridden(memory.plan),
        )

    def _quiet_ceiling(self, quiet: bool) -> int:
        return min(self._config.quiet_volume, self._max_volume) if quiet else self._max_volume

    def _scheduled_quiet(self, now: Now) -> bool:
        here = local(now.wall, self._zone)
        return self._quiet is not None and self._quiet.covers(here.weekday(), here.hour * 60 + here.minute)

    def _silent(self, memory: Memory) -> bool:
        """Whether the children's time is up in a room that hears the music of others."""
        return self._shared and self.children_left(memory) == 0

    def _children(self, memory: Memory) -> bool:
        return bool(self.children) and self.children in memory.profiles


def _notice(kind: EventType, alarm: Alarm) -> Announce:
    return Announce(kind, {"alarm": alarm.id})
