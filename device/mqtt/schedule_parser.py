"""Parses what people send about the sleep timer, alarms and quiet hours. Pure, any thread.

Each function returns a command, or raises `msgspec.MsgspecError` if the text is not what `EXPECTED` says, or ValueError
with a sentence that says what is wrong with it.
"""

from __future__ import annotations

import re
from typing import Annotated

import msgspec

from device.domain import (
    Alarm,
    Command,
    MoodName,
    RemoveAlarm,
    SetAlarm,
    SetQuiet,
    SetSchedule,
    SetSleep,
    SnoozeAlarm,
    StopAlarm,
    SwitchAlarm,
)
from device.domain.schedule import parse_alarm, parse_days, parse_time

EXPECTED = {
    "sleep": "minutes from 0 to 720, or off",
    "alarm": 'stop, snooze, words such as mon-fri 7:00 calm, or JSON such as {"time": "7:00", "days": "mon-fri",'
    ' "mood": "calm"}, {"id": 1, "on": false} or {"remove": 1}',
    "quiet": "ON, OFF or auto",
    "schedule": 'JSON such as {"quiet": "22:00-07:00", "children_minutes": 60}, with settings of config.yaml; null'
    " takes the value of config.yaml again",
}
"""What each command takes, as a phrase that continues "sleep/set takes"."""

Number = Annotated[int, msgspec.Meta(ge=1, lt=2**31)]
Text = Annotated[str, msgspec.Meta(max_length=1000)]
Name = Annotated[str, msgspec.Meta(max_length=1000)]


class AlarmOrder(msgspec.Struct, forbid_unknown_fields=True):
    """`alarm/set`: an alarm, or what happens to the alarm `id`. `remove` is an id, too."""

    id: Number | None = None
    time: str | None = None
    days: str = "once"
    on: bool = True
    mood: MoodName | None = None
    folder: Name = ""
    playlist: Name = ""
    volume: Annotated[int, msgspec.Meta(ge=0, le=100)] = 40
    rise_s: Annotated[float, msgspec.Meta(ge=0, le=3600)] = 300.0
    remove: Number | None = None


class ScheduleOrder(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """`schedule/set`: the settings of the section `schedule` that change. null takes config.yaml's value again."""

    quiet: Text | msgspec.UnsetType | None = msgspec.UNSET
    quiet_volume: int | msgspec.UnsetType | None = msgspec.UNSET
    quiet_calm: bool | msgspec.UnsetType | None = msgspec.UNSET
    policies: list[Text] | msgspec.UnsetType | None = msgspec.UNSET
    children: Text | msgspec.UnsetType | None = msgspec.UNSET
    children_volume: int | msgspec.UnsetType | None = msgspec.UNSET
    children_minutes: int | msgspec.UnsetType | None = msgspec.UNSET


def sleep(text: str) -> Command:
    """Minutes."""
    if text.casefold() == "off":
        return SetSleep(0.0)
    if not re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,3})?", text):
        raise msgspec.ValidationError
    return SetSleep(float(text))


def alarm(text: str) -> Command:
    """A new alarm or another one, or what happens to an alarm."""
    if text.casefold() in ("stop", "snooze"):
        return StopAlarm() if text.casefold() == "stop" else SnoozeAlarm()
    if not text.startswith("{"):
        return SetAlarm(parse_alarm(text, 0))
    asked = msgspec.json.decode(text, type=AlarmOrder)
    if asked.remove is not None:
        return RemoveAlarm(asked.remove)
    if asked.time is None:
        if asked.id is None:
            raise msgspec.ValidationError
        return SwitchAlarm(asked.id, asked.on)
    return SetAlarm(
        Alarm(asked.id or 0, parse_time(asked.time), parse_days(asked.days), asked.on, asked.mood, asked.folder,
              asked.playlist, asked.volume, asked.rise_s)
    )  # fmt: skip


def quiet(text: str) -> Command:
    """Quiet hours by hand, or by their times again."""
    words = {"on": True, "off": False, "auto": None}
    if text.casefold() not in words:
        raise msgspec.ValidationError
    return SetQuiet(words[text.casefold()])


def schedule(text: str) -> Command:
    """Settings of the schedule. The core checks their values as those of config.yaml."""
    return SetSchedule(msgspec.to_builtins(msgspec.json.decode(text, type=ScheduleOrder)))
