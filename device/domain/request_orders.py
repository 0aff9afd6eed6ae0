"""What people ask of the queue. `by` is the name of the person who asks; empty: nobody in particular."""

from __future__ import annotations

from dataclasses import dataclass

from device.domain.requests import Where


@dataclass(frozen=True, slots=True)
class Enqueue:
    """Ask for these tracks, in this order. Each is the URI or the key of a track in the library."""

    tracks: tuple[str, ...]
    where: Where = Where.LATER
    by: str = ""


@dataclass(frozen=True, slots=True)
class PlayPlaylist:
    """Ask for the tracks of the playlist with this name, in its order. A playlist that begins with a stream plays the
    stream, at once. With `where` now, it replaces what the same person wanted now or next. `tracks`: the keys that it
    holds, for a device that does not have it."""

    playlist: str
    where: Where = Where.LATER
    by: str = ""
    tracks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RemoveRequest:
    """Take a request back."""

    id: int
    by: str = ""


@dataclass(frozen=True, slots=True)
class MoveRequest:
    """Give a request another place (1 is the first) among the requests of the same person."""

    id: int
    place: int
    by: str = ""


@dataclass(frozen=True, slots=True)
class ClearRequests:
    """Remove all requests of the person `whose`; None: of everybody."""

    whose: str | None = None
    by: str = ""


@dataclass(frozen=True, slots=True)
class Vote:
    """Vote for a request, or take the vote back (`up` is False)."""

    id: int
    by: str
    up: bool = True


@dataclass(frozen=True, slots=True)
class VoteSkip:
    """Vote to skip the current track; the majority of those present decides."""

    by: str


@dataclass(frozen=True, slots=True)
class Veto:
    """Skip the current track at once; a person may do so once an hour."""

    by: str


RequestOrder = Enqueue | RemoveRequest | MoveRequest | ClearRequests | Vote | VoteSkip | Veto
