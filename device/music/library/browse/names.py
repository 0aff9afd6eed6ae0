"""The names of artists and albums, in alphabetical order. Read from an index of the database in one go, then in memory:
100,000 tracks have some thousand names."""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from device.domain.library import Album, Artist
from device.music.library.fold import fold, indexed
from device.music.library.steps import hurry

ALBUMS = """
SELECT album, album_artist, artist, count(*) FROM files JOIN roots ON roots.id = files.root AND roots.present
WHERE files.present AND files.problem = '' AND files.is_music GROUP BY album, album_artist, artist
"""
ARTICLES = ("the ", "a ", "an ", "der ", "die ", "das ", "le ", "la ", "les ", "los ", "el ")
COMPILATION = 3  # at least this many artists, each with fewer tracks than this, make a compilation


class Group(NamedTuple):
    """Tracks with these names in their tags."""

    album: str
    album_artist: str
    artist: str
    tracks: int


class Names:
    """`artists` and `albums` are in alphabetical order, articles aside. `pace` is called often: see `steps.Pace`."""

    def __init__(self, groups: Sequence[Group], pace: Callable[[], None] = hurry) -> None:
        counted: Counter[str] = Counter()
        for group in groups:
            for name in {group.artist, group.album_artist} - {""}:
                counted[name] += group.tracks
        albums, self._with = _albums(groups, pace)
        places, words = _Each(place, pace), _Each(indexed, pace)
        self.artists = tuple(Artist(name, counted[name]) for name in sorted(counted, key=places.__getitem__))
        self.albums = tuple(sorted(albums, key=lambda album: (places[album.name], places[album.artist])))
        self._artist_words = [f" {words[artist.name]}" for artist in self.artists]
        self._album_words = [f" {words[album.name]} {words[album.artist]}" for album in self.albums]

    @classmethod
    def read(cls, db: sqlite3.Connection, pace: Callable[[], None] = hurry) -> Names:
        """The names of all that can be played now."""
        groups = list[Group]()
        for row in db.execute(ALBUMS):
            groups.append(Group._make(row))
            pace()
        return cls(groups, pace)

    def albums_with(self, artist: str) -> list[Album]:
        """The albums with tracks of this artist."""
        return sorted(self._with.get(artist, ()), key=lambda album: place(album.name))

    def find_artists(self, words: list[str], limit: int) -> tuple[Artist, ...]:
        """Artists whose names have all these words, or words that begin so; those with most tracks first."""
        found = [self.artists[at] for at in _found(self._artist_words, words)]
        return tuple(sorted(found, key=lambda artist: -artist.tracks)[:limit])

    def find_albums(self, words: list[str], limit: int) -> tuple[Album, ...]:
        """Albums with these words in their name or their artist's; those with most of them in their own name first."""
        found = [self.albums[at] for at in _found(self._album_words, words)]
        return tuple(sorted(found, key=lambda album: -_score(album.name, words))[:limit])


class _Each(dict[str, str]):
    """What `make` makes of a name, once for each: an artist has many albums."""

    def __init__(self, make: Callable[[str], str], pace: Callable[[], None]) -> None:
        super().__init__()
        self._make, self._pace = make, pace

    def __missing__(self, name: str) -> str:
        self._pace()
        self[name] = made = self._make(name)
        return made


def place(name: str) -> str:
    """What the name sorts by."""
    folded = fold(name).strip()
    return next((folded[len(article) :] for article in ARTICLES if folded.startswith(article)), folded)


def _albums(groups: Sequence[Group], pace: Callable[[], None]) -> tuple[list[Album], dict[str, set[Album]]]:
    """The albums, and those of each artist. Without an album artist, an album with many artists is a compilation."""
    by_name: defaultdict[str, list[Group]] = defaultdict(list)
    for group in groups:
        if group.album:
            by_name[group.album].append(group)
    albums, with_artist = list[Album](), defaultdict[str, set[Album]](set)
    for name, listed in by_name.items():
        pace()
        owned: defaultdict[str, list[Group]] = defaultdict(list)
        few = {group.artist for group in listed if not group.album_artist and group.tracks < COMPILATION}
        for group in listed:
            compiled = len(few) >= COMPILATION and not group.album_artist and group.artist in few
            owned["" if compiled else group.album_artist or group.artist].append(group)
        for artist, parts in owned.items():
            album = Album(name, artist, sum(part.tracks for part in parts))
            albums.append(album)
            for part in parts:
                for performer in {part.artist, part.album_artist} - {""}:
                    with_artist[performer].add(album)
    return albums, dict(with_artist)


def _found(texts: list[str], words: list[str]) -> Iterator[int]:
    starts = [f" {word}" for word in words]
    return (at for at, text in enumerate(texts) if all(start in text for start in starts))


def _score(name: str, words: list[str]) -> int:
    text = f" {indexed(name)}"
    return sum(f" {word}" in text for word in words)
