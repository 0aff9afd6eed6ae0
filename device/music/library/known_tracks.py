"""All tracks and playlists that the database knows, in memory. Scanner's thread, owned by `Catalogue`.

Tracks that did not change stay the same objects, so that whoever holds an earlier library pays for the news only.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping

from device.domain import Track
from device.errors import LibraryError
from device.music.library import steps, tracks
from device.music.library.relatives import changes, corrected
from device.music.library.sql.database import Database

MANY = 1000  # keys; it is faster to read all analyses than to look up more keys than this


class KnownTracks:
    """Reads the database when `stale`. `learn`: people's corrections move the model's moods of other tracks."""

    def __init__(self, database: Database, *, learn: bool = False) -> None:
        self.stale = True
        """Whether the database knows more than this does."""
        self._database, self._learn = database, learn
        self._tracks: dict[str, Track] = {}
        self._playlists: dict[str, tuple[str, ...]] = {}
        self._uncorrected: set[str] | None = None  # artists whose tracks corrections may move; None: all
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
        self._apply_corrections()
        return tuple(self._tracks.values())

    def refresh(self, key: str) -> None:
        """Read one track again."""
        if key in self._tracks:
            if self._uncorrected is not None:
                self._uncorrected.add(self._tracks[key].artist)
            self._tracks.update(self._library(key, {}))

    def _reload(self) -> None:
        self._version, self.stale, self._uncorrected = self._database.version(), False, None
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

    def _apply_corrections(self) -> None:
        """Let people's corrections move the model's moods of other tracks: in the database, where everybody sees it,
        and here. Another program that holds the file delays that until the next time."""
        artists, keys = self._uncorrected, None
        if artists is not None:
            keys = [key for key, track in self._tracks.items() if track.artist in artists] if artists else []
        after = corrected(self._tracks, self._predictions, artists) if self._learn and artists != set() else {}
        moves = deque(changes(self._database.moved_points(keys), after))
        try:
            for batch in steps.batches(moves):
                self._database.move_points(batch)
                self._tracks.update((key, after[key]) for key, _ in batch if key in after)
                for key in (key for key, _ in batch if key not in after):
                    self.refresh(key)
        except LibraryError:
            return
        self._uncorrected = set()

    def _predictions(self, keys: Collection[str]) -> Mapping[str, tuple[float, float, float]]:
        """What the model says of these tracks; of many, all come in one go."""
        return self._database.affects(keys if len(keys) <= MANY else None)
