"""The diary of the room: which mood it had when, and which songs played. It stays on the device.

Times are wall-clock seconds. The conductor writes the diary; everybody else reads it through the protocol `Diary`. The
people in the diary are profiles: Affetto recognises nobody.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

from device.domain.affect import MOOD_AFFECT, Affect, MoodName, MoodSource
from device.domain.music import Listen, Outcome


@dataclass(frozen=True, slots=True)
class Felt:
    """What the faces in the room showed at one time: a point in the plane, and its certainty in [0, 1]."""

    affect: Affect
    certainty: float


@dataclass(frozen=True, slots=True)
class MoodEntry:
    """From `at` on, the room was in this mood. `mood` None: nobody was in view, and no mood was set by hand.
    `felt` is what the faces showed; None without any."""

    at: float
    mood: MoodName | None
    source: MoodSource
    felt: Felt | None = None
    faces: int = 0


@dataclass(frozen=True, slots=True)
class SongEntry:
    """A song that played, and the mood of the faces before and after it (None: no face was in view then).

    `mood` and `affect` are the song's own. `heard_s` leaves out pauses. `profile`: the names of those whose taste
    counted, with commas. `outcome` None: the music stopped during the song. `context` is what people were doing (see
    `SetContext`), as far as the settings know it. `liked`: somebody said so while it played.
    """

    started_at: float
    ended_at: float
    heard_s: float
    track_key: str
    title: str
    artist: str
    mood: MoodName
    profile: str
    outcome: Outcome | None
    before: Felt | None = None
    after: Felt | None = None
    affect: Affect = MOOD_AFFECT[MoodName.NEUTRAL]
    context: str = ""
    liked: bool = False


DiaryEntry = MoodEntry | SongEntry


@dataclass(frozen=True, slots=True)
class Erasure:
    """What people want forgotten: the time from `start` to `end`, of this `person` only (empty: of everybody). Without
    limits of time it covers the bans, too."""

    person: str = ""
    start: float = -math.inf
    end: float = math.inf

    @property
    def everything(self) -> bool:
        """Whether nothing may remain."""
        return not self.person and self.ever

    @property
    def ever(self) -> bool:
        """Whether it has no limits of time."""
        return (self.start, self.end) == (-math.inf, math.inf)

    def concerns(self, profile: str) -> bool:
        """Whether the person is among the names of this profile."""
        return not self.person or self.person in profile.split(", ")

    def covers(self, listen: Listen) -> bool:
        """Whether this listen must go. A ban is a decision, not a trace of a day: it stays when a day is forgotten."""
        if not self.concerns(listen.profile):
            return False
        lasting = listen.outcome in (Outcome.BANNED, Outcome.ALLOWED)
        return self.ever or (self.start <= listen.at < self.end and not lasting)


class Diary(Protocol):
    """Reads the diary, from any thread. Raises StateError if the file cannot be read."""

    def moods(self, start: float, end: float) -> tuple[MoodEntry, ...]:
        """The moods that began in [start, end), preceded by the one that already held at `start`, if any."""

    def songs(self, start: float, end: float) -> tuple[SongEntry, ...]:
        """The songs that started in [start, end), oldest first."""
