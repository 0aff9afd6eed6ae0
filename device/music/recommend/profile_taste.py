"""What one profile likes: evidence for and against tracks. Pure; see `taste.py` for all profiles.

A listen becomes *evidence*: a weight for a track or against it. A skip counts against a track in proportion to the
share that was left. Evidence belongs to a *context*, the mood and the part of the day, and counts less in other
contexts. A like or a dislike concerns the song itself and counts in all contexts. Evidence fades with a half-life of
half a year of the profile's own listening.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from device.domain import Listen, MoodName, Outcome
from device.music.recommend.track_index import MOODS, Floats, Rows

DAY_S = 86400.0
HALF_LIFE_S = 180 * DAY_S
LONGEST_PAUSE_S = 30 * DAY_S  # a longer pause ages evidence no further, so that a wrong clock does not erase a taste

# Weights of evidence, in tracks heard to their end.
LIKED, PLAYED = 4.0, 1.0
DISLIKED, SKIPPED = 8.0, 2.0  # SKIPPED: a skip at the very beginning; later skips weigh less
PLEASED, DISPLEASED = 0.5, 0.5  # what a face or a head said
REACTIONS = (Outcome.PLEASED, Outcome.DISPLEASED)
USUAL_S = 200.0  # the length of a track whose length is unknown

RECENT = 12  # songs that each profile heard last
SAME_SONG_S = 1800.0  # within this time, an opinion and the end of a song belong to the same hearing

DAY_PARTS = 4  # night, morning, afternoon, evening: six hours each
CONTEXTS = len(MOODS) * DAY_PARTS
ALWAYS = CONTEXTS  # the column of evidence that counts in every context
COLUMNS = CONTEXTS + 1
OTHER_MOOD, OTHER_TIME = 0.7, 0.7  # the weight of evidence from another mood, and from another part of the day


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
        if listen.outcome not in REACTIONS:
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


def weight(listen: Listen, duration_s: float) -> tuple[float, float]:
    """The evidence of a listen for and against its track. A change of mood is no evidence."""
    match listen.outcome:
        case Outcome.LIKED:
            return LIKED, 0.0
        case Outcome.PLAYED:
            return PLAYED, 0.0
        case Outcome.DISLIKED:
            return 0.0, DISLIKED
        case Outcome.PLEASED:
            return PLEASED, 0.0
        case Outcome.DISPLEASED:
            return 0.0, DISPLEASED
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
