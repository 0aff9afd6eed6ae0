"""How requests and votes take effect: actions, or a sentence that says why not. Pure; main thread.

The household may do everything. Guests (see `Audience`) have fewer requests at a time and wait for their turn; they
vote, but have no veto and change only their own requests.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from device.config.schema import RequestsConfig
from device.core import requests as pure
from device.core.audience import Audience, Circumstances
from device.core.playback import PlaybackControl
from device.domain import (
    EVERYONE,
    Action,
    Announce,
    Answer,
    ClearRequests,
    Enqueue,
    EventType,
    MoveRequest,
    Outcome,
    PlaybackState,
    RemoveRequest,
    RequestOrder,
    Track,
    Veto,
    Vote,
    VoteSkip,
    Where,
)
from device.music.recommend.track_index import TrackIndex


def obey(
    order: RequestOrder, playback: PlaybackControl, config: RequestsConfig, given: Circumstances
) -> list[Action] | str:
    """The actions that carry out this order, or a sentence that says why it is refused."""
    playback.chooser.requests.seen(order.by, given.now)
    match order:
        case Enqueue():
            return _enqueue(order, playback, config, given)
        case RemoveRequest() | MoveRequest():
            return _change(order, playback, given.audience)
        case ClearRequests():
            return _clear(order, playback, given.audience)
        case Vote():
            return _vote(order, playback)
        case VoteSkip(by):
            return _vote_to_skip(by, playback, given)
        case Veto(by):
            return _veto(by, playback, given)


# --- Asking ---


def _enqueue(
    order: Enqueue, playback: PlaybackControl, config: RequestsConfig, given: Circumstances
) -> list[Action] | str:
    """Add what can be added. If that is not everything, an answer says why."""
    if order.where is not Where.LATER and given.audience.is_guest(order.by):
        return "The requests of guests wait for their turn; ask for it without “now” or “next”."
    added: list[Track] = []
    refused: list[str] = []
    for track in _find(order.tracks, playback.chooser.index):
        problem = track if isinstance(track, str) else _problem(track, order, playback, config, given.audience)
        if problem:
            refused.append(problem)
        elif isinstance(track, Track):
            pinned = order.where is not Where.LATER
            queue = playback.chooser.requests
            queue.state = pure.add(queue.state, track.key, order.by, pinned=pinned)
            added.append(track)
    if not added:
        return refused[0] if refused else "There is no track to play."
    facts = {"title": added[0].title, "by": order.by, "tracks": len(added)}
    actions: list[Action] = [Announce(EventType.REQUESTED, facts)]
    if refused:
        actions.append(Answer(given.origin, f"Added {len(added)} of {len(order.tracks)} tracks. {refused[0]}"))
    if order.where is Where.NOW:
        actions += _play_now(playback.chooser.requests.state.last_id - len(added) + 1, order, playback, given)
    return actions


def _play_now(request_id: int, order: Enqueue, playback: PlaybackControl, given: Circumstances) -> list[Action]:
    """Play a request at once, but do not cut off what somebody else has asked for."""
    playing = playback.playing.playthrough
    if playing is not None and playing.request and order.by not in ("", playing.by):
        who = playing.by or "Somebody"
        return [Answer(given.origin, f"{who} asked for the current track, so yours plays next.")]
    entry = next(entry for entry in playback.chooser.requests.entries if entry.id == request_id)
    return playback.play_request(entry, given.target, given.audience, given.now)


def by_key(order: Enqueue, index: TrackIndex) -> Enqueue:
    """The same order with the keys of the tracks, for another device; what is not in this library stays as it is."""
    found = zip(order.tracks, _find(order.tracks, index), strict=True)
    return replace(order, tracks=tuple(name if isinstance(track, str) else track.key for name, track in found))


def _find(wanted: tuple[str, ...], index: TrackIndex) -> Iterator[Track | str]:
    """The track for each key or URI, or a sentence."""
    uris = {uri for uri in wanted if uri not in index.row}
    by_uri = {track.uri: track for track in index.tracks if track.uri in uris} if uris else {}
    for name in wanted:
        row = index.row.get(name)
        found = by_uri.get(name) if row is None else index.tracks[row]
        yield f"There is no track {name[:200]} in the library." if found is None else found


def _problem(
    track: Track, order: Enqueue, playback: PlaybackControl, config: RequestsConfig, audience: Audience
) -> str:
    """Why this track cannot be requested; empty if it can. A request for a track that already waits becomes a vote."""
    requests, library = playback.chooser.requests.state, playback.chooser.index.row
    if track.key in playback.chooser.taste.banned:
        return f"“{track.title}” is banned; allow it again first."
    if track.key in playback.chooser.failures.away:
        return f"“{track.title}” is on a disk that does not answer now."
    if playback.chooser.has_failed(track.key):
        return f"“{track.title}” could not be played; it gets another chance after the next scan."
    waiting = next((one for one in requests.open if one.track_key == track.key), None)
    if waiting is not None and waiting.by == order.by:
        return f"“{track.title}” is in the queue already."
    if waiting is not None and order.by:
        playback.chooser.requests.state = pure.vote(requests, waiting.id, order.by, up=True)
        return f"“{track.title}” is in the queue already; your request counts as a vote for it."
    guest = audience.is_guest(order.by)
    limit = config.per_guest if guest else config.per_person
    if len(pure.of_person(requests, order.by, library)) >= limit:
        whom = "a guest" if guest else "a person"
        return f"{_name(order.by)} has {limit} requests in the queue already, the most that {whom} may have."
    return ""


# --- Changing ---


def _change(order: RemoveRequest | MoveRequest, playback: PlaybackControl, audience: Audience) -> list[Action] | str:
    queue = playback.chooser.requests
    found = pure.find(queue.state, order.id)
    if found is None:
        return _no_request(order.id)
    if audience.is_guest(order.by) and found.by != order.by:
        return "Guests may change only their own requests."
    if isinstance(order, RemoveRequest):
        queue.drop(found.id)
    else:
        queue.state = pure.move(queue.state, found.id, order.place, playback.chooser.index.row)
    return []


def _clear(order: ClearRequests, playback: PlaybackControl, audience: Audience) -> list[Action] | str:
    if audience.is_guest(order.by) and order.whose != order.by:
        return "Guests may remove only their own requests."
    playback.chooser.requests.state = pure.clear(playback.chooser.requests.state, order.whose)
    return []


# --- Voting ---


def _vote(order: Vote, playback: PlaybackControl) -> list[Action] | str:
    queue = playback.chooser.requests
    found = pure.find(queue.state, order.id)
    if found is None:
        return _no_request(order.id)
    if not order.by:
        return "A vote needs the name of the person who votes."
    if order.by == found.by:
        return "You cannot vote for your own request."
    queue.state = pure.vote(queue.state, order.id, order.by, up=order.up)
    return []


def _vote_to_skip(by: str, playback: PlaybackControl, given: Circumstances) -> list[Action] | str:
    """The majority decides; whoever asked for the track decides alone."""
    if refusal := _unable_to_skip(by, playback):
        return refusal
    playback.chooser.requests.vote_to_skip(by)
    votes = playback.chooser.requests.skip_votes(given.audience, given.now)
    facts = {"by": by, "votes": len(votes.voters), "needed": votes.needed}
    actions: list[Action] = [Announce(EventType.SKIP_VOTED, facts)]
    playing = playback.playing.playthrough
    own = playing is not None and playing.request and playing.by == by
    if own or len(votes.voters) >= votes.needed:
        actions += playback.skip(Outcome.SKIPPED, given.target, given.audience, given.now, votes.voters)
    return actions


def _veto(by: str, playback: PlaybackControl, given: Circumstances) -> list[Action] | str:
    if refusal := _unable_to_skip(by, playback):
        return refusal
    if given.audience.is_guest(by):
        return "Guests have no veto; they can vote to skip the track."
    if left_s := playback.chooser.requests.veto(by, given.now):
        minutes = max(1, round(left_s / 60))
        return f"{by} has used this hour's veto; the next is in {minutes} minute{'s' * (minutes > 1)}."
    assert playback.playing.choice is not None
    facts = {"title": playback.playing.choice.track.title, "by": by}
    skipped = playback.skip(Outcome.SKIPPED, given.target, given.audience, given.now, (by,))
    return [Announce(EventType.VETOED, facts), *skipped]


def _unable_to_skip(by: str, playback: PlaybackControl) -> str:
    if not by:
        return "A vote needs the name of the person who votes."
    if playback.playing.choice is None or playback.playing.wanted is not PlaybackState.PLAYING:
        return "Nothing is playing, so there is nothing to skip."
    return ""


def _no_request(request_id: int) -> str:
    return f"There is no request {request_id} in the queue; queue/state lists the requests."


def _name(name: str) -> str:
    return "The household" if name in ("", EVERYONE) else name
