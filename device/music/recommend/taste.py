"""What each profile likes, learnt from the history of listens. Pure. The main thread
owns the one that counts; the scanner's thread builds its successor when the library changes (see `prepared`).

A listen becomes *evidence*: a weight that speaks for a track, or one that speaks against it. A skip speaks the more
against a track the earlier it comes, in proportion to the share that was left unheard. Evidence is kept apart by
*context*, the mood and the part of the day, and counts less where the context is another; a like or a dislike is about
the song itself and counts everywhere. It fades with a half-life of half a year of the profile's own listening.

Each profile has a taste of its own, and none learns from another: `everyone` is simply the one that counts while nobody
has chosen a profile. What was *heard* is shared: there is one room, and a song that has just been played in it is not
fresh for whoever chooses a profile now. Nothing of all this is ever published.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from device.domain import Listen, MoodName, Now, Outcome, Track
from device.music.recommend.track_index import MOODS, Floats, Rows, TrackIndex

DAY_S = 86400.0
HALF_LIFE_S = 180 * DAY_S
LONGEST_PAUSE_S = 30 * DAY_S  # ages nothing more: so a clock that was wrong for a while does not wipe a taste out
REMEMBERED = 50_000  # lines, as many as the store keeps

# Weights of evidence, in tracks heard to their end.
LIKED, PLAYED = 4.0, 1.0
DISLIKED, SKIPPED = 8.0, 2.0  # a skip in the very first moment; later ones weigh less
USUAL_S = 200.0  # the length of a track whose length is unknown

DAY_PARTS = 4  # night, morning, afternoon, evening: six hours each
CONTEXTS = len(MOODS) * DAY_PARTS
ALWAYS = CONTEXTS  # the column of evidence that holds in every context
COLUMNS = CONTEXTS + 1
OTHER_MOOD, OTHER_TIME = 0.7, 0.7  # what evidence from another mood, from another part of the day, still counts

Reals = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Opinion:
    """The plain facts about one track: what a profile said of it (`verdict` is the last like or dislike, `said_at` wall
    clock, s) and how often it heard it out; when it was last heard in this room (wall clock, s; 0 = never)."""

    heard_at: float = 0.0
    hearings: int = 0
    heard_out: int = 0
    verdict: Outcome | None = None
    said_at: float = 0.0

    def age_s(self, now: Now) -> float:
        """Seconds since it was heard, infinite if never."""
        return float(age_s(np.array([self.heard_at]), now)[0])


class Ear:
    """What one profile has said and done, on the rows of one library: facts by row, and evidence."""

    def __init__(self) -> None:
        self.verdict: dict[int, tuple[Outcome, float]] = {}
        self.disliked: set[int] = set()
        self.heard_out: dict[int, int] = {}
        self._slot: dict[int, int] = {}
        self._rows = np.zeros(64, np.intp)
        self._evidence = np.zeros((64, 2 * COLUMNS), np.float32)  # first all that speaks for it, then all against
        self._at: float | None = None
        self._scale = 1.0  # instead of letting all old evidence fade, new evidence weighs more; see `_age`

    def add(self, row: int, listen: Listen, duration_s: float) -> None:
        """Learn from one more line; lines come in the order in which things happened."""
        self._age(listen.at)
        good, bad = weight(listen, duration_s)
        if listen.outcome in (Outcome.LIKED, Outcome.DISLIKED):
            self._judge(row, listen)
            column = ALWAYS
        else:
            column = context(listen.mood, listen.at)
        if listen.outcome is Outcome.PLAYED:
            self.heard_out[row] = self.heard_out.get(row, 0) + 1
        if good or bad:
            slot = self._place(row)
            self._evidence[slot, column if good else COLUMNS + column] += (good or bad) * self._scale

    def evidence(self, mood: MoodName, wall: float) -> tuple[Rows, Floats, Floats]:
        """Rows that anything is known of, and what speaks for and against each, as it counts in this mood now."""
        count = len(self._slot)
        relevance = RELEVANCE[context(mood, wall)] / np.float32(self._scale)
        weights = self._evidence[:count].reshape(-1, COLUMNS) @ relevance
        return self._rows[:count], weights[::2], weights[1::2]

    def _judge(self, row: int, listen: Listen) -> None:
        self.verdict[row] = listen.outcome, listen.at
        if listen.outcome is Outcome.DISLIKED:
            self.disliked.add(row)
        else:
            self.disliked.discard(row)

    def _place(self, row: int) -> int:
        slot = self._slot.setdefault(row, len(self._slot))
        if slot == len(self._rows):
            self._rows = np.concatenate([self._rows, np.zeros_like(self._rows)])
            self._evidence = np.concatenate([self._evidence, np.zeros_like(self._evidence)])
        self._rows[slot] = row
        return slot

    def _age(self, at: float) -> None:
        passed_s = 0.0 if self._at is None else min(max(at - self._at, 0.0), LONGEST_PAUSE_S)
        self._at = at
        self._scale *= 2.0 ** (passed_s / HALF_LIFE_S)
        if self._scale > 1e3:
            self._evidence /= np.float32(self._scale)
            self._scale = 1.0


class Taste:
    """What each profile likes and what the room has heard. Nothing is known before the tracks are: see `meet`."""

    def __init__(self, history: Iterable[Listen] = (), total: int | None = None) -> None:
        """`history` in the order in which things happened; `total`: how many lines there ever were, these included."""
        lines = list(history)
        self._lines = deque(lines, maxlen=REMEMBERED)
        self.total = len(lines) if total is None else total
        self._library = TrackIndex()
        self._ears: dict[str, Ear] = {}
        self._banned: dict[str, None] = {}
        self.heard_at: Reals = np.zeros(0)
        """float64[n]: when each row was last heard in this room (wall clock, s; 0 = never)."""
        self.hearings: Reals = np.zeros(0)
        self.last_rows: deque[int] = deque(maxlen=10)
        """The rows heard last, newest last."""
        for line in lines:
            self._ban(line)

    def meet(self, library: TrackIndex) -> None:
        """Put all that is remembered onto the rows of this library; lines about tracks that are gone wait."""
        self._library = library
        self._ears.clear()
        self.heard_at, self.hearings = np.zeros(len(library)), np.zeros(len(library))
        self.last_rows.clear()
        for line in self._lines:
            self._learn(line)

    def add(self, listen: Listen) -> None:
        """Learn from one more line of history; lines come in the order in which things happened."""
        self._lines.append(listen)
        self.total += 1
        self._ban(listen)
        self._learn(listen)

    def catch_up(self, former: Taste) -> None:
        """Learn what `former` learnt since this one was begun."""
        missed = max(0, former.total - self.total)
        for line in list(former._lines)[len(former._lines) - missed :]:
            self.add(line)

    @property
    def banned(self) -> tuple[str, ...]:
        """The keys of tracks that never play in this house, the latest last."""
        return tuple(self._banned)

    def ear(self, profile: str) -> Ear:
        """What is known of this profile."""
        return self._ears.get(profile, UNKNOWN)

    def of(self, profile: str, key: str) -> Opinion:
        """The facts about the track with this key, for this profile."""
        row = self._library.row.get(key)
        if row is None:
            return Opinion()
        ear = self.ear(profile)
        verdict, said_at = ear.verdict.get(row, (None, 0.0))
        heard_at, hearings = float(self.heard_at[row]), int(self.hearings[row])
        return Opinion(heard_at, hearings, ear.heard_out.get(row, 0), verdict, said_at)

    def _ban(self, listen: Listen) -> None:
        if listen.outcome is Outcome.BANNED:
            self._banned.pop(listen.track_key, None)
            self._banned[listen.track_key] = None
        elif listen.outcome is Outcome.ALLOWED:
            self._banned.pop(listen.track_key, None)

    def _learn(self, listen: Listen) -> None:
        row = self._library.row.get(listen.track_key)
        if row is None or listen.outcome in (Outcome.BANNED, Outcome.ALLOWED):
            return
        if listen.profile not in self._ears:
            self._ears[listen.profile] = Ear()
        self._ears[listen.profile].add(row, listen, self._library.tracks[row].duration_s)
        if listen.outcome not in (Outcome.LIKED, Outcome.DISLIKED):
            self.hearings[row] += 1
        if listen.at > self.heard_at[row]:
            self.heard_at[row] = listen.at
        if not self.last_rows or self.last_rows[-1] != row:
            self.last_rows.append(row)


def prepared(tracks: Sequence[Track], history: Sequence[Listen], total: int) -> tuple[TrackIndex, Taste]:
    """The index of these tracks and what is known of them, from `total` lines of history. For the scanner's thread:
    with 100,000 tracks and 50,000 lines this takes a second, during which the main thread goes on deciding."""
    index, taste = TrackIndex(tracks), Taste(history, total)
    taste.meet(index)
    return index, taste


UNKNOWN = Ear()
"""Of whom nothing is known."""


def weight(listen: Listen, duration_s: float) -> tuple[float, float]:
    """What a line says for and against its track. A mood that changed says nothing."""
    match listen.outcome:
        case Outcome.LIKED:
            return LIKED, 0.0
        case Outcome.PLAYED:
            return PLAYED, 0.0
        case Outcome.DISLIKED:
            return 0.0, DISLIKED
        case Outcome.SKIPPED:
            share = listen.heard_s / (duration_s if duration_s > 0 else USUAL_S)
            return 0.0, SKIPPED * (1.0 - min(max(share, 0.0), 1.0))
    return 0.0, 0.0


def context(mood: MoodName, wall: float) -> int:
    """The number of a mood at a time of day (of the house's own time zone)."""
    try:
        hour = datetime.fromtimestamp(wall).hour
    except (OverflowError, OSError, ValueError):
        hour = 12
    return MOODS[mood] * DAY_PARTS + hour * DAY_PARTS // 24


def age_s(heard_at: Reals, now: Now) -> Reals:
    """Seconds since then, infinite for never (0). After a jump of the clock the truth is unknown: a day."""
    ages = np.where(heard_at > 0, now.wall - heard_at, math.inf)
    return np.where(ages >= 0, ages, DAY_S)


def _relevance() -> Mapping[int, Floats]:
    """For each context, what evidence from each other one counts in it."""
    table = {}
    for here in range(CONTEXTS):
        shares = [
            (1.0 if here // DAY_PARTS == there // DAY_PARTS else OTHER_MOOD)
            * (1.0 if here % DAY_PARTS == there % DAY_PARTS else OTHER_TIME)
            for there in range(CONTEXTS)
        ]
        table[here] = np.array([*shares, 1.0], np.float32)
    return table


RELEVANCE = _relevance()
