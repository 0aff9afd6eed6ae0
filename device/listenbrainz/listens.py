"""What counts as a listen, and its form for ListenBrainz. Pure.

A listen is half of the song or four minutes of it, whichever is less (the rule of the ListenBrainz API, "JSON
documentation"). Media from outside do not count, and nothing counts while guests are here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from device.domain import Now, PlaybackState, Snapshot, Track

LONGEST_S = 240.0
STEP_S = 5.0  # snapshots come every second; a longer gap was no music


@dataclass(slots=True)
class Song:
    """A song that plays, when it began (wall clock, s), and for how many seconds it was heard."""

    track: Track
    began: float
    heard_s: float = 0.0
    told: bool = False


class ListenCounter:
    """Call `began` when a song starts, and `show` with every snapshot; `show` returns the listen once it counts."""

    def __init__(self) -> None:
        self._song: Song | None = None
        self._new = False
        self._seen_at = 0.0

    def began(self) -> None:
        """A song has started, perhaps the same as before."""
        self._new = True

    def show(self, snapshot: Snapshot, now: Now) -> dict[str, Any] | None:
        """The listen, if the song has just become one."""
        playback, passed_s = snapshot.playback, min(STEP_S, max(0.0, now.mono - self._seen_at))
        self._seen_at = now.mono
        if playback.choice is None or playback.foreign or snapshot.people.guests:
            self._song = None
            return None
        track = playback.choice.track
        if self._new or self._song is None or self._song.track.key != track.key:
            self._song, self._new = Song(track, now.wall), False
            return None
        if playback.state is PlaybackState.PLAYING:
            self._song.heard_s += passed_s
        enough_s = min(LONGEST_S, track.duration_s / 2 if track.duration_s > 0 else LONGEST_S)
        if self._song.told or self._song.heard_s < enough_s or not (track.artist and track.title):
            return None
        self._song.told = True
        return listen(track, self._song.began)


def listen(track: Track, began: float) -> dict[str, Any]:
    """One entry of a submission."""
    facts = {"artist_name": track.artist, "track_name": track.title}
    if track.album:
        facts["release_name"] = track.album
    info = {"media_player": "Affetto", "submission_client": "Affetto"}
    more = {"duration_ms": round(track.duration_s * 1000)} if track.duration_s > 0 else {}
    return {"listened_at": int(began), "track_metadata": {**facts, "additional_info": {**info, **more}}}
