"""Whose request plays next. Pure functions on `Requests`; the main thread calls them.

Requests play in rounds, so that nobody gets more turns by asking more often. A person's first request belongs to the
present round, or to the next one if they have had their turn; each further request belongs to one round later. This is
fair queueing (Nagle, "On packet switches with infinite storage", RFC 970, 1985), with people in place of computers.
Within a round, the request with the most votes plays first; with equal votes, that of the person who has waited longest
since the last turn. Pinned requests ("play next") play before the others, in the same kind of turns.

`library` is anything that contains the keys of the tracks that can play. Requests for other tracks wait invisibly: a
USB drive may come back.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import dataclass, replace

from device.domain import Request, Requests

MOST_KEPT = 300  # requests, the invisible ones included; a group publishes all in one document
MOST_PEOPLE = 100  # whose last turn is remembered, and who can vote for one request


@dataclass(frozen=True, slots=True)
class Turn:
    """A request, and the round to which it belongs now."""

    request: Request
    round: int


def turns(requests: Requests, library: Container[str]) -> list[Turn]:
    """All requests that can play, in the order in which they will."""
    rounds = dict(requests.rounds)
    groups: dict[tuple[bool, int], list[Request]] = {}
    for request in sorted(requests.open, key=lambda one: not one.pinned):
        if request.track_key in library:
            number = rounds[request.by] = max(requests.round, rounds.get(request.by, -1) + 1)
            groups.setdefault((not request.pinned, number), []).append(request)
    served = {name: number for number, name in enumerate(requests.rounds)}  # in the order of the latest turns
    oldest: dict[str, int] = {}
    for request in requests.open:
        oldest[request.by] = min(request.id, oldest.get(request.by, request.id))
    found: list[Turn] = []
    for (_, number), group in sorted(groups.items(), key=lambda item: item[0]):
        group.sort(key=lambda one: (-len(one.votes), served.get(one.by, -1), oldest[one.by]))
        for request in group:
            served[request.by] = len(requests.rounds) + len(found)
            found.append(Turn(request, number))
    return found


def find(requests: Requests, request_id: int) -> Request | None:
    """The open request with this id."""
    return next((request for request in requests.open if request.id == request_id), None)


def of_person(requests: Requests, name: str, library: Container[str]) -> list[Request]:
    """One person's requests that can play, in their order."""
    return [request for request in requests.open if request.by == name and request.track_key in library]


def add(requests: Requests, track_key: str, by: str, *, pinned: bool) -> Requests:
    """One more request, the last of this person."""
    request = Request(requests.last_id + 1, track_key, by, pinned=pinned)
    return replace(requests, open=(*requests.open, request)[-MOST_KEPT:], last_id=request.id)


def serve(requests: Requests, request_id: int, library: Container[str]) -> Requests:
    """This request plays now: its person has had a turn."""
    turn = next((turn for turn in turns(requests, library) if turn.request.id == request_id), None)
    if turn is None:
        return drop(requests, request_id)
    rounds = {name: number for name, number in requests.rounds.items() if name != turn.request.by}
    rounds = dict(list(rounds.items())[1 - MOST_PEOPLE :]) | {turn.request.by: turn.round}
    present = requests.round if turn.request.pinned else max(requests.round, turn.round)
    return replace(drop(requests, request_id), round=present, rounds=rounds)


def drop(requests: Requests, request_id: int) -> Requests:
    """Without this request; nobody has had a turn."""
    if find(requests, request_id) is None:
        return requests
    return replace(requests, open=tuple(request for request in requests.open if request.id != request_id))


def clear(requests: Requests, whose: str | None) -> Requests:
    """Without this person's requests; None: without any."""
    return replace(requests, open=tuple(request for request in requests.open if whose not in (None, request.by)))


def move(requests: Requests, request_id: int, place: int, library: Container[str]) -> Requests:
    """With this request at `place` (1 is the first) among those of the same person. Afterwards it is pinned exactly if
    one that follows it is."""
    moved = find(requests, request_id)
    if moved is None:
        return requests
    own = [one for one in of_person(requests, moved.by, library) if one.id != request_id]
    place = max(0, min(place - 1, len(own)))
    pinned = any(one.pinned for one in own[place:])
    own.insert(place, replace(moved, pinned=pinned))
    return replace(requests, open=tuple(_merged(requests, own)))


def _merged(requests: Requests, own: list[Request]) -> Iterator[Request]:
    """All requests, with the places of one person's refilled in the order of `own`."""
    ids, refill = {one.id for one in own}, iter(own)
    for request in requests.open:
        yield next(refill) if request.id in ids else request


def vote(requests: Requests, request_id: int, name: str, *, up: bool) -> Requests:
    """With this person's vote for a request, or without it."""

    def changed(request: Request) -> Request:
        others = tuple(voter for voter in request.votes if voter != name)
        return replace(request, votes=(*others, name)[:MOST_PEOPLE] if up else others)

    found = tuple(changed(request) if request.id == request_id else request for request in requests.open)
    return replace(requests, open=found)


def forget(requests: Requests, name: str) -> Requests:
    """Without any trace of this person; empty: of anybody."""
    if not name:
        return Requests(last_id=requests.last_id)
    left = clear(requests, name)
    return replace(
        left,
        open=tuple(replace(one, votes=tuple(voter for voter in one.votes if voter != name)) for one in left.open),
        rounds={who: number for who, number in left.rounds.items() if who != name},
        vetoes={who: at for who, at in left.vetoes.items() if who != name},
    )
