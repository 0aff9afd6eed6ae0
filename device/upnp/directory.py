"""The library as a tree of containers and items, as a ContentDirectory shows it. Pure, apart from library reads.

An object's id is a path such as `mood/calm` or `album/Artist/Name`, each part quoted. So every id says by itself what
it holds, and survives restarts. Control points only hand ids back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import quote, unquote

from device.domain import MoodName, Track
from device.domain.library import Album, Artist, Folder, Library, Listing, Playlist, Selection

ROOT = "0"
MOST = 500  # objects in one answer
FOLDER, PERSON = "object.container.storageFolder", "object.container.person.musicArtist"
ALBUM, PLAYLIST = "object.container.album.musicAlbum", "object.container.playlistContainer"
TRACK = "object.item.audioItem.musicTrack"

TOP = {
    "now": "What fits now",
    "moods": "Moods",
    "artists": "Artists",
    "albums": "Albums",
    "folders": "Folders",
    "playlists": "Playlists",
    "tracks": "All tracks",
}


@dataclass(frozen=True, slots=True)
class Container:
    """A container. `kind` is its UPnP class. `children` is None if nobody counted them."""

    id: str
    parent: str
    title: str
    kind: str = FOLDER
    children: int | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """A track, seen in a container."""

    track: Track
    parent: str

    @property
    def id(self) -> str:
        """The id of the track, which is the same in every container."""
        return path("track", self.track.key)


Object = Container | Item
Segment = tuple[int, Callable[[int, int], Sequence[Object]]]
"""Part of a container's children: how many, and a function that gives those from an offset, up to a number."""


def path(*parts: str) -> str:
    """The id with these parts."""
    return "/".join(quote(part, safe="", errors="surrogateescape") for part in parts)


class Directory:
    """The tree over a library. `fitting`: the mood of the music that plays; None while there is none. Any thread."""

    def __init__(self, library: Library, fitting: Callable[[], MoodName | None]) -> None:
        self._library, self._fitting = library, fitting

    def find(self, identifier: str) -> Object | None:
        """The object with this id; None if there is none."""
        if identifier == ROOT:
            return Container(ROOT, "-1", "Affetto", "object.container", len(self._top()))
        kind, *parts = _parts(identifier)
        match kind, parts:
            case "track", [key]:
                track = self._library.track(key)
                return None if track is None else Item(track, "tracks")
            case "mood", [name] if name in list(MoodName):
                return self._mood(MoodName(name))
            case "artist" | "artist-tracks", [name]:
                title = name if kind == "artist" else "All tracks"
                parent = "artists" if kind == "artist" else path("artist", name)
                return Container(identifier, parent, title, PERSON if kind == "artist" else FOLDER)
            case "album", [artist, name]:
                return Container(identifier, path("artist", artist) if artist else "albums", name, ALBUM)
            case "folder" | "folder-tracks", [uri]:
                return self._folder_of(kind, uri)
            case "playlist", [uri]:
                found = (one for one in self._library.playlists() if one.uri == uri)
                return next((_playlist(one) for one in found), None)
            case _, [] if kind in TOP:
                return Container(kind, ROOT, TOP[kind])
        return None

    def children(self, identifier: str, offset: int, limit: int) -> Listing[Object] | None:
        """Some of the children of a container, and how many it has; None if it does not exist."""
        if not isinstance(self.find(identifier), Container):
            return None
        segments = self._segments(identifier)
        found: list[Object] = []
        start, limit = max(0, offset), max(0, min(limit or MOST, MOST))
        for count, fetch in segments:
            if start < count and len(found) < limit:
                found.extend(fetch(start, min(limit - len(found), count - start)))
            start = max(0, start - count)
        return Listing(tuple(found), sum(count for count, _ in segments))

    # --- What a container holds ---

    def _segments(self, identifier: str) -> list[Segment]:
        if identifier == ROOT:
            return [_ready([Container(name, ROOT, title) for name, title in self._top().items()])]
        kind, *parts = _parts(identifier)
        match kind, parts:
            case "now", []:
                mood = self._fitting()
                return [] if mood is None else [self._tracks(Selection(mood=mood), identifier)]
            case "moods", []:
                return [_ready([one for one in map(self._mood, MoodName) if one.children])]
            case "mood", [name]:
                return [self._tracks(Selection(mood=MoodName(name)), identifier)]
            case "artists", []:
                return [self._artists()]
            case "artist", [name]:
                everything = Container(path("artist-tracks", name), identifier, "All tracks")
                return [_ready([everything]), self._albums(name)]
            case "artist-tracks", [name]:
                return [self._tracks(Selection(artist=name), identifier)]
            case "albums", []:
                return [self._albums(None)]
            case "album", [artist, name]:
                return [self._tracks(Selection(artist=artist or None, album=name), identifier)]
            case "folders", []:
                return [_ready([_folder(one, "folders") for one in self._library.folders()])]
            case "folder", [uri]:
                return self._folder(identifier, uri)
            case "folder-tracks", [uri]:
                return [self._tracks(Selection(folder=uri), identifier)]
            case "playlists", []:
                return [_ready([_playlist(one) for one in self._library.playlists()])]
            case "playlist", [uri]:
                return [self._tracks(Selection(playlist=uri), identifier)]
            case "tracks", []:
                return [self._tracks(Selection(), identifier)]
        return []

    def _top(self) -> dict[str, str]:
        return {name: title for name, title in TOP.items() if name != "playlists" or self._library.playlists()}

    def _mood(self, name: MoodName) -> Container:
        return Container(path("mood", name), "moods", name.capitalize(), FOLDER, self._library.moods().get(name, 0))

    def _tracks(self, selection: Selection, parent: str) -> Segment:
        total = self._library.tracks(selection, 0, 0).total
        return total, lambda offset, limit: [
            Item(track, parent) for track in self._library.tracks(selection, offset, limit).items
        ]

    def _artists(self) -> Segment:
        total = self._library.artists(0, 0).total
        return total, lambda offset, limit: [artist_of(one) for one in self._library.artists(offset, limit).items]

    def _albums(self, artist: str | None) -> Segment:
        total = self._library.albums(artist, 0, 0).total
        return total, lambda offset, limit: [
            album_of(one, artist) for one in self._library.albums(artist, offset, limit).items
        ]

    def _folder(self, identifier: str, uri: str) -> list[Segment]:
        """The folders inside a folder, and all tracks below it: at once if it has no folders inside."""
        inside = [_folder(one, identifier) for one in self._library.folders(uri)]
        if not inside:
            return [self._tracks(Selection(folder=uri), identifier)]
        return [_ready([*inside, Container(path("folder-tracks", uri), identifier, "All tracks")])]

    def _folder_of(self, kind: str, uri: str) -> Container | None:
        """The folder at `uri`, if it holds any track of the library."""
        if not self._library.tracks(Selection(folder=uri), 0, 0).total:
            return None
        if kind == "folder-tracks":
            return Container(path(kind, uri), path("folder", uri), "All tracks")
        above = uri.rstrip("/").rpartition("/")[0]
        known = {one.uri.rstrip("/") for one in self._library.folders()}
        parent = "folders" if uri.rstrip("/") in known else path("folder", above)
        return Container(path(kind, uri), parent, unquote(uri.rstrip("/").rpartition("/")[2]))


def artist_of(artist: Artist) -> Container:
    """An artist as a container."""
    return Container(path("artist", artist.name), "artists", artist.name or "Unknown artist", PERSON)


def album_of(album: Album, artist: str | None = None) -> Container:
    """An album as a container, in the list of all albums or in that of an artist."""
    parent = "albums" if artist is None else path("artist", artist)
    return Container(path("album", album.artist, album.name), parent, album.name, ALBUM, album.tracks)


def _folder(folder: Folder, parent: str) -> Container:
    return Container(path("folder", folder.uri), parent, folder.name)


def _playlist(playlist: Playlist) -> Container:
    return Container(path("playlist", playlist.uri), "playlists", playlist.name, PLAYLIST, playlist.entries)


def _ready(objects: Sequence[Object]) -> Segment:
    return len(objects), lambda offset, limit: objects[offset : offset + limit]


def _parts(identifier: str) -> list[str]:
    return [unquote(part, errors="surrogateescape") for part in identifier.split("/")]
