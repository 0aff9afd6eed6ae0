"""What can play, and what should play next: the library, the tastes, the open requests. Pure; main thread.

A request wins over a choice that fits the mood. This module does not own what plays now: its methods take
the current `Playthrough`.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable, Mapping

from device.core import requests
from device.core.audience import Audience
from device.core.failures import Failures
from device.core.lessons import OPINIONS, lessons
from device.core.queue import Playthrough
from device.core.request_queue import RequestQueue
from device.domain import (
    Action,
    Announce,
    DiaryEntry,
    Erasure,
    EventType,
    Listen,
    Now,
    Outcome,
    QueueEntry,
    Record,
    SongEntry,
    Target,
    Track,
)
from device.domain.snapshot import MOST_PLAYLISTS
from device.music.recommend.choose import Taste, TrackIndex, choose
from device.music.recommend.effects import Effects


class Chooser:
    """Owns what the choice depends on, apart from the mood.

    `effects` None: nobody learns what songs do to the room. `never`: the banned tracks that are in the library, the
    latest last. `playlists`: the keys of the tracks of each playlist, by its name. `heard_elsewhere`: the keys of
    tracks that the group heard from another device.
    """

    def __init__(self, history: Iterable[Listen], dice: random.Random, effects: Effects | None = None) -> None:
        self.index = TrackIndex()
        self.taste = Taste(history)
        self.effects = effects
        self.requests = RequestQueue()
        self.failures = Failures()
        self.heard_elsewhere: frozenset[str] = frozenset()
        self.never: tuple[Track, ...] = ()
        self.playlists: Mapping[str, tuple[str, ...]] = {}
        self.playlist_names: tuple[str, ...] = ()
        """Sorted, as surfaces show them."""
        self._dice = dice
        self._erasures: list[Erasure] = []

    def load(self, index: TrackIndex, taste: Taste | None = None) -> None:
        """Use this library. Files that failed before get another chance. `taste` is already indexed for this library;
        without one, the present taste is indexed here."""
        self.index = index
        self.requests.load(index)
        if taste is None:
            self.taste.attach(index)
        else:
            taste.catch_up(self.taste)
            taste.forget(self._erasures)  # the scanner's thread may have read the history before somebody erased it
            self.taste = taste
        if self.effects is not None:
            self.effects.attach(index)
        self.failures.keys.clear()
        self.failures.load(index.tracks)
        self._list_never()

    def take_playlists(self, playlists: Mapping[str, tuple[str, ...]]) -> None:
        """Use these playlists."""
        self.playlists = playlists
        self.playlist_names = tuple(sorted(playlists, key=str.casefold)[:MOST_PLAYLISTS])

    def advance(self, now: Now) -> None:
        """Let disks be tried again that were left alone long enough."""
        self.failures.forgive(self.index.tracks, now)

    # --- Choosing ---

    def waiting(self, present: Playthrough | None) -> tuple[QueueEntry, ...]:
        """The open requests, without the one that plays already but is not audible yet."""
        playing = 0 if present is None else present.request
        return tuple(entry for entry in self.requests.entries if entry.id != playing)

    def first_request(self, present: Playthrough | None) -> QueueEntry | None:
        """The request that plays next."""
        return next((one for one in self.waiting(present) if not self.has_failed(one.choice.track.key)), None)

    def choose(self, present: Playthrough | None, target: Target, audience: Audience, now: Now) -> QueueEntry | None:
        """The first request, or else a track that fits; None without any."""
        if (request := self.first_request(present)) is not None:
            return request
        playing = set() if present is None else {present.choice.track.key}
        exclude = playing | self.failures.keys | self.failures.away | self.heard_elsewhere
        choice = choose(self.index, target, self.taste, audience.profiles, now, self._dice, exclude, self.effects)
        return None if choice is None else QueueEntry(choice)

    def has_failed(self, key: str) -> bool:
        """Whether this track could not be played since the last scan, or its disk does not answer."""
        return key in self.failures.keys or key in self.failures.away

    # --- Learning ---

    def learn(
        self, present: Playthrough, outcome: Outcome, audience: Audience, now: Now, by: Collection[str] = ()
    ) -> list[Action]:
        """Add entries about the present track to the tastes and to the history. `by`: those whose opinion it is; empty:
        everybody present."""
        lines = lessons(present, outcome, audience, now, by)
        for line in lines:
            self.taste.add(line)
        if not lines and outcome not in OPINIONS:
            self.taste.hear(present.choice.track.key, now.wall)
        if outcome is Outcome.BANNED:
            self._list_never()
        return [Record(line) for line in lines]

    def learn_effect(self, entry: DiaryEntry) -> None:
        """Learn what a song did to the room."""
        if self.effects is not None and isinstance(entry, SongEntry):
            self.effects.add(entry)

    def allow(self, track: Track, audience: Audience, now: Now) -> list[Action]:
        """Let a banned track play again."""
        line = Listen(track.key, audience.profiles[0], track.mood, Outcome.ALLOWED, now.wall)
        self.taste.add(line)
        self._list_never()
        return [Announce(EventType.ALLOWED, {"title": track.title, "uri": track.uri}), Record(line)]

    def forget(self, erasure: Erasure) -> None:
        """Forget the listens that `erasure` covers."""
        self._erasures.append(erasure)
        self.taste.forget(self._erasures)
        if self.effects is not None:
            self.effects.forget(erasure)
        self._list_never()
        if erasure.ever:
            self.requests.state = requests.forget(self.requests.state, erasure.person)

    def _list_never(self) -> None:
        self.never = tuple(self.index.tracks[row] for row in self.index.rows(self.taste.banned))
