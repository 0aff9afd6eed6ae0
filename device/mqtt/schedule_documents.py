"""The documents about the sleep timer, alarms, quiet hours and the children's time. Pure, any thread."""

from __future__ import annotations

import msgspec

from device.domain import Alarm, ScheduleView
from device.domain.schedule import show_days, show_time
from device.mqtt.documents import timestamp


class SleepState(msgspec.Struct, frozen=True, kw_only=True):
    """When the music stops (ISO 8601); null without a sleep timer."""

    until: str | None


class AlarmItem(msgspec.Struct, frozen=True, kw_only=True):
    """One alarm: see `Alarm`. `days` such as "mon,tue", "daily" or "once"."""

    id: int
    time: str
    days: str
    on: bool
    mood: str | None
    folder: str
    playlist: str
    volume: int
    rise_s: float


class AlarmState(msgspec.Struct, frozen=True, kw_only=True):
    """All alarms, when the next one rings (ISO 8601), and the id of the one that rings now."""

    next: str | None
    ringing: int | None
    alarms: list[AlarmItem]


class ChildrenState(msgspec.Struct, frozen=True, kw_only=True):
    """The minutes that the children may still listen today; null if no limit counts now."""

    left_min: int | None


class ScheduleState(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of the schedule that count. `overridden`: the names of those that `schedule/set` changed; the others
    come from config.yaml."""

    quiet: str | None
    quiet_volume: int | None
    quiet_calm: bool | None
    policies: list[str] | None
    children: str | None
    children_volume: int | None
    children_minutes: int | None
    overridden: list[str]


def sleep_state(view: ScheduleView) -> SleepState:
    """The sleep timer."""
    return SleepState(until=None if view.sleep_until is None else timestamp(view.sleep_until))


def alarm_state(view: ScheduleView) -> AlarmState:
    """The alarms."""
    return AlarmState(
        next=None if view.next_alarm is None else timestamp(view.next_alarm),
        ringing=view.ringing,
        alarms=[alarm_item(alarm) for alarm in view.alarms],
    )


def alarm_item(alarm: Alarm) -> AlarmItem:
    """One alarm."""
    return AlarmItem(
        id=alarm.id, time=show_time(alarm.minute), days=show_days(alarm.days), on=alarm.on, mood=alarm.mood,
        folder=alarm.folder, playlist=alarm.playlist, volume=alarm.volume, rise_s=alarm.rise_s,
    )  # fmt: skip


def children_state(view: ScheduleView) -> ChildrenState:
    """The children's time."""
    return ChildrenState(left_min=view.children_left_min)


def schedule_state(view: ScheduleView) -> ScheduleState:
    """The settings that count, and where they come from."""
    plan = view.plan
    return ScheduleState(
        quiet=plan.quiet, quiet_volume=plan.quiet_volume, quiet_calm=plan.quiet_calm,
        policies=None if plan.policies is None else list(plan.policies), children=plan.children,
        children_volume=plan.children_volume, children_minutes=plan.children_minutes, overridden=list(view.overridden),
    )  # fmt: skip
