"""When alarms ring, by the wall clock with its jumps. Pure.

An alarm is due at a local time of day; `zone` turns that into a moment, so an alarm rings once on the days when the
clocks change: at a time that does not exist it rings an hour later by the clock, at a time that exists twice the first
time. A clock that jumps ahead (a board without a battery gets the time from the network) makes an alarm ring late, up
to `GRACE_S`; so does a power cut. Later than that it would only startle people.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo

from device.domain import Alarm

GRACE_S = 1800.0
WEEK = 8  # days that hold every weekday after any moment
NEVER = float("-inf")


def local(wall: float, zone: tzinfo) -> datetime:
    """The local date and time; the epoch if the clock is out of range."""
    try:
        return datetime.fromtimestamp(wall, zone)
    except (OverflowError, OSError, ValueError):
        return datetime.fromtimestamp(0, zone)


def last_due(alarm: Alarm, wall: float, zone: tzinfo) -> float:
    """The latest moment up to `wall` for which the alarm is set; -inf if there is none within a day."""
    today = local(wall, zone)
    found = (moment for ahead in (0, -1) if (moment := _moment(alarm, today, ahead, zone)) is not None)
    return next((moment for moment in found if moment <= wall), NEVER)


def next_due(alarm: Alarm, wall: float, zone: tzinfo) -> float | None:
    """The first moment after `wall` for which the alarm is set; None if it is off."""
    if not alarm.on:
        return None
    today = local(wall, zone)
    found = (moment for ahead in range(WEEK) if (moment := _moment(alarm, today, ahead, zone)) is not None)
    return next((moment for moment in found if moment > max(wall, alarm.since)), None)


def check(alarms: Iterable[Alarm], wall: float, zone: tzinfo) -> tuple[tuple[Alarm, ...], list[Alarm], list[Alarm]]:
    """The alarms after this moment, those that ring now, and those that were missed.

    A new alarm (`since` 0) and one whose `since` is in the future (the clock was set back) count from now on. None
    rings twice for the same moment: a board without a battery starts in the past, and its clock jumps ahead later.
    """
    kept, ringing, missed = list[Alarm](), list[Alarm](), list[Alarm]()
    for alarm in alarms:
        if not 0 < alarm.since <= wall:
            kept.append(replace(alarm, since=wall))
            continue
        due = last_due(alarm, wall, zone)
        if not alarm.on or due <= alarm.since or due == alarm.rang:
            kept.append(alarm)
            continue
        (ringing if wall - due <= GRACE_S else missed).append(alarm)
        kept.append(replace(alarm, since=wall, rang=due, on=bool(alarm.days)))
    return tuple(kept), ringing, missed


def _moment(alarm: Alarm, today: datetime, ahead: int, zone: tzinfo) -> float | None:
    try:
        date = (today + timedelta(days=ahead)).date()
        if alarm.days and date.weekday() not in alarm.days:
            return None
        return datetime(date.year, date.month, date.day, alarm.minute // 60, alarm.minute % 60, tzinfo=zone).timestamp()
    except (OverflowError, OSError, ValueError):
        return None
