"""What people ask for: requests for tracks, and the queue that they make together with the device's own choices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from device.domain.music import Choice


class Where(StrEnum):
    """When a requested track should play: at once, before all other requests, or when its turn comes."""

    NOW = "now"
    NEXT = "next"
    LATER = "later"


@dataclass(frozen=True, slots=True)
class Request:
    """A track that somebody asked for. `by` is a person's name, or empty for nobody in particular. `votes` are the
    names of those who want to hear it too. A request that is `pinned` plays before all that are not."""

    id: int
    track_key: str
    by: str = ""
    votes: tuple[str, ...] = ()
    pinned: bool = False


@dataclass(frozen=True, slots=True)
class Requests:
    """All open requests, each person's in the order in which they play, and whose turn it is.

    Requests play in rounds, and in each round every person has one turn. `round` is the present one, and `rounds` says
    in which one each person had the last turn, in the order of these turns. `vetoes` says when each person last used a
    veto (wall clock, s). `last_id` is the id of the newest request.
    """

    open: tuple[Request, ...] = ()
    round: int = 0
    rounds: Mapping[str, int] = field(default_factory=dict)
    vetoes: Mapping[str, float] = field(default_factory=dict)
    last_id: int = 0


@dataclass(frozen=True, slots=True)
class QueueEntry:
    """A track that plays later. `id` is the id of its request, or 0 if the device chose the track. `by` is the person
    who asked for it, and `votes` are the people who want to hear it too."""

    choice: Choice
    id: int = 0
    by: str = ""
    votes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SkipVotes:
    """Who wants to skip the current track, and how many votes skip it."""

    voters: tuple[str, ...] = ()
    needed: int = 1
