"""What each profile likes, learnt from the history of listens. Pure. The main thread owns the current one; the
scanner's thread builds its successor when the library changes (see `prepared`).

A listen becomes *evidence*: a weight for a track or against it. A skip counts against a track in proportion to the
share that was left. Evidence belongs to a *context*, the mood and the part of the day, and counts less in other
contexts. A like or a dislike concerns the song itself and counts in all contexts. Evidence fades with a half-life of
half a year of the profile's own listening.

Each profile has a taste of its own, and none learns from another; `everyone` is the profile until somebody chooses
one. All profiles share what was *heard*: in one room, a song that has just played is not fresh for anybody. None of
this is ever published.
"""

from __future__ import annotations

import gc
import math
from collections import deque
from collections.abc import Iterable, KeysView, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from device.domain import Erasure, Listen, MoodName, Now, Outcome, Track
from device.music.recommend.track_index import MOODS, Floats, Rows, TrackIndex

DAY_S = 86400.0
HALF_LIFE_S = 180 * DAY_S
LONGEST_PAUSE_S = 30 * DAY_S  # a longer pause ages evidence no further, so that a wrong clock does not erase a taste
REMEMBERED = 50_000  # listens, as many as the store keeps

# Weights of evidence, in tracks heard to their end.
LIKED, PLAYED = 4.0, 1.0
DISLIKED, SKIPPED = 8.0, 2.0  # SKIPPED: a skip at the very beginning; later skips weigh less
USUAL_S = 200.0  # the length of a track whose length is unknown

RECENT = 12  # songs that each profile heard last
SAME_SONG_S = 1800.0  # within this time, an opinion and the end of a song belong to the same hearing

DAY_PARTS = 4  # night, morning, afternoon, evening: six hours each
CONTEXTS = len(MOODS) * DAY_PARTS
ALWAYS = CONTEXTS  # the column of evidence that counts in every context
COLUMNS = CONTEXTS + 1
OTHER_MOOD, OTHER_TIME = 0.7, 0.7  # the weight of evidence from another mood, and from another part of the day

Reals = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Opinion:
    """The facts about one track: a profile's last like or dislike (`verdict`, at `said_at`, wall clock, s), how often
    the profile heard it to the end, and when this room last heard it (wall clock, s; 0 = never)."""

    heard_at: float = 0.0
    hearings: int = 0
    heard_out: int = 0
    verdict: Outcome | None = None
    said_at: float = 0.0

    def age_s(self, now: Now) -> float:
        """Seconds since it was heard, infinite if never."""
        return float(age_s(np.array([self.heard_at]), now)[0])


@dataclass(frozen=True, slots=True)
class Hearing:
    """One song that a profile heard, when (wall clock, s), and what became of it."""

    row: int
    at: float
    outcome: Outcome


class ProfileTaste:
    """The likes and listens of one profile, on the rows of one library: facts by row, and evidence."""

    def __init__(self) -> None:
        self.recent: deque[Hearing] = deque(maxlen=RECENT)
        """The latest songs that this profile heard, newest last."""
        self.verdict: dict[int, tuple[Outcome, float]] = {}
        self.disliked: set[int] = set()
        self.heard_out: dict[int, int] = {}
        self._slot: dict[int, int] = {}
        self._rows = np.zeros(64, np.intp)
        self._evidence = np.zeros((64, 2 * COLUMNS), np.float32)  # first the columns for a track, then those against
        self._at: float | None = None
        self._scale = 1.0  # old evidence does not fade; instead, new evidence gets a greater weight: see `_age`

    def add(self, row: int, listen: Listen, duration_s: float) -> None:
        """Learn from one more listen, in chronological order."""
        self._age(listen.at)
        self._hear(row, listen)
        good, bad = weight(listen, duration_s)
        if listen.outcome in (Outcome.LIKED, Outcome.DISLIKED):
            self._judge(row, listen)
            column = ALWAYS
        else:
            column = context(listen.mood, listen.at)
        if listen.outcome is Outcome.PLAYED:
            self.heard_out[row] = self.heard_out.get(row, 0) + 1
        if good or bad:
            slot = self._slot_of(row)
            self._evidence[slot, column if good else COLUMNS + column] += (good or bad) * self._scale

    def evidence(self, mood: MoodName, wall: float) -> tuple[Rows, Floats, Floats]:
        """The rows with evidence, and the evidence for and against each, as weighted in this mood now."""
        count = len(self._slot)
        relevance = RELEVANCE[context(mood, wall)] / np.float32(self._scale)
        weights = self._evidence[:count].reshape(-1, COLUMNS) @ relevance
        return self._rows[:count], weights[::2], weights[1::2]

    def _hear(self, row: int, listen: Listen) -> None:
        """Add a song to `recent`. If it was liked or disliked meanwhile, that is what counts."""
        outcome, opinions = listen.outcome, (Outcome.LIKED, Outcome.DISLIKED)
        if self.recent and self.recent[-1].row == row and 0 <= listen.at - self.recent[-1].at < SAME_SONG_S:
            last = self.recent.pop()
            outcome = last.outcome if last.outcome in opinions and outcome not in opinions else outcome
        self.recent.append(Hearing(row, listen.at, outcome))

    def _judge(self, row: int, listen: Listen) -> None:
        self.verdict[row] = listen.outcome, listen.at
        if listen.outcome is Outcome.DISLIKED:
            self.disliked.add(row)
        else:
            self.disliked.discard(row)

    def _slot_of(self, row: int) -> int:
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
    """What each profile likes and what the room has heard. Call `attach` with the library first."""

    def __init__(self, history: Iterable[Listen] = (), total: int | None = None) -> None:
        """`history` in chronological order; `total`: how many listens there ever were, these included."""
        lines = list(history)
        self._lines = deque(lines, maxlen=REMEMBERED)
        self.total = len(lines) if total is None else total
        self._library = TrackIndex()
        self._profiles: dict[str, ProfileTaste] = {}
        self._banned: dict[str, None] = {}
        self.heard_at: Reals = np.zeros(0)
        """float64[n]: when this room last heard each row (wall clock, s; 0 = never)."""
        self.hearings: Reals = np.zeros(0)
        self.last_rows: deque[int] = deque(maxlen=10)
        """The latest rows that were heard, newest last."""
        self._last_hearing = (-1, 0.0)
        for line in lines:
            self._ban(line)

    def attach(self, library: TrackIndex) -> None:
        """Index the history by the rows of this library; listens to tracks that are gone stay in the history."""
        self._library = library
        self._profiles.clear()
        self.heard_at, self.hearings = np.zeros(len(library)), np.zeros(len(library))
        self.last_rows.clear()
        self._last_hearing = (-1, 0.0)
        for line in self._lines:
            self._learn(line)

    def add(self, listen: Listen) -> None:
        """Learn from one more listen, in chronological order."""
        self._lines.append(listen)
        self.total += 1
        self._ban(listen)
        self._learn(listen)

    def forget(self, erasures: Sequence[Erasure]) -> None:
        """Forget the listens that `erasures` cover. Blanks take their place, so that `catch_up` still counts right."""
        if not any(one.covers(line) for one in erasures for line in self._lines):
            return
        blank = Listen("", "", MoodName.NEUTRAL, Outcome.REPLACED, 0.0)
        kept = [blank if any(one.covers(line) for one in erasures) else line for line in self._lines]
        self._lines = deque(kept, maxlen=REMEMBERED)
        self._banned.clear()
        for line in kept:
            self._ban(line)
        self.attach(self._library)

    def hear(self, track_key: str, at: float) -> None:
        """This room has heard a track, and no profile learns from it. Only this process remembers."""
        if (row := self._library.row.get(track_key)) is not None:
            self._heard(row, at)

    @property
    def profiles(self) -> KeysView[str]:
        """The names of the profiles with a history here."""
        return self._profiles.keys()

    def catch_up(self, former: Taste) -> None:
        """Learn what `former` has learnt since this one was built."""
        missed = max(0, former.total - self.total)
        for line in list(former._lines)[len(former._lines) - missed :]:
            self.add(line)

    @property
    def banned(self) -> tuple[str, ...]:
        """The keys of the banned tracks, the latest last."""
        return tuple(self._banned)

    def of_profile(self, profile: str) -> ProfileTaste:
        """The taste of this profile."""
        return self._profiles.get(profile, UNKNOWN)

    def of(self, profile: str, key: str) -> Opinion:
        """The facts about the track with this key, for this profile."""
        row = self._library.row.get(key)
        if row is None:
            return Opinion()
        own = self.of_profile(profile)
        verdict, said_at = own.verdict.get(row, (None, 0.0))
        heard_at, hearings = float(self.heard_at[row]), int(self.hearings[row])
        return Opinion(heard_at, hearings, own.heard_out.get(row, 0), verdict, said_at)

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
        if listen.profile not in self._profiles:
            self._profiles[listen.profile] = ProfileTaste()
        self._profiles[listen.profile].add(row, listen, self._library.tracks[row].duration_s)
        self._heard(row, listen.at, again=listen.outcome not in (Outcome.LIKED, Outcome.DISLIKED))

    def _heard(self, row: int, at: float, *, again: bool = True) -> None:
        """Several profiles that hear a track at the same time hear it once."""
        if again and (row, at) != self._last_hearing:
            self.hearings[row] += 1
            self._last_hearing = row, at
        if at > self.heard_at[row]:
            self.heard_at[row] = at
        if not self.last_rows or self.last_rows[-1] != row:
            self.last_rows.append(row)


def prepared(tracks: Sequence[Track], history: Sequence[Listen], total: int) -> tuple[TrackIndex, Taste]:
    """The index of these tracks, and the taste on it, from `total` listens. For the scanner's thread: with 100,000
    tracks and 50,000 listens this takes a second, while the main thread continues."""
    gc.disable()  # nothing here is garbage, and a pass over 100,000 tracks would hold every thread for tens of ms
    try:
        index, taste = TrackIndex(tracks), Taste(history, total)
        taste.attach(index)
    finally:
        gc.enable()
    return index, taste


UNKNOWN = ProfileTaste()
"""The taste of a profile without listens."""


def weight(listen: Listen, duration_s: float) -> tuple[float, float]:
    """The evidence of a listen for and against its track. A change of mood is no evidence."""
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
    """The number of a mood at a time of day (in the local time zone)."""
    try:
        hour = datetime.fromtimestamp(wall).hour
    except (OverflowError, OSError, ValueError):
        hour = 12
    return MOODS[mood] * DAY_PARTS + hour * DAY_PARTS // 24


def age_s(heard_at: Reals, now: Now) -> Reals:
    """Seconds since then, infinite for never (0). For a time in the future, because the clock was set: a day."""
    ages = np.where(heard_at > 0, now.wall - heard_at, math.inf)
    return np.where(ages >= 0, ages, DAY_S)


def _relevance() -> Mapping[int, Floats]:
    """For each context, the weight of evidence from every other context."""
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
