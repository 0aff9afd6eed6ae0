"""The open requests and the votes, as the playback uses them. Pure; main thread, owned by `Chooser`."""

from __future__ import annotations

from dataclasses import replace

from device.core import requests as pure
from device.core.audience import Audience
from device.domain import EVERYONE, Choice, Now, QueueEntry, Request, Requests, SkipVotes
from device.music.recommend.track_index import TrackIndex

PRESENT_S = 3600.0  # whoever asked or voted within this time counts as present
VETO_S = 3600.0  # a person has one veto in this time


class RequestQueue:
    """`state` survives a power cut; the votes to skip the current track and who is active do not."""

    def __init__(self, state: Requests | None = None) -> None:
        self._state = state or Requests()
        self._index = TrackIndex()
        self._entries: tuple[QueueEntry, ...] | None = ()
        self._voters: tuple[str, ...] = ()
        self._active_at: dict[str, float] = {}  # when each person last asked or voted (monotonic, s)

    # --- Requests ---

    @property
    def state(self) -> Requests:
        """All open requests, and whose turn it is."""
        return self._state

    @state.setter
    def state(self, state: Requests) -> None:
        self._state, self._entries = state, None

    def load(self, index: TrackIndex) -> None:
        """Use this library."""
        self._index, self._entries = index, None

    @property
    def entries(self) -> tuple[QueueEntry, ...]:
        """All requests that can play, in the order in which they will."""
        if self._entries is None:
            turns = pure.turns(self._state, self._index.row)
            self._entries = tuple(self._entry(turn.request) for turn in turns)
        return self._entries

    def serve(self, request_id: int) -> None:
        """This request plays now; 0: none does."""
        if request_id:
            self.state = pure.serve(self._state, request_id, self._index.row)

    def drop(self, request_id: int) -> None:
        """This request cannot play; 0: there is none."""
        self.state = pure.drop(self._state, request_id)

    def _entry(self, request: Request) -> QueueEntry:
        track = self._index.tracks[self._index.row[request.track_key]]
        return QueueEntry(Choice(track, why(request)), request.id, request.by, request.votes)

    # --- Votes ---

    def seen(self, name: str, now: Now) -> None:
        """This person is active."""
        self._active_at = {who: at for who, at in self._active_at.items() if now.mono - at < PRESENT_S}
        if name not in ("", EVERYONE):
            others = [(who, at) for who, at in self._active_at.items() if who != name]
            self._active_at = dict([*others, (name, now.mono)][-pure.MOST_PEOPLE :])

    def vote_to_skip(self, name: str) -> None:
        """One vote against the current track."""
        if name not in self._voters:
            self._voters = (*self._voters, name)[: pure.MOST_PEOPLE]

    def forget_votes(self) -> None:
        """Another track plays."""
        self._voters = ()

    def skip_votes(self, audience: Audience, now: Now) -> SkipVotes:
        """The votes so far, and how many are a majority of those present: the profiles that are present, whoever was
        active within the hour, and at least as many people as the camera sees faces."""
        active = {name for name, at in self._active_at.items() if now.mono - at < PRESENT_S}
        named = (active | set(audience.profiles)) - {EVERYONE}
        return SkipVotes(self._voters, max(len(named), audience.faces, 1) // 2 + 1)

    def veto(self, name: str, now: Now) -> float:
        """Use this person's veto. Returns 0, or the seconds until the next one is allowed."""
        vetoes = {who: at for who, at in self._state.vetoes.items() if 0 <= now.wall - at < VETO_S}
        if name in vetoes:
            return VETO_S - (now.wall - vetoes[name])
        self.state = replace(self._state, vetoes={**vetoes, name: now.wall})
        return 0.0


def why(request: Request) -> str:
    """The reason for playing a request, such as "Ada asked for it; 2 votes"."""
    who = request.by if request.by not in ("", EVERYONE) else "somebody"
    votes = len(request.votes)
    return f"{who} asked for it" + (f"; {votes} vote{'s' if votes > 1 else ''}" if votes else "")
