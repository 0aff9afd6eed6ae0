"""Parses what people send about the queue, votes and profiles as JSON. Pure, any thread.

Each function returns a command, or raises `msgspec.ValidationError` or `msgspec.DecodeError` if the text is not what
`EXPECTED` says.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec

from device.domain import (
    ClearRequests,
    Command,
    Enqueue,
    Feedback,
    Liking,
    MoveRequest,
    PlayPlaylist,
    RemoveRequest,
    SetPresence,
    SetPresent,
    Veto,
    Vote,
    VoteSkip,
    Where,
)
from device.mqtt.groups import LONGEST

EXPECTED = {
    "queue": 'the uri of a track, or JSON such as {"add": ["file:///..."], "where": "later", "by": "Ada"},'
    ' {"playlist": "Sunday", "where": "now"}, {"remove": 3}, {"move": 3, "to": 1} or {"clear": true}',
    "playlist": "the name of a playlist, of 1 to 1000 characters",
    "vote": 'JSON such as {"vote": "up", "id": 3, "by": "Ada"}; vote is up, back, skip or veto',
    "profile": f'a name of 1 to {LONGEST} characters, a JSON list of names, {{"add": "Ada"}} or {{"remove": "Ada"}}',
    "feedback": 'like, dislike or never, or JSON such as {"liking": "like", "by": "Ada"}',
}
"""What each command takes, as a phrase that continues "queue/set takes"."""

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST, pattern=r"^[^\x00-\x1f\x7f]+$")]
PlaylistName = Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]
Uri = Annotated[str, msgspec.Meta(min_length=1, max_length=8192)]
Uris = Annotated[tuple[Uri, ...], msgspec.Meta(min_length=1, max_length=200)]
Number = Annotated[int, msgspec.Meta(ge=1, lt=2**53)]


class QueueOrder(msgspec.Struct, forbid_unknown_fields=True):
    """`queue/set`: exactly one of add, playlist, remove, move (with `to`) and clear."""

    add: Uris | None = None
    playlist: PlaylistName | None = None
    where: Where = Where.LATER
    remove: Number | None = None
    move: Number | None = None
    to: Number | None = None
    clear: bool | Name | None = None
    by: Name | None = None


class VoteKind(StrEnum):
    """What a vote wants."""

    UP = "up"
    BACK = "back"
    SKIP = "skip"
    VETO = "veto"


class VoteOrder(msgspec.Struct, forbid_unknown_fields=True):
    """`vote/set`. `id` is the id of a request, for up and back."""

    vote: VoteKind
    by: Name
    id: Number | None = None


class PresenceOrder(msgspec.Struct, forbid_unknown_fields=True):
    """`profile/set`: somebody comes or goes."""

    add: Name | None = None
    remove: Name | None = None


class FeedbackOrder(msgspec.Struct, forbid_unknown_fields=True):
    """`feedback/set`: one person's opinion."""

    liking: Liking
    by: Name | None = None


def queue(text: str) -> Command:
    """A bare URI asks for that track. JSON holds exactly one of add, playlist, remove, move (with `to`) and clear."""
    if text.startswith("file://"):
        return Enqueue((msgspec.convert(text, Uri),))
    asked = msgspec.json.decode(text, type=QueueOrder)
    by, given = asked.by or "", [asked.add, asked.playlist, asked.remove, asked.move, asked.clear]
    if len(given) - given.count(None) != 1 or (asked.move is None) != (asked.to is None) or asked.clear is False:
        raise msgspec.ValidationError
    if asked.add is not None:
        return Enqueue(asked.add, asked.where, by)
    if asked.playlist is not None:
        return PlayPlaylist(asked.playlist, asked.where, by)
    if asked.remove is not None:
        return RemoveRequest(asked.remove, by)
    if asked.move is not None and asked.to is not None:
        return MoveRequest(asked.move, asked.to, by)
    return ClearRequests(None if asked.clear is True else str(asked.clear), by)


def playlist(text: str) -> Command:
    """Play the playlist with this name at once."""
    return PlayPlaylist(msgspec.convert(text, PlaylistName), Where.NOW)


def vote(text: str) -> Command:
    """A vote for a request, a vote to skip the current track, or a veto against it."""
    asked = msgspec.json.decode(text, type=VoteOrder)
    if asked.vote in (VoteKind.SKIP, VoteKind.VETO):
        return VoteSkip(asked.by) if asked.vote is VoteKind.SKIP else Veto(asked.by)
    if asked.id is None:
        raise msgspec.ValidationError
    return Vote(asked.id, asked.by, up=asked.vote is VoteKind.UP)


def profiles(text: str) -> Command:
    """Everybody who is present, or one who comes or goes."""
    if text.startswith("["):
        return SetPresent(msgspec.json.decode(text, type=tuple[Name, ...]))
    asked = msgspec.json.decode(text, type=PresenceOrder)
    name = asked.add or asked.remove
    if name is None or (asked.add and asked.remove):
        raise msgspec.ValidationError
    return SetPresence(name, here=asked.add is not None)


def feedback(text: str) -> Command:
    """One person's opinion of the current track."""
    asked = msgspec.json.decode(text, type=FeedbackOrder)
    return Feedback(asked.liking, asked.by or "")
