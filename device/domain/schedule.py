"""Music by the clock: the sleep timer, alarms, quiet hours, policies by time, and the children's time.

Times of day are local, in minutes since midnight. Days are numbers, 0 for Monday. Moments are wall-clock seconds.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from device.domain.affect import MoodName
from device.domain.music import PolicyName

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
EVERY_DAY = tuple(range(len(DAYS)))
DAY_MIN = 24 * 60
MOST_ALARMS = 10

PLAYLIST, FOLDER = "playlist:", "folder:"


@dataclass(frozen=True, slots=True)
class Window:
    """From `begin` to `end` on these days. A window that ends at or before its begin lasts into the next day, and
    belongs to the day of its begin."""

    begin: int
    end: int
    days: tuple[int, ...] = EVERY_DAY

    def covers(self, day: int, minute: int) -> bool:
        """Whether this minute of this day lies inside."""
        if self.begin < self.end:
            return day in self.days and self.begin <= minute < self.end
        return (day in self.days and minute >= self.begin) or ((day - 1) % len(DAYS) in self.days and minute < self.end)


@dataclass(frozen=True, slots=True)
class PolicyRule:
    """Within `window`, the policy is `policy`, until somebody sets another one."""

    window: Window
    policy: PolicyName


@dataclass(frozen=True, slots=True)
class Alarm:
    """Music at `minute` on `days`; without days once, at the next time it is so late.

    What plays is a `mood`, or what is in `folder` (a `file://` URI or a path), or `playlist` (its name); nothing means
    whatever fits. The volume rises to `volume` percent over `rise_s`. `since`: only later moments count; `rang`: the
    moment for which it rang last. The device sets both.
    """

    id: int
    minute: int
    days: tuple[int, ...] = ()
    on: bool = True
    mood: MoodName | None = None
    folder: str = ""
    playlist: str = ""
    volume: int = 40
    rise_s: float = 300.0
    since: float = 0.0
    rang: float = 0.0


@dataclass(frozen=True, slots=True)
class ScheduleMemory:
    """What the schedule remembers across a power cut, besides the alarms.

    `sleep_until`: when the music stops (None: no sleep timer). `quiet`: quiet hours switched on or off by hand, until
    they would begin or end anyway. `rule`: the policy rule in effect, and `policy_before` the policy before it.
    `played_day` (ISO date) and `played_min`: how long the children heard music on that day. `alarm`: the id of the
    alarm that rings since `alarm_at` (wall clock, s), or, `snoozing`, that rings again then. `volume_before`: the
    volume to which the device returns when somebody has stopped the alarm.
    """

    sleep_until: float | None = None
    quiet: bool | None = None
    was_quiet: bool = False
    rule: str = ""
    policy_before: PolicyName | None = None
    played_day: str = ""
    played_min: int = 0
    alarm: int | None = None
    alarm_at: float = 0.0
    snoozing: bool = False
    volume_before: int | None = None


@dataclass(frozen=True, slots=True)
class SchedulePlan:
    """Settings of the schedule, with the names and the meaning that they have in config.yaml. In the memory, None is
    config.yaml's value."""

    quiet: str | None = None
    quiet_volume: int | None = None
    quiet_calm: bool | None = None
    policies: tuple[str, ...] | None = None
    children: str | None = None
    children_volume: int | None = None
    children_minutes: int | None = None


@dataclass(frozen=True, slots=True)
class ScheduleView:
    """The schedule as surfaces show it. `sleep_until` and `next_alarm` are wall-clock seconds. `ringing` is the id of
    the alarm that wakes people now. `ceiling` is the highest volume now. `children_left_min` is None unless the
    children's profile is in use and has a limit. `plan` has the settings that count, and `overridden` the names of
    those that a command set; the others come from config.yaml."""

    sleep_until: float | None = None
    alarms: tuple[Alarm, ...] = ()
    next_alarm: float | None = None
    ringing: int | None = None
    quiet: bool = False
    ceiling: int = 100
    children_left_min: int | None = None
    plan: SchedulePlan = field(default_factory=SchedulePlan)
    overridden: tuple[str, ...] = ()


# --- As text, in config.yaml and on the command line ---

TIME = r"([01]?\d|2[0-3]):([0-5]\d)"
WINDOW = re.compile(rf"(?:(\S+)\s+)?{TIME}\s*-\s*{TIME}")
ALARM = re.compile(rf"(?:(\S+)\s+)?{TIME}(?:\s+(.*))?")


def parse_time(text: str) -> int:
    """Minutes since midnight of a time such as 7:30. Raises ValueError with a sentence."""
    found = re.fullmatch(TIME, text.strip())
    if found is None:
        raise ValueError(f"{text[:20]!r} is not a time; write it like 7:30 or 22:00")
    return int(found[1]) * 60 + int(found[2])


def show_time(minute: int) -> str:
    """Such as 07:30."""
    return f"{minute // 60:02}:{minute % 60:02}"


def parse_days(text: str) -> tuple[int, ...]:
    """Days such as "mon-fri", "sat,sun" or "daily"; "once" gives none. Raises ValueError with a sentence."""
    if text.lower() in ("daily", "once"):
        return EVERY_DAY if text.lower() == "daily" else ()
    days: set[int] = set()
    for part in text.lower().split(","):
        first, dash, last = part.partition("-")
        ends = [DAYS.index(name[:3]) for name in (first, last or first) if name[:3] in DAYS and len(name) >= 3]
        if len(ends) != 2 or (dash and not last):
            raise ValueError(f"{part[:20]!r} is not a day; write mon-fri, sat,sun, daily or once")
        days |= {(ends[0] + number) % len(DAYS) for number in range((ends[1] - ends[0]) % len(DAYS) + 1)}
    return tuple(sorted(days))


def show_days(days: tuple[int, ...]) -> str:
    """Such as "mon,tue"; "daily" for all and "once" for none."""
    if days in (EVERY_DAY, ()):
        return "daily" if days else "once"
    return ",".join(DAYS[day] for day in days)


def parse_window(text: str) -> Window:
    """A window such as "22:00-07:00" or "mon-fri 6:00-9:00". Raises ValueError with a sentence."""
    found = WINDOW.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text[:40]!r} is not a period of time; write it like 22:00-07:00 or mon-fri 6:00-9:00")
    days = parse_days(found[1]) if found[1] else EVERY_DAY
    if not days:
        raise ValueError(f"{text[:40]!r} names no day")
    begin, end = int(found[2]) * 60 + int(found[3]), int(found[4]) * 60 + int(found[5])
    return Window(begin, end, days)


def parse_rule(text: str) -> PolicyRule:
    """A rule such as "mon-fri 6:00-9:00 energise". Raises ValueError with a sentence."""
    window, _, policy = text.strip().rpartition(" ")
    if policy not in tuple(PolicyName):
        raise ValueError(f"{text[:40]!r} does not end with a policy ({', '.join(PolicyName)})")
    return PolicyRule(parse_window(window), PolicyName(policy))


def parse_alarm(text: str, number: int) -> Alarm:
    """An alarm such as "mon-fri 7:00 calm", "daily 8:30 playlist:Morning" or "once 6:15 folder:/srv/music/Jazz". Raises
    ValueError with a sentence."""
    found = ALARM.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text[:40]!r} is not an alarm; write it like mon-fri 7:00 calm")
    what = found[4] or ""
    days = parse_days(found[1]) if found[1] else EVERY_DAY
    return with_music(Alarm(number, int(found[2]) * 60 + int(found[3]), days), what)


def with_music(alarm: Alarm, what: str) -> Alarm:
    """The alarm with this music: a mood, playlist:NAME, folder:PATH, or nothing. Raises ValueError with a sentence."""
    mood, playlist, folder = None, "", ""
    if what.startswith(PLAYLIST):
        playlist = what.removeprefix(PLAYLIST).strip()
    elif what.startswith(FOLDER):
        folder = what.removeprefix(FOLDER).strip()
    elif what:
        if what not in tuple(MoodName):
            raise ValueError(f"{what[:40]!r} is not music; write a mood, playlist:NAME or folder:PATH")
        mood = MoodName(what)
    return replace(alarm, mood=mood, folder=folder, playlist=playlist)
