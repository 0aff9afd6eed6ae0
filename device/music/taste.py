"""What each profile thinks of each track, learnt from the history of listens. Pure; belongs to the main thread."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from device.domain import Listen, Now, Outcome

EARLY_S = 15.0  # a skip within so long means "not this"; a later one may mean "enough"
DAY_S = 86400.0
STALEST = 0.02  # the freshness of a track that has only just been heard: repeating beats music of the wrong mood

# Weights of evidence, in tracks heard to their end or skipped late.
GOOD: Mapping[Outcome, float] = {Outcome.PLAYED: 1.0, Outcome.LIKED: 4.0}
BAD: Mapping[Outcome, float] = {Outcome.SKIPPED: 1.0, Outcome.DISLIKED: 8.0}
EARLY_SKIP = 2.0


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one profile's history says of one track. `good` and `bad` are weights of evidence; `heard_at` and
    `said_at` wall-clock times (s, 0 = never); `verdict` is the last like or dislike."""

    good: float = 0.0
    bad: float = 0.0
    hearings: int = 0
    heard_at: float = 0.0
    verdict: Outcome | None = None
    said_at: float = 0.0

    def after(self, listen: Listen) -> Opinion:
        """With one more line of history."""
        early = listen.outcome is Outcome.SKIPPED and listen.heard_s < EARLY_S
        judged = listen.outcome in (Outcome.LIKED, Outcome.DISLIKED)
        return Opinion(
            self.good + GOOD.get(listen.outcome, 0.0),
            self.bad + (EARLY_SKIP if early else BAD.get(listen.outcome, 0.0)),
            self.hearings + (0 if judged else 1),
            max(self.heard_at, listen.at),
            listen.outcome if judged else self.verdict,
            listen.at if judged else self.said_at,
        )

    def age_s(self, now: Now) -> float:
        """Seconds since it was heard, infinite if never. After a jump of the clock the truth is unknown: a day."""
        if self.heard_at <= 0:
            return math.inf
        age_s = now.wall - self.heard_at
        return age_s if age_s >= 0 else DAY_S

    def freshness(self, now: Now) -> float:
        """0.02 (just heard) to 1 (forgotten, or never heard)."""
        strength_s = DAY_S * (1 + math.log1p(self.hearings))
        retention = math.exp(-self.age_s(now) / strength_s)
        return STALEST + (1 - STALEST) * (1 - retention)


UNHEARD = Opinion()


class Taste:
    """What each profile thinks of each track, and whom everybody heard last. Grows with the library, not with time."""

    def __init__(self, history: Iterable[Listen] = ()) -> None:
        self._opinions: dict[tuple[str, str], Opinion] = {}
        self.last_key = ""
        for listen in history:
            self.add(listen)

    def add(self, listen: Listen) -> None:
        """Learn from one more line of history; lines come in the order in which things happened."""
        at = (listen.profile, listen.track_key)
        self._opinions[at] = self._opinions.get(at, UNHEARD).after(listen)
        self.last_key = listen.track_key

    def of(self, profile: str, key: str) -> Opinion:
        """What this profile thinks of the track with this key."""
        return self._opinions.get((profile, key), UNHEARD)
