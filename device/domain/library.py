"""How surfaces look into the library: search, lists and single tracks. A Protocol, and the values that it returns.

The conductor and the page hand it in; `music/library/browse/browser.py` implements it. Any thread may call every
method. It reads the disk, and returns what the scanner has stored so far. An empty library gives empty answers.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from device.domain.affect import MoodName
from device.domain.music import Track

T = TypeVar("T")

PAGE = 50  # items in a list, unless somebody asks for another number


@dataclass(frozen=True, slots=True)
class Listing(Generic[T]):
    """Part of a list: `items` from the offset that was asked for, and how many there are in all."""

    items: tuple[T, ...] = ()
    total: int = 0


@dataclass(frozen=True, slots=True)
class Artist:
    """An artist, with the number of tracks."""

    name: str
    tracks: int


@dataclass(frozen=True, slots=True)
class Album:
    """An album. `artist` is empty for a compilation of many artists."""

    name: str
    artist: str
    tracks: int


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder that holds music, or folders with music. `uri` is its `file://` URI."""

    uri: str
    name: str


@dataclass(frozen=True, slots=True)
class Playlist:
    """A playlist file in a music folder. `uri` is its `file://` URI; `entries` counts what it lists."""

    uri: str
    name: str
    entries: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a playlist. `uri` is that of a file, or the address of a stream. `track` is None for a stream, and
    for a file that is not in the library now. `title` is for people."""

    uri: str
    title: str
    track: Track | None = None


@dataclass(frozen=True, slots=True)
class Selection:
    """Tracks that fit all of these; nothing means all tracks. `folder` (with everything below) and `playlist` are
    `file://` URIs. `album` alone means every album of that name; with `artist`, the one of that artist."""

    artist: str | None = None
    album: str | None = None
    mood: MoodName | None = None
    folder: str | None = None
    playlist: str | None = None


@dataclass(frozen=True, slots=True)
class Hits:
    """What a search found, the best first."""

    artists: tuple[Artist, ...] = ()
    albums: tuple[Album, ...] = ()
    tracks: tuple[Track, ...] = ()


@dataclass(frozen=True, slots=True)
class PlanePoints:
    """Every track as a point of the plane, in arrays of one length. `numbers` (uint32) identify tracks for
    `Library.numbered`; `valence` and `arousal` (float32) lie in [-1, 1]; `moods` (uint8) are places in the order of
    `MoodName`, `origins` (uint8) in that of `MoodOrigin`."""

    numbers: array[int] = field(default_factory=lambda: array("I"))
    valence: array[float] = field(default_factory=lambda: array("f"))
    arousal: array[float] = field(default_factory=lambda: array("f"))
    moods: array[int] = field(default_factory=lambda: array("B"))
    origins: array[int] = field(default_factory=lambda: array("B"))

    def __len__(self) -> int:
        return len(self.numbers)


class Library(Protocol):
    """The tracks that can be played now. `offset` and `limit` count items."""

    def search(self, words: str, limit: int = PAGE) -> Hits:
        """Tracks, artists and albums with all of these words, or words that begin so, in their title, artist, album or
        folder. Case and accents do not matter. At most `limit` of each."""

    def artists(self, offset: int = 0, limit: int = PAGE) -> Listing[Artist]:
        """All artists, in alphabetical order."""

    def albums(self, artist: str | None = None, offset: int = 0, limit: int = PAGE) -> Listing[Album]:
        """All albums, or those with this artist, in alphabetical order."""

    def moods(self) -> dict[MoodName, int]:
        """How many tracks have each mood."""

    def folders(self, uri: str = "") -> tuple[Folder, ...]:
        """The folders directly inside this one; the music folders if it is empty."""

    def playlists(self) -> tuple[Playlist, ...]:
        """All playlists, in alphabetical order."""

    def entries(self, playlist: str) -> tuple[Entry, ...]:
        """What the playlist at this URI lists, in its order."""

    def tracks(self, selection: Selection, offset: int = 0, limit: int = PAGE) -> Listing[Track]:
        """Tracks in a natural order: albums by number, playlists as they are, everything else by folder and name."""

    def track(self, key: str) -> Track | None:
        """The track with this key."""

    def track_at(self, uri: str) -> Track | None:
        """The track at this URI."""

    def numbered(self, number: int) -> Track | None:
        """The track with this number of `points`."""

    def points(self) -> PlanePoints:
        """All tracks in the plane. The same object until the library changes."""
