"""What somebody means by `affetto play some words`. Reads the library."""

from __future__ import annotations

from dataclasses import dataclass

from device.domain import MoodName, Track, Where
from device.domain.library import Library, Selection
from device.music.library.fold import fold

MOST = 30  # tracks of one request
WHEN = {Where.NOW: "Playing", Where.NEXT: "Next", Where.LATER: "In the queue"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """The tracks, or the name of a playlist, and what they are in words."""

    tracks: tuple[Track, ...] = ()
    words: str = ""
    playlist: str = ""


def find(library: Library, words: str) -> Wanted:
    """A playlist, an artist, an album or a mood with exactly this name; otherwise the best track of a search."""
    name = fold(words)
    for playlist in library.playlists():
        if fold(playlist.name) == name:
            return Wanted(words=f"the playlist {playlist.name}", playlist=playlist.name)
    hits = library.search(words, MOST)
    for artist in hits.artists:
        if fold(artist.name) == name:
            return _selected(library, Selection(artist=artist.name), f"songs by {artist.name}")
    for album in hits.albums:
        if fold(album.name) == name:
            of = f" by {album.artist}" if album.artist else ""
            return _selected(library, Selection(artist=album.artist, album=album.name), f"the album {album.name}{of}")
    if name in tuple(MoodName):
        return _selected(library, Selection(mood=MoodName(name)), f"{name} songs")
    if not hits.tracks:
        return Wanted()
    best = hits.tracks[0]
    return Wanted((best,), f"{best.title} by {best.artist}" if best.artist else best.title)


def _selected(library: Library, selection: Selection, words: str) -> Wanted:
    tracks = library.tracks(selection, 0, MOST)
    return Wanted(tracks.items, words)
