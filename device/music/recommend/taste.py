"""What each profile likes, learnt from the history of listens. Pure. The main thread owns the current one; the
scanner's thread builds its successor when the library changes (see `prepared`).

Each profile has a taste of its own, and none learns from another; `everyone` is the profile until somebody chooses
one. All profiles share what was *heard*: in one room, a song that has just played is not fresh for anybody. None of
this is ever published.
"""

from __future__ import annotations

import gc
import math
from collections import deque
from collections.abc import Iterable, KeysView, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from device.domain import Erasure, Listen, MoodName, Now, Outcome, Track
from device.music.recommend.profile_taste import DAY_S, REACTIONS, ProfileTaste
from device.music.recommend.track_index import TrackIndex

REMEMBERED = 50_000  # listens, as many as the store keeps

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
        self._heard(row, listen.at, again=listen.outcome not in (Outcome.LIKED, Outcome.DISLIKED, *REACTIONS))

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


def age_s(heard_at: Reals, now: Now) -> Reals:
    """Seconds since then, infinite for never (0). For a time in the future, because the clock was set: a day."""
    ages = np.where(heard_at > 0, now.wall - heard_at, math.inf)
    return np.where(ages >= 0, ages, DAY_S)
