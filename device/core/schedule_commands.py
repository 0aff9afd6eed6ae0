"""How commands about sleep, alarms and quiet hours take effect. Pure; main thread, called by the session."""

from __future__ import annotations

from dataclasses import dataclass, replace

from device.core import schedule_plan
from device.core.schedule import Schedule
from device.core.sleep_timer import LONGEST_MIN
from device.domain import (
    Alarm,
    Memory,
    Now,
    RemoveAlarm,
    ScheduleCommand,
    SetAlarm,
    SetQuiet,
    SetSchedule,
    SetSleep,
    SnoozeAlarm,
    StopAlarm,
    SwitchAlarm,
)
from device.domain.schedule import DAY_MIN, EVERY_DAY, MOST_ALARMS

LONGEST_RISE_S = 3600.0
LONGEST_NAME = 1000  # characters of a folder or a playlist


@dataclass(frozen=True, slots=True)
class Outcome:
    """The new memory; a sentence if the command was refused; whether the music stops."""

    memory: Memory
    refusal: str = ""
    stop: bool = False


def obey(command: ScheduleCommand, schedule: Schedule, memory: Memory, now: Now) -> Outcome:
    """Carry out the command."""
    match command:
        case SetSleep(minutes):
            if not 0 <= minutes <= LONGEST_MIN:
                return Outcome(memory, f"The sleep timer takes 0 (off) to {LONGEST_MIN} minutes.")
            return Outcome(schedule.sleep(memory, minutes, now))
        case SetAlarm(alarm):
            return _set_alarm(alarm, memory)
        case SwitchAlarm(number) | RemoveAlarm(number) if all(alarm.id != number for alarm in memory.alarms):
            return Outcome(memory, f"There is no alarm {number}.")
        case SwitchAlarm(number, on):
            alarms = (replace(one, on=on, since=0.0) if one.id == number else one for one in memory.alarms)
            stop = not on and _dismiss(number, schedule, now)
            return Outcome(replace(memory, alarms=tuple(alarms)), stop=stop)
        case RemoveAlarm(number):
            alarms = (one for one in memory.alarms if one.id != number)
            return Outcome(replace(memory, alarms=tuple(alarms)), stop=_dismiss(number, schedule, now))
        case StopAlarm():
            stopped = schedule.wake_up.dismiss(now)
            return Outcome(memory, "" if stopped else "No alarm is ringing.", stop=stopped is not None)
        case SnoozeAlarm():
            snoozed = schedule.wake_up.snooze(now)
            return Outcome(memory, "" if snoozed else "No alarm is ringing.", stop=snoozed is not None)
        case SetQuiet(on):
            return Outcome(replace(memory, schedule=replace(memory.schedule, quiet=on)))
        case SetSchedule(settings):
            try:
                return Outcome(replace(memory, plan=schedule_plan.changed(memory.plan, settings)))
            except ValueError as problem:
                return Outcome(memory, str(problem))


def _dismiss(number: int, schedule: Schedule, now: Now) -> bool:
    """Stop this alarm if it rings, or waits to ring again."""
    return schedule.wake_up.current == number and schedule.wake_up.dismiss(now) is not None


def _set_alarm(alarm: Alarm, memory: Memory) -> Outcome:
    """Add an alarm (id 0), or replace the one with the same id."""
    if problem := _problem(alarm):
        return Outcome(memory, problem)
    others = tuple(one for one in memory.alarms if one.id != alarm.id)
    if alarm.id and len(others) == len(memory.alarms):
        return Outcome(memory, f"There is no alarm {alarm.id}; leave the id out to add one.")
    if len(others) >= MOST_ALARMS:
        return Outcome(memory, f"There are {MOST_ALARMS} alarms already; remove one first.")
    number = alarm.id or max((one.id for one in others), default=0) + 1
    added = replace(alarm, id=number, days=tuple(sorted(set(alarm.days))), since=0.0)
    return Outcome(replace(memory, alarms=tuple(sorted((*others, added), key=lambda one: one.id))))


def _problem(alarm: Alarm) -> str:
    """What is wrong with an alarm, as a sentence."""
    if not 0 <= alarm.minute < DAY_MIN:
        return "An alarm needs a time from 0:00 to 23:59."
    if not set(alarm.days) <= set(EVERY_DAY):
        return "The days of an alarm are 0 (Monday) to 6 (Sunday)."
    if not 0 <= alarm.volume <= 100:
        return "The volume of an alarm is 0 to 100 percent."
    if not 0 <= alarm.rise_s <= LONGEST_RISE_S:
        return f"The volume of an alarm rises over 0 to {LONGEST_RISE_S:.0f} seconds."
    if max(len(alarm.folder), len(alarm.playlist)) > LONGEST_NAME:
        return f"The name of a folder or playlist has at most {LONGEST_NAME} characters."
    if sum(map(bool, (alarm.mood, alarm.folder, alarm.playlist))) > 1:
        return "An alarm plays a mood, a folder or a playlist, not several of them."
    return ""
