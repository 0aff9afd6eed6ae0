"""How a playlist plays: as requests for its tracks, or as the stream at its beginning. Pure; main thread."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import replace

from device.config.schema import RequestsConfig
from device.core import request_commands
from device.core.audience import Circumstances
from device.core.media import MediaControl
from device.core.playback import PlaybackControl
from device.domain import Action, Enqueue, PlayPlaylist, Requests, Where

MOST = 200  # tracks of one playlist; `requests.per_person` lets fewer wait
Playlists = Mapping[str, tuple[str, ...]]


def play(
    order: PlayPlaylist, playback: PlaybackControl, media: MediaControl, config: RequestsConfig, given: Circumstances
) -> list[Action] | str:
    """The actions that play the playlist, or a sentence that says why it is refused."""
    chooser = playback.chooser
    name = find(order.playlist, chooser.playlists) or (order.playlist if order.tracks else "")
    if not name:
        return _unknown(order.playlist, chooser.playlists)
    entries = chooser.playlists.get(name, order.tracks)
    if stream := stream_of(entries):
        guest = given.audience.is_guest(order.by)
        refused = "Guests cannot start a stream; ask for songs instead."
        return refused if guest else media.play_station(stream, name, given)
    keys = tuple(key for key in dict.fromkeys(entries) if key in chooser.index.row)[:MOST]
    if not keys:
        return f"No track of the playlist “{name}” is in the library now."
    if order.where is not Where.LATER and not given.audience.is_guest(order.by):
        chooser.requests.state = _without(chooser.requests.state, order, frozenset(keys))
    return request_commands.obey(Enqueue(keys, order.where, order.by), playback, config, given)


def find(wanted: str, playlists: Playlists) -> str:
    """The name of the playlist that somebody means: exactly this one, or else in upper or lower case; empty: none."""
    if wanted in playlists:
        return wanted
    folded = wanted.strip().casefold()
    return next((name for name in playlists if name.casefold() == folded), "")


def stream_of(entries: tuple[str, ...]) -> str:
    """The address of the stream that the playlist begins with; empty if it begins with a track."""
    return entries[0] if entries and "://" in entries[0] else ""


def with_tracks(order: PlayPlaylist, playlists: Playlists) -> PlayPlaylist:
    """The same order with the keys of the tracks, for another device that may not have the playlist."""
    entries = playlists.get(find(order.playlist, playlists), ())
    return order if stream_of(entries) else replace(order, tracks=entries[:MOST])


def _without(requests: Requests, order: PlayPlaylist, keys: frozenset[str]) -> Requests:
    """Without this person's requests that the playlist replaces: for the same tracks, and with `now` for all that would
    play before its second track."""
    now = order.where is Where.NOW
    kept = (one for one in requests.open if one.by != order.by or not (one.track_key in keys or (now and one.pinned)))
    return replace(requests, open=tuple(kept))


def _unknown(wanted: str, playlists: Playlists) -> str:
    near = difflib.get_close_matches(wanted.casefold(), {name.casefold(): name for name in playlists}, n=1)
    hint = f"; did you mean “{find(near[0], playlists)}”?" if near else "."
    return f"There is no playlist “{wanted[:100]}”{hint}"
