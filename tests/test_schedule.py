"""Music by the clock: every rule as a table, with clocks that jump and days of 23 and 25 hours. No test sleeps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, tzinfo
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from device.config.schema import ScheduleConfig
from device.core import alarm_clock, schedule_commands
from device.core.schedule import Schedule, Step
from device.core.wake_up import RING_S, SNOOZE_S
from device.domain import (
    Alarm,
    Announce,
    EventType,
    Memory,
    MoodName,
    Now,
    PolicyName,
    RemoveAlarm,
    SetAlarm,
    SetQuiet,
    SetSleep,
    SnoozeAlarm,
    StopAlarm,
    SwitchAlarm,
    Window,
)
from device.domain import schedule as texts
from device.domain.schedule import EVERY_DAY
from device.timezone import system_zone

BERLIN = ZoneInfo("Europe/Berlin")
MONDAY = datetime(2026, 6, 1, tzinfo=BERLIN)


def at(text: str) -> float:
    """The wall clock in Berlin."""
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN).timestamp()


class Clock:
    """A schedule whose time passes in steps of a second or more."""

    def __init__(self, begin: str, memory: Memory | None = None, max_volume: int = 70, **config: object) -> None:
        self.mono, self.wall = 1000.0, at(begin)
        self.config, self.max_volume = replace(ScheduleConfig(), **config), max_volume
        self.memory = memory or Memory()
        self.schedule = Schedule(self.config, max_volume, BERLIN)
        self.playing = self.wanted = True
        self.faces = 0
        self.shared = False
        self.steps: list[Step] = []
        self.step()

    @property
    def now(self) -> Now:
        return Now(self.mono, self.wall)

    def step(self, seconds: float = 0.0) -> Step:
        self.mono += seconds
        self.wall += seconds
        step = self.schedule.advance(
            self.memory, self.now, playing=self.playing, wanted=self.wanted, faces=self.faces, shared=self.shared
        )
        self.memory = step.memory
        if step.wake is not None:  # the session starts the music
            self.wanted = self.playing = True
        self.steps.append(step)
        return step

    def run(self, seconds: float, every: float = 1.0) -> None:
        for _ in range(round(seconds / every)):
            self.step(every)

    def do(self, command: schedule_commands.ScheduleCommand) -> str:
        outcome = schedule_commands.obey(command, self.schedule, self.memory, self.now)
        self.memory = outcome.memory
        return outcome.refusal

    def restart(self, off_s: float = 5.0) -> None:
        """A power cut: only the memory stays, and the monotonic clock begins anew."""
        self.mono, self.wall = 10.0, self.wall + off_s
        self.schedule = Schedule(self.config, self.max_volume, BERLIN)
        self.step()

    def events(self, kind: EventType) -> int:
        notices = (action for step in self.steps for action in step.actions if isinstance(action, Announce))
        return sum(notice.event_type is kind for notice in notices)

    @property
    def stops(self) -> list[float]:
        return [step.stop_s for step in self.steps if step.stop_s is not None]

    @property
    def wakes(self) -> int:
        return sum(step.wake is not None for step in self.steps)


def with_alarm(begin: str, alarm: Alarm, **config: object) -> Clock:
    clock = Clock(begin, **config)
    assert clock.do(SetAlarm(alarm)) == ""
    clock.step()
    return clock


# --- Words ---


@pytest.mark.parametrize(
    ("text", "window"),
    [
        ("22:00-07:00", Window(22 * 60, 7 * 60)),
        ("mon-fri 6:00-9:30", Window(360, 570, (0, 1, 2, 3, 4))),
        ("Sat,Sunday 0:00 - 23:59", Window(0, 23 * 60 + 59, (5, 6))),
        ("sat-mon 1:00-2:00", Window(60, 120, (0, 5, 6))),
        ("daily 1:00-2:00", Window(60, 120)),
    ],
)
def test_windows(text: str, window: Window) -> None:
    assert texts.parse_window(text) == window


@pytest.mark.parametrize(
    "text", ["", "22:00", "25:00-1:00", "1:60-2:00", "mo 1:00-2:00", "mon- 1:00-2:00", "once 1:00-2:00", "x" * 999]
)
def test_no_windows(text: str) -> None:
    with pytest.raises(ValueError, match=r"^.{1,120}$"):
        texts.parse_window(text)


@pytest.mark.parametrize(
    ("window", "inside", "outside"),
    [
        ("22:00-07:00", [(0, 1320), (1, 0), (1, 419)], [(0, 1319), (0, 420)]),
        ("fri 22:00-07:00", [(4, 1320), (5, 419)], [(4, 419), (5, 1320), (0, 0)]),
        ("sun 22:00-07:00", [(6, 1320), (0, 60)], [(5, 1330)]),
        ("mon 6:00-9:00", [(0, 360), (0, 539)], [(0, 540), (1, 400)]),
        ("0:00-0:00", [(3, 0), (3, 1439)], []),
    ],
)
def test_what_windows_cover(window: str, inside: list[tuple[int, int]], outside: list[tuple[int, int]]) -> None:
    parsed = texts.parse_window(window)
    assert [one for one in inside if not parsed.covers(*one)] == []
    assert [one for one in outside if parsed.covers(*one)] == []


@pytest.mark.parametrize(
    ("text", "alarm"),
    [
        ("7:00", Alarm(1, 420, EVERY_DAY)),
        ("mon-fri 7:00 calm", Alarm(1, 420, (0, 1, 2, 3, 4), mood=MoodName.CALM)),
        ("once 23:59 playlist:My morning", Alarm(1, 1439, (), playlist="My morning")),
        ("daily 0:00 folder:/srv/music/Jazz", Alarm(1, 0, EVERY_DAY, folder="/srv/music/Jazz")),
    ],
)
def test_alarms_in_words(text: str, alarm: Alarm) -> None:
    assert texts.parse_alarm(text, 1) == alarm
    assert texts.parse_alarm(f"{texts.show_days(alarm.days)} {texts.show_time(alarm.minute)}", 1) == replace(
        alarm, mood=None, folder="", playlist=""
    )


@pytest.mark.parametrize("text", ["", "soon", "7:00 jazzy", "7.00", "never 7:00", "7:00 calm happy"])
def test_no_alarms(text: str) -> None:
    with pytest.raises(ValueError, match="write"):
        texts.parse_alarm(text, 1)


def test_rules_name_a_policy() -> None:
    rule = texts.parse_rule("mon-fri 6:00-9:00 energise")
    assert (rule.window.begin, rule.policy) == (360, PolicyName.ENERGISE)
    with pytest.raises(ValueError, match="policy"):
        texts.parse_rule("6:00-9:00 loud")


# --- Sleep ---


def test_sleep_fades_and_stops_at_the_end() -> None:
    clock = Clock("2026-06-01 22:00", sleep_fade_s=60.0)
    clock.do(SetSleep(30))
    clock.run(29 * 60 - 1)
    assert clock.stops == []
    clock.run(2)
    assert clock.stops == [pytest.approx(60.0, abs=1.5)]
    assert (clock.memory.schedule.sleep_until, clock.events(EventType.ASLEEP)) == (None, 1)
    clock.run(120)
    assert len(clock.stops) == 1


def test_a_short_sleep_fades_only_so_long() -> None:
    clock = Clock("2026-06-01 22:00", sleep_fade_s=60.0)
    clock.do(SetSleep(0.5))
    clock.step(1)
    assert clock.stops == [29.0]


def test_sleep_off_and_sleep_again() -> None:
    clock = Clock("2026-06-01 22:00")
    clock.do(SetSleep(5))
    clock.do(SetSleep(0))
    clock.run(600, 5)
    assert clock.stops == []
    clock.do(SetSleep(5))
    clock.do(SetSleep(60))
    clock.run(600, 5)
    assert clock.stops == []


@pytest.mark.parametrize("jump_s", [3600.0, -3600.0, 86400.0 * 365])
def test_a_sleep_timer_is_a_duration_whatever_the_clock_does(jump_s: float) -> None:
    clock = Clock("2026-06-01 22:00")
    clock.do(SetSleep(10))
    clock.run(60)
    clock.wall += jump_s
    clock.step()
    assert clock.memory.schedule.sleep_until == pytest.approx(clock.wall + 540)
    clock.run(470)
    assert clock.stops == []
    clock.run(20)
    assert len(clock.stops) == 1


def test_a_sleep_timer_survives_a_power_cut() -> None:
    clock = Clock("2026-06-01 22:00")
    clock.do(SetSleep(10))
    clock.run(60)
    clock.restart(off_s=120)
    clock.run(300)
    assert clock.stops == []
    clock.run(70)
    assert len(clock.stops) == 1
    clock.do(SetSleep(10))
    clock.restart(off_s=86400)
    assert len(clock.stops) == 2, "it ended while the power was off: the music must not begin again"


def test_sleep_without_music_says_nothing() -> None:
    clock = Clock("2026-06-01 22:00")
    clock.playing = clock.wanted = False
    clock.do(SetSleep(2))
    clock.run(180)
    assert (clock.stops, clock.memory.schedule.sleep_until) == ([], None)


@pytest.mark.parametrize("minutes", [-1, 721, float("nan"), float("inf")])
def test_sleep_has_limits(minutes: float) -> None:
    assert "0 (off) to 720" in Clock("2026-06-01 22:00").do(SetSleep(minutes))


# --- When alarms ring ---


@pytest.mark.parametrize(
    ("alarm", "wall", "expected"),
    [
        (Alarm(1, 420, EVERY_DAY), "2026-06-01 06:00", "2026-06-01 07:00"),
        (Alarm(1, 420, EVERY_DAY), "2026-06-01 07:00", "2026-06-02 07:00"),
        (Alarm(1, 420, (0, 1, 2, 3, 4)), "2026-06-05 08:00", "2026-06-08 07:00"),
        (Alarm(1, 420, (0,)), "2026-06-01 07:00:01", "2026-06-08 07:00"),
        (Alarm(1, 420), "2026-06-01 23:00", "2026-06-02 07:00"),
        (Alarm(1, 150, EVERY_DAY), "2026-03-28 12:00", "2026-03-29 03:30"),  # 2:30 does not exist
        (Alarm(1, 150, EVERY_DAY), "2026-03-29 12:00", "2026-03-30 02:30"),
        (Alarm(1, 420, EVERY_DAY), "2026-10-24 12:00", "2026-10-25 07:00"),
        (Alarm(1, 420, on=False), "2026-06-01 06:00", None),
    ],
)
def test_the_next_time(alarm: Alarm, wall: str, expected: str | None) -> None:
    found = alarm_clock.next_due(alarm, at(wall), BERLIN)
    assert found == (None if expected is None else at(expected))


def rings(alarm: Alarm, begin: str, hours: float, zone: tzinfo = BERLIN) -> list[str]:
    """When an alarm rings, checked every ten seconds."""
    wall, alarms, found = at(begin), (alarm,), list[str]()
    for _ in range(int(hours * 360)):
        wall += 10
        alarms, ringing, _ = alarm_clock.check(alarms, wall, zone)
        found += [f"{datetime.fromtimestamp(wall, zone):%d %H:%M}" for _ in ringing]
    return found


@pytest.mark.parametrize(
    ("alarm", "begin", "hours", "expected"),
    [
        (Alarm(1, 420, EVERY_DAY), "2026-06-01 06:00", 49, ["01 07:00", "02 07:00", "03 07:00"]),
        (Alarm(1, 420), "2026-06-01 06:00", 49, ["01 07:00"]),
        (Alarm(1, 150, EVERY_DAY), "2026-03-28 12:00", 40, ["29 03:30", "30 02:30"]),  # the clocks go forward
        (Alarm(1, 150, EVERY_DAY), "2026-10-24 12:00", 40, ["25 02:30", "26 02:30"]),  # 2:30 comes twice
        (Alarm(1, 0, (6,)), "2026-06-06 12:00", 40, ["07 00:00"]),
    ],
)
def test_alarms_ring_once_a_day(alarm: Alarm, begin: str, hours: float, expected: list[str]) -> None:
    assert rings(alarm, begin, hours) == expected


def test_an_alarm_that_is_set_late_rings_tomorrow() -> None:
    clock = with_alarm("2026-06-01 07:05", Alarm(0, 420, EVERY_DAY))
    clock.run(3600, 10)
    assert clock.wakes == 0
    assert clock.schedule.view(clock.memory, clock.now).next_alarm == at("2026-06-02 07:00")


@pytest.mark.parametrize(("off_s", "wakes", "missed"), [(900, 1, 0), (2000, 1, 0), (2600, 0, 1), (90_000, 0, 1)])
def test_a_power_cut_makes_an_alarm_late_and_a_long_one_makes_it_missed(off_s: float, wakes: int, missed: int) -> None:
    clock = with_alarm("2026-06-01 06:50", Alarm(0, 420, EVERY_DAY))
    clock.restart(off_s=off_s)
    clock.run(5)
    expected_missed = missed if off_s < 80_000 else 1
    assert (clock.wakes, clock.events(EventType.ALARM_MISSED)) == (wakes, expected_missed)


def test_a_power_cut_while_it_rings_does_not_ring_twice() -> None:
    clock = with_alarm("2026-06-01 06:59", Alarm(0, 420, EVERY_DAY))
    clock.run(120)
    assert clock.wakes == 1
    clock.restart()
    clock.run(120)
    assert clock.wakes == 1


def test_a_clock_that_gets_the_time_from_the_network() -> None:
    """A board without a battery starts in the past; an alarm that became due meanwhile rings late, not at all, never
    twice."""
    clock = with_alarm("2026-06-01 06:50", Alarm(0, 420, EVERY_DAY))
    clock.restart(off_s=-86400 * 30)
    clock.run(30)
    assert clock.wakes == 0
    clock.wall = at("2026-06-01 07:10")
    clock.run(30)
    assert clock.wakes == 1
    clock.wall = at("2026-06-01 06:55")
    clock.run(60)
    assert clock.wakes == 1


def test_a_clock_that_is_set_back_does_not_lose_the_next_alarm() -> None:
    clock = with_alarm("2027-06-01 06:50", Alarm(0, 420, EVERY_DAY))
    clock.wall = at("2026-06-01 06:50")
    clock.run(700)
    assert clock.wakes == 1


@pytest.mark.parametrize("wall", [0.0, -1e9, 1e12, 1e18, float("inf"), float("nan")])
def test_no_clock_is_too_strange(wall: float) -> None:
    clock = with_alarm("2026-06-01 06:50", Alarm(0, 420, EVERY_DAY), quiet="22:00-07:00")
    clock.wall = wall
    clock.run(5)
    clock.schedule.view(clock.memory, clock.now)


# --- How alarms ring ---


def test_an_alarm_rises_from_the_floor_to_its_volume() -> None:
    clock = with_alarm("2026-06-01 06:59:50", Alarm(0, 420, volume=40, rise_s=300), alarm_floor=15, alarm_ceiling=50)
    clock.playing = clock.wanted = False
    clock.memory = replace(clock.memory, volume=60)
    clock.run(10)
    assert (clock.wakes, clock.memory.volume) == (1, 15)
    clock.playing = clock.wanted = True
    levels = []
    for _ in range(10):
        clock.run(30)
        levels.append(clock.memory.volume)
    assert levels == sorted(levels)
    assert (levels[4], levels[-1]) == (28, 40)
    clock.run(60)
    assert clock.memory.volume == 40


@pytest.mark.parametrize(
    ("volume", "floor", "ceiling", "max_volume", "first", "last"),
    [
        (90, 15, 50, 70, 15, 50),  # nobody is frightened
        (5, 15, 50, 70, 15, 15),  # it is heard
        (90, 15, 90, 30, 15, 30),  # never above the player's limit
        (40, 60, 50, 70, 50, 50),  # a floor above the ceiling
        (40, 60, 50, 20, 20, 20),
    ],
)
def test_floor_and_ceiling(volume: int, floor: int, ceiling: int, max_volume: int, first: int, last: int) -> None:
    alarm = Alarm(0, 420, volume=volume, rise_s=60)
    clock = with_alarm("2026-06-01 06:59:50", alarm, alarm_floor=floor, alarm_ceiling=ceiling, max_volume=max_volume)
    clock.playing = clock.wanted = False
    clock.run(10)
    assert clock.memory.volume == first
    clock.playing = clock.wanted = True
    seen = set()
    for _ in range(120):
        clock.step(1)
        seen.add(clock.memory.volume)
    assert (clock.memory.volume, max(seen)) == (last, max(first, last))


def test_an_alarm_in_quiet_hours_is_heard_and_then_quiet_again() -> None:
    clock = with_alarm("2026-06-01 05:59:50", Alarm(0, 360, volume=45, rise_s=60), quiet="22:00-07:00", quiet_volume=20)
    clock.run(120)
    assert clock.memory.volume == 45
    assert clock.schedule.ceiling(clock.memory, clock.now) == 50
    clock.do(StopAlarm())
    clock.run(30)
    assert clock.memory.volume == 20


def test_music_that_plays_is_not_turned_down() -> None:
    clock = with_alarm("2026-06-01 06:59:50", Alarm(0, 420, volume=40))
    clock.memory = replace(clock.memory, volume=65)
    clock.run(60)
    assert clock.memory.volume == 65


def test_the_volume_that_somebody_sets_stays() -> None:
    clock = with_alarm("2026-06-01 06:59:50", Alarm(0, 420, volume=40, rise_s=60))
    clock.run(20)
    clock.memory = replace(clock.memory, volume=10)
    clock.schedule.wake_up.volume_by_hand()
    clock.run(120)
    assert clock.memory.volume == 10


def test_an_alarm_has_a_mood_until_a_face_is_seen() -> None:
    clock = with_alarm("2026-06-01 06:59:50", Alarm(0, 420, mood=MoodName.CALM))
    clock.run(20)
    assert clock.schedule.in_effect(clock.memory).mood is MoodName.CALM
    clock.faces = 1
    clock.step(1)
    clock.faces = 0
    clock.step(1)
    effect = clock.schedule.in_effect(clock.memory)
    assert (effect.mood, effect.policy) == (None, PolicyName.LIFT)
    assert clock.memory.policy is PolicyName.MATCH, "the setting stays"
    clock.run(RING_S, 10)
    assert clock.schedule.in_effect(clock.memory) == clock.memory
    assert clock.events(EventType.ALARM_STOPPED) == 1


def test_whoever_stops_the_music_stops_the_alarm() -> None:
    clock = with_alarm("2026-06-01 06:59:50", Alarm(0, 420, mood=MoodName.CALM))
    clock.run(20)
    clock.wanted = False
    clock.step(1)
    assert clock.schedule.view(clock.memory, clock.now).ringing is None
    assert clock.events(EventType.ALARM_STOPPED) == 1


def test_snooze_rings_again_and_stop_does_not() -> None:
    clock = with_alarm("2026-06-01 06:59:50", Alarm(0, 420))
    assert clock.do(SnoozeAlarm()) == "No alarm is ringing."
    clock.run(20)
    assert clock.do(SnoozeAlarm()) == ""
    clock.wanted = clock.playing = False
    clock.run(SNOOZE_S - 2)
    assert clock.wakes == 1
    clock.run(4)
    assert clock.wakes == 2
    assert clock.do(SnoozeAlarm()) == ""
    assert clock.do(StopAlarm()) == ""
    clock.run(SNOOZE_S + 10)
    assert clock.wakes == 2
    assert clock.do(StopAlarm()) == "No alarm is ringing."


def test_an_alarm_ends_the_sleep_timer() -> None:
    clock = with_alarm("2026-06-01 06:59:50", Alarm(0, 420))
    clock.do(SetSleep(5))
    clock.run(400)
    assert (clock.wakes, clock.stops) == (1, [])


def test_alarms_are_added_replaced_switched_and_removed() -> None:
    clock = with_alarm("2026-06-01 12:00", Alarm(0, 420))
    clock.do(SetAlarm(Alarm(0, 480, (1, 1, 0))))
    assert [(one.id, one.minute, one.days) for one in clock.memory.alarms] == [(1, 420, ()), (2, 480, (0, 1))]
    clock.do(SetAlarm(Alarm(1, 430)))
    clock.do(SwitchAlarm(2, on=False))
    assert [(one.id, one.minute, one.on) for one in clock.memory.alarms] == [(1, 430, True), (2, 480, False)]
    assert "There is no alarm 7" in clock.do(SetAlarm(Alarm(7, 430)))
    assert "There is no alarm 7" in clock.do(RemoveAlarm(7))
    assert "There is no alarm 7" in clock.do(SwitchAlarm(7, on=True))
    assert clock.do(RemoveAlarm(1)) == ""
    assert [one.id for one in clock.memory.alarms] == [2]
    for _ in range(9):
        assert clock.do(SetAlarm(Alarm(0, 1))) == ""
    assert "10 alarms" in clock.do(SetAlarm(Alarm(0, 1)))


@pytest.mark.parametrize(
    "alarm",
    [Alarm(0, 1440), Alarm(0, -1), Alarm(0, 0, (7,)), Alarm(0, 0, volume=101), Alarm(0, 0, rise_s=float("nan")),
     Alarm(0, 0, rise_s=1e9), Alarm(0, 0, folder="x" * 2000), Alarm(0, 0, mood=MoodName.SAD, playlist="x")],
)  # fmt: skip
def test_an_alarm_makes_sense(alarm: Alarm) -> None:
    clock = Clock("2026-06-01 12:00")
    assert clock.do(SetAlarm(alarm)).endswith(".")
    assert clock.memory.alarms == ()


# --- Quiet hours ---


def test_quiet_hours_lower_the_ceiling_and_the_volume_in_small_steps() -> None:
    clock = Clock("2026-06-01 21:59:50", Memory(volume=60), quiet="22:00-07:00", quiet_volume=25)
    assert clock.schedule.ceiling(clock.memory, clock.now) == 70
    clock.run(9)
    assert clock.memory.volume == 60
    levels = [clock.memory.volume]
    for _ in range(60):
        clock.step(1)
        levels.append(clock.memory.volume)
    assert levels[-1] == 25
    assert max(before - after for before, after in pairwise(levels)) == 1
    assert clock.schedule.ceiling(clock.memory, clock.now) == 25
    assert "quiet hours" in clock.schedule.limit_reason(clock.memory, clock.now)
    assert clock.events(EventType.QUIET_BEGAN) == 1
    clock.run(9 * 3600 + 60, 10)
    assert (clock.memory.volume, clock.schedule.ceiling(clock.memory, clock.now)) == (25, 70)
    assert clock.events(EventType.QUIET_ENDED) == 1


def test_many_events_in_a_second_lower_the_volume_once() -> None:
    clock = Clock("2026-06-01 23:00", Memory(volume=60), quiet="22:00-07:00")
    before = clock.memory.volume
    for _ in range(50):
        clock.step(0.01)
    assert before - clock.memory.volume <= 1


def test_the_limit_of_the_player_counts_at_once() -> None:
    clock = Clock("2026-06-01 12:00", Memory(volume=100), max_volume=40)
    assert clock.memory.volume == 40


def test_quiet_hours_are_calm_unless_somebody_says_otherwise() -> None:
    clock = Clock("2026-06-01 21:59", quiet="22:00-07:00")
    clock.run(120)
    assert clock.memory.policy is PolicyName.CALM
    clock.memory = replace(clock.memory, policy=PolicyName.LIFT)
    clock.run(60)
    assert clock.memory.policy is PolicyName.LIFT
    clock.run(9 * 3600, 10)
    assert clock.memory.policy is PolicyName.LIFT, "set by hand: it stays"
    clock.run(24 * 3600, 10)
    assert clock.memory.policy is PolicyName.LIFT, "what was before the second night"


def test_quiet_hours_need_not_be_calm() -> None:
    clock = Clock("2026-06-01 23:00", quiet="22:00-07:00", quiet_calm=False)
    assert clock.memory.policy is PolicyName.MATCH


def test_quiet_hours_by_hand_end_with_the_next_change() -> None:
    clock = Clock("2026-06-01 20:00", quiet="22:00-07:00", quiet_volume=25)
    clock.do(SetQuiet(True))
    clock.step(1)
    assert clock.schedule.quiet(clock.memory, clock.now)
    clock.run(3 * 3600, 10)
    assert clock.memory.schedule.quiet is None, "they have begun anyway"
    clock.do(SetQuiet(False))
    clock.step(1)
    assert not clock.schedule.quiet(clock.memory, clock.now)
    clock.restart()
    assert not clock.schedule.quiet(clock.memory, clock.now)
    clock.run(9 * 3600, 10)
    assert clock.memory.schedule.quiet is None
    clock.do(SetQuiet(True))
    clock.do(SetQuiet(None))
    assert not clock.schedule.quiet(clock.memory, clock.now)


def test_without_quiet_hours_they_can_still_be_switched_by_hand() -> None:
    clock = Clock("2026-06-01 20:00", quiet_volume=25)
    clock.do(SetQuiet(True))
    clock.run(10)
    assert clock.schedule.ceiling(clock.memory, clock.now) == 25


# --- Policies by time ---


def test_policies_by_time_begin_and_end() -> None:
    clock = Clock("2026-06-01 05:59", policies=("mon-fri 6:00-9:00 energise", "8:00-10:00 lift"))
    assert clock.memory.policy is PolicyName.MATCH
    clock.run(120)
    assert clock.memory.policy is PolicyName.ENERGISE
    clock.run(2.5 * 3600, 10)
    assert clock.memory.policy is PolicyName.ENERGISE, "the first rule counts"
    clock.run(3600, 10)
    assert clock.memory.policy is PolicyName.LIFT
    clock.run(3600, 10)
    assert clock.memory.policy is PolicyName.MATCH


def test_a_restart_within_a_rule_changes_nothing() -> None:
    clock = Clock("2026-06-01 06:30", policies=("6:00-9:00 energise",))
    clock.memory = replace(clock.memory, policy=PolicyName.MANUAL)
    clock.restart()
    clock.run(60)
    assert clock.memory.policy is PolicyName.MANUAL
    clock.restart(off_s=4 * 3600)
    assert clock.memory.policy is PolicyName.MANUAL


def test_a_rule_that_ended_while_the_power_was_off_ends() -> None:
    clock = Clock("2026-06-01 06:30", policies=("6:00-9:00 energise",))
    assert clock.memory.policy is PolicyName.ENERGISE
    clock.restart(off_s=4 * 3600)
    assert clock.memory.policy is PolicyName.MATCH


# --- Children ---

KIDS = {"children": "kids", "children_volume": 30, "children_minutes": 30}


def test_the_childrens_volume_and_time() -> None:
    clock = Clock("2026-06-01 15:00", Memory(volume=60, profiles=("kids",)), **KIDS)
    clock.run(60)
    assert (clock.memory.volume, clock.schedule.ceiling(clock.memory, clock.now)) == (30, 30)
    assert "profile kids" in clock.schedule.limit_reason(clock.memory, clock.now)
    clock.run(28 * 60)
    assert (clock.schedule.children_left(clock.memory), clock.stops) == (1, [])
    clock.run(62)
    assert clock.schedule.children_left(clock.memory) == 0
    assert clock.stops
    assert clock.events(EventType.TIME_UP) >= 1


def test_only_music_that_plays_counts() -> None:
    clock = Clock("2026-06-01 15:00", Memory(profiles=("kids",)), **KIDS)
    clock.playing = False
    clock.run(3600, 5)
    assert clock.schedule.children_left(clock.memory) == 30
    clock.playing = True
    clock.step(3600)
    assert clock.schedule.children_left(clock.memory) == 30, "the program was asleep, and so was the music"


def test_other_profiles_and_another_day_have_no_limit() -> None:
    clock = Clock("2026-06-01 15:00", Memory(profiles=("kids",)), **KIDS)
    clock.run(31 * 60)
    clock.wanted = clock.playing = False
    clock.memory = replace(clock.memory, profiles=("everyone",))
    assert clock.schedule.children_left(clock.memory) is None
    assert clock.schedule.ceiling(clock.memory, clock.now) == 70
    clock.memory = replace(clock.memory, profiles=("everyone", "kids"))
    clock.restart()
    assert clock.schedule.children_left(clock.memory) == 0, "a power cut gives no more time"
    clock.wall = at("2026-06-02 00:00")
    clock.step(1)
    assert clock.schedule.children_left(clock.memory) == 30


# --- The zone ---


def test_the_zone_of_the_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TZ", raising=False)
    assert system_zone(tmp_path / "nothing") is UTC
    (tmp_path / "junk").write_bytes(b"junk")
    assert system_zone(tmp_path / "junk") is UTC
    monkeypatch.setenv("TZ", "Europe/Berlin")
    assert system_zone().utcoffset(datetime(2026, 7, 1)) == BERLIN.utcoffset(datetime(2026, 7, 1))
    for wrong in ("Nowhere/Land", "../../etc/passwd", "\0"):
        monkeypatch.setattr("os.environ", {"TZ": wrong})
        assert system_zone() is UTC


def test_a_compiled_zone_changes_between_summer_and_winter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found: Callable[[], Path | None] = lambda: next(  # noqa: E731
        (path for path in (Path("/usr/share/zoneinfo/Europe/Berlin"),) if path.exists()), None
    )
    if (file := found()) is None:
        pytest.skip("no time zones here")
    monkeypatch.delenv("TZ", raising=False)
    zone = system_zone(file)
    offsets = [zone.utcoffset(datetime(2026, month, 1)) for month in (1, 7)]
    assert offsets[0] != offsets[1]


# --- Power cuts and clocks while people wake up, sleep or play ---


def test_an_alarm_that_rang_does_not_ring_again_when_the_network_corrects_the_clock() -> None:
    """It rings at 7:00, the power fails at 7:10, and the board starts with the time of its last shutdown."""
    clock = with_alarm("2026-06-01 06:50", Alarm(0, 420, EVERY_DAY))
    clock.run(1200)
    clock.do(StopAlarm())
    clock.wanted = clock.playing = False
    clock.step(1)
    clock.restart(off_s=-86400 * 30)
    clock.run(30)
    clock.wall = at("2026-06-01 07:12")
    clock.run(30)
    clock.wall = at("2026-06-01 12:00")
    clock.run(30)
    assert (clock.wakes, clock.events(EventType.ALARM_MISSED)) == (1, 0)
    clock.wall = at("2026-06-02 06:59:55")
    clock.run(10)
    assert clock.wakes == 2


def test_of_two_alarms_at_once_the_last_one_rings() -> None:
    clock = with_alarm("2026-06-01 06:59", Alarm(0, 420, mood=MoodName.CALM))
    clock.do(SetAlarm(Alarm(0, 420, mood=MoodName.HAPPY)))
    clock.run(70)
    assert (clock.wakes, clock.schedule.in_effect(clock.memory).mood) == (1, MoodName.HAPPY)
    clock.do(StopAlarm())
    clock.wanted = clock.playing = False
    clock.run(600)
    assert (clock.wakes, [one.on for one in clock.memory.alarms]) == (1, [False, False])


def test_a_later_alarm_takes_over_from_the_one_that_rings() -> None:
    clock = with_alarm("2026-06-01 06:59:50", Alarm(0, 420, volume=40, rise_s=60))
    clock.playing = clock.wanted = False
    clock.do(SetAlarm(Alarm(0, 425, volume=45, rise_s=60)))
    clock.run(100)
    loud = clock.memory.volume
    clock.run(230)
    assert (clock.wakes, clock.events(EventType.ALARM_STOPPED), loud) == (2, 1, 40)
    assert clock.memory.volume >= loud, "it does not begin anew while music plays"


def test_whoever_removes_an_alarm_that_rings_stops_it() -> None:
    for command in (RemoveAlarm(1), SwitchAlarm(1, on=False)):
        clock = with_alarm("2026-06-01 06:59:50", Alarm(0, 420, EVERY_DAY))
        clock.run(20)
        outcome = schedule_commands.obey(command, clock.schedule, clock.memory, clock.now)
        assert (outcome.stop, clock.schedule.wake_up.ringing) == (True, None)


def test_an_alarm_that_somebody_stopped_leaves_the_volume_as_it_was() -> None:
    clock = with_alarm("2026-06-01 06:59:50", Alarm(0, 420, volume=40, rise_s=60))
    clock.playing = clock.wanted = False
    clock.memory = replace(clock.memory, volume=60)
    clock.run(40)
    clock.do(StopAlarm())
    clock.wanted = clock.playing = False
    clock.run(5)
    assert clock.memory.volume < 40, "the music still fades out"
    clock.run(20)
    assert clock.memory.volume == 60


@pytest.mark.parametrize("end", ["music goes on", "set by hand", "set by hand after it"])
def test_a_volume_that_people_hear_or_have_set_stays(end: str) -> None:
    clock = with_alarm("2026-06-01 06:59:50", Alarm(0, 420, volume=40, rise_s=60))
    clock.playing = clock.wanted = False
    clock.memory = replace(clock.memory, volume=60)
    clock.run(100)
    if end == "music goes on":
        clock.run(RING_S, 10)
    if end == "set by hand":
        clock.memory = replace(clock.memory, volume=35)
        clock.schedule.wake_up.volume_by_hand()
        clock.step(1)
    expected = clock.memory.volume
    clock.do(StopAlarm())
    clock.wanted = clock.playing = end == "music goes on"
    clock.run(5)
    if end == "set by hand after it":
        clock.memory, expected = replace(clock.memory, volume=33), 33
        clock.schedule.wake_up.volume_by_hand()
    clock.run(30)
    assert clock.memory.volume == expected


def test_a_power_cut_while_it_rings_does_not_stop_the_rise() -> None:
    clock = with_alarm("2026-06-01 06:59:50", Alarm(0, 420, volume=40, rise_s=300))
    clock.playing = clock.wanted = False
    clock.memory = replace(clock.memory, volume=60)
    clock.run(70)
    before = clock.memory.volume
    clock.restart(off_s=30)
    assert (clock.wakes, clock.schedule.view(clock.memory, clock.now).ringing) == (1, 1)
    clock.run(240)
    assert clock.memory.volume == 40 > before
    clock.do(StopAlarm())
    clock.wanted = clock.playing = False
    clock.run(30)
    assert clock.memory.volume == 60


def test_a_power_cut_while_it_rings_begins_its_music_again_if_nothing_else_does() -> None:
    clock = with_alarm("2026-06-01 06:59:50", Alarm(0, 420))
    clock.run(70)
    clock.wanted = clock.playing = False  # music.autoplay is false
    clock.restart(off_s=30)
    assert clock.wakes == 2


@pytest.mark.parametrize(("off_s", "rings"), [(30, True), (-1500, True), (4000, False), (50_000, False), (-9e6, False)])
def test_a_long_power_cut_ends_an_alarm(off_s: float, rings: bool) -> None:
    clock = with_alarm("2026-06-01 06:59:50", Alarm(0, 420, EVERY_DAY))
    clock.run(70)
    clock.restart(off_s=off_s)
    assert (clock.schedule.view(clock.memory, clock.now).ringing is not None) is rings
    clock.run(10)
    assert clock.wakes == 1


@pytest.mark.parametrize(("off_s", "again"), [(60, 2), (-1500, 2), (SNOOZE_S + 600, 2), (SNOOZE_S + 3000, 1)])
def test_a_power_cut_during_a_snooze_loses_no_alarm(off_s: float, again: int) -> None:
    clock = with_alarm("2026-06-01 06:59:50", Alarm(0, 420))
    clock.run(20)
    clock.do(SnoozeAlarm())
    clock.wanted = clock.playing = False
    clock.run(60)
    clock.restart(off_s=off_s)
    clock.run(SNOOZE_S + 5)
    assert clock.wakes == again


def test_a_sleep_timer_keeps_its_moment_when_the_network_corrects_the_clock() -> None:
    """The power fails; the board starts years in the past, and the network brings the time."""
    clock = Clock("2026-06-01 22:00")
    clock.do(SetSleep(60))
    clock.run(600)
    clock.restart(off_s=-3.0e7)
    clock.run(30)
    clock.wall = at("2026-06-01 22:11")
    clock.run(60)
    assert clock.memory.schedule.sleep_until == at("2026-06-01 23:00")
    clock.run(46 * 60, 2)
    assert clock.stops == []
    clock.run(120)
    assert len(clock.stops) == 1


def test_a_sleep_timer_ends_even_if_the_clock_is_never_corrected() -> None:
    clock = Clock("2026-06-01 22:00")
    clock.do(SetSleep(60))
    clock.restart(off_s=-3.0e7)
    clock.run(13 * 3600, 10)
    assert len(clock.stops) == 1


def test_pulling_the_plug_gives_the_children_no_more_time() -> None:
    clock = Clock("2026-06-01 15:00", Memory(profiles=("kids",)), **KIDS)
    clock.run(31 * 60)
    clock.restart(off_s=-86400 * 900)
    clock.run(10)
    assert clock.schedule.children_left(clock.memory) == 0
    clock.wall = at("2026-06-01 15:40")
    clock.run(10)
    assert clock.schedule.children_left(clock.memory) == 0
    clock.wall = at("2026-06-02 07:00")
    clock.run(10)
    assert clock.schedule.children_left(clock.memory) == 30


def test_a_clock_that_stays_behind_for_a_day_is_right_after_all() -> None:
    clock = Clock("2027-06-01 15:00", Memory(profiles=("kids",)), **KIDS)
    clock.run(31 * 60)
    clock.wanted = clock.playing = False
    clock.wall = at("2026-06-01 15:00")
    clock.run(86400, 60)
    clock.step(60)
    clock.step(60)
    assert clock.schedule.children_left(clock.memory) == 30


def test_in_a_group_the_childrens_room_becomes_silent() -> None:
    clock = Clock("2026-06-01 15:00", Memory(volume=30, profiles=("kids",)), **KIDS)
    clock.shared = True
    clock.run(31 * 60)
    assert (clock.stops, clock.memory.volume, clock.events(EventType.TIME_UP)) == ([], 0, 1)
    assert "is up for today" in clock.schedule.limit_reason(clock.memory, clock.now)


@pytest.mark.parametrize(
    ("begin", "expected"),
    [
        ("2026-03-29 00:00", {1: 60, 3: 60, 4: 0}),  # 2:00 to 3:00 does not exist
        ("2026-10-25 00:00", {1: 60, 2: 120, 3: 60, 4: 0}),  # it comes twice
    ],
)
def test_quiet_hours_follow_the_local_time_when_the_clocks_change(begin: str, expected: dict[int, int]) -> None:
    clock = Clock(begin, quiet="1:00-4:00")
    minutes = dict.fromkeys(expected, 0)
    for _ in range(6 * 60):
        clock.step(60)
        hour = datetime.fromtimestamp(clock.wall, BERLIN).hour
        if hour in minutes:
            minutes[hour] += clock.schedule.quiet(clock.memory, clock.now)
    assert minutes == expected
    assert (clock.events(EventType.QUIET_BEGAN), clock.events(EventType.QUIET_ENDED)) == (1, 1)
