"""The documents about the queue, the votes and the banned tracks. Pure, any thread."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from device.domain import QueueEntry, SkipVotes, Track
from device.mqtt.documents import text

LISTED = 100  # tracks in `never/state` and `queue/state`


class ListedTrack(msgspec.Struct, frozen=True, kw_only=True):
    """A track in `never/state`."""

    title: str
    artist: str
    uri: str
    reason: str | None = None


class QueueItem(msgspec.Struct, frozen=True, kw_only=True):
    """A track in `queue/state`. `id` is the id of its request, null if the device chose the track. `by` is the person
    who asked for it, and `votes` are the names of those who voted for it."""

    title: str
    artist: str
    uri: str
    reason: str | None = None
    id: int | None = None
    by: str = ""
    votes: list[str] = []


class VoteState(msgspec.Struct, frozen=True, kw_only=True):
    """`vote/state`: who voted to skip the current track, and how many votes it takes."""

    skip: list[str]
    needed: int


def queue_state(entries: Sequence[QueueEntry]) -> list[QueueItem]:
    """The document for `queue/state`."""
    return [
        QueueItem(
            title=text(entry.choice.track.title),
            artist=text(entry.choice.track.artist),
            uri=text(entry.choice.track.uri),
            reason=text(entry.choice.reason),
            id=entry.id or None,
            by=text(entry.by),
            votes=[text(name) for name in entry.votes],
        )
        for entry in entries[:LISTED]
    ]


def never_state(tracks: Sequence[Track]) -> list[ListedTrack]:
    """The document for `never/state`."""
    return [
        ListedTrack(title=text(track.title), artist=text(track.artist), uri=text(track.uri))
        for track in tracks[-LISTED:]
    ]


def vote_state(votes: SkipVotes) -> VoteState:
    """The document for `vote/state`."""
    return VoteState(skip=[text(name) for name in votes.voters], needed=votes.needed)
