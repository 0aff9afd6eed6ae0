"""All tracks and playlists that the database knows, in memory. Scanner's thread, owned by `Catalogue`.

Tracks that did not change stay the same objects, so that whoever holds an earlier library pays for the news only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from device.domain import Track
from device.music.library import tracks
from device.music.library.database import Database
from device.music.library.relatives import corrected


class KnownTracks:
    """Reads the database when `stale`. `learn`: people's corrections move the model's moods of other tracks."""

    def __init__(self, database: Database, *, learn: bool = False) -> None:
        self.stale = True
        """Whether the database knows more than this does."""
        self._database, self._learn = database, learn
        self._tracks: dict[str, Track] = {}
        self._playlists: dict[str, tuple[str, ...]] = {}
        self._moved: dict[str, Track] | None = None  # tracks that corrections move; None: not worked out yet
        self._moved_before: dict[str, Track] = {}
        self._version = -1

    @property
    def outdated(self) -> bool:
        """Whether somebody else has written the database since the last reading."""
        return self._database.version() != self._version

    @property
    def playlists(self) -> Mapping[str, tuple[str, ...]]:
        """The addresses or keys of the tracks of each playlist, by its name."""
        return self._playlists

    def all(self) -> tuple[Track, ...]:
        """The tracks, as people's corrections leave them."""
        if self.stale:
            self._reload()
        return tuple(self._with_corrections())

    def refresh(self, key: str) -> None:
        """Read one track again."""
        if key in self._tracks:
            self._moved = None
            self._tracks.update(self._library(key, {}))

    def _reload(self) -> None:
        self._version, self.stale, self._moved = self._database.version(), False, None
        self._tracks = self._library("", self._tracks)
        found: dict[str, tuple[bytes, list[str]]] = {}
        for name, path, _, url, _, key in self._database.playlist_entries():
            first, entries = found.setdefault(name, (path, []))
            if path == first and (url or key):  # of two files with one name, the first counts
                entries.append(url or key)
        self._playlists = {name: tuple(entries) for name, (_, entries) in found.items()}

    def _library(self, key: str, before: dict[str, Track]) -> dict[str, Track]:
        nothing: dict[str, Track] = {}
        return self._database.or_anew(lambda: tracks.library(self._database.tracks(key), before), nothing)

    def _with_corrections(self) -> Iterable[Track]:
        if not self._learn:
            return self._tracks.values()
        if self._moved is None:
            fresh, before = corrected(self._tracks, self._database.affects), self._moved_before
            self._moved = {key: before[key] if before.get(key) == track else track for key, track in fresh.items()}
            self._moved_before = self._moved
        moved = self._moved
        return (moved.get(key, track) for key, track in self._tracks.items())
