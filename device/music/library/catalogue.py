"""The library: all tracks, with their tags, their moods and their loudness.

Runs on the scanner's thread. Reads the music folders and stores the result in catalogue.db (sql/database.py), so that
the next scan opens only new and changed files. Also lists the files that still need analysis. A problem with a file or
a folder becomes a sentence in the result, never an exception.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from device.domain import LibraryLoaded, MoodName
from device.errors import LibraryError
from device.music.disks import all_mounts
from device.music.library import not_music
from device.music.library.diff import compare
from device.music.library.file_reader import FileReader
from device.music.library.files.found import Root
from device.music.library.files.ignored import Ignored
from device.music.library.files.servers import FileServers
from device.music.library.files.walker import FolderWalk
from device.music.library.known_tracks import KnownTracks
from device.music.library.playlist_files import FoundList, PlaylistFiles
from device.music.library.sql.database import Database
from device.music.library.sql.rows import AnalysisRow
from device.music.library.update import NO_ROOT, Progress, Update
from device.music.track_mood import TrackMood
from device.music.workers.tag_client import ReadTags

SAVE_EVERY = 200  # analysed files; a power cut loses at most this many


class Catalogue:
    """Open, scan as often as you like, close. All on one thread."""

    def __init__(
        self,
        database: Database,
        read: ReadTags | None = None,
        ignored: Ignored | None = None,
        *,
        learn: bool = False,
        servers: FileServers | None = None,
    ) -> None:
        self._database, self._ignored = database, ignored or Ignored()
        self._known = KnownTracks(database, learn=learn)
        self._servers = servers or FileServers(())
        self._genres_checked = False
        self._reader = FileReader(database, read)
        self._playlist_files = PlaylistFiles(database)
        self._problems: list[str] = []  # of the last scan
        self._folder_notes: list[str] = []  # of the last scan
        self._analyses: dict[str, AnalysisRow] = {}  # not saved yet
        self._searched = ""  # the folders of the last scan, as words
        self.watched: frozenset[bytes] = frozenset()
        """Real paths outside of the music folders to which links in the last scan led."""
        self.incomplete = False
        """Whether the last scan left something out that soon may succeed."""

    @classmethod
    def open(
        cls,
        folder: Path,
        read: ReadTags | None = None,
        ignored: Ignored | None = None,
        *,
        learn: bool = False,
        servers: FileServers | None = None,
    ) -> Catalogue:
        """The catalogue in `folder`; a missing one is created. If it is damaged or cannot be written, `load` says so.
        `read` takes the place of a process that reads tags. `ignored`: what is left out. `learn`: the
        moods that people gave to tracks move the model's moods of others (relatives.py). `servers`: where some of the
        folders are."""
        return cls(Database(folder), read, ignored, learn=learn, servers=servers)

    def load(self) -> LibraryLoaded:
        """What is known, without looking at the disks: for a quick start, and whenever something was learnt."""
        found = self._known.all()
        notes, _ = self._database.notes(None)
        notes += not_music.sentences(self._database.not_music())
        problems = [self._database.problem, *self._problems]
        if self._searched and not found:
            problems.append(self._empty(len(notes)))
        problems.append(not_music.without_music(found))
        return LibraryLoaded(
            found, tuple(filter(None, problems)), (*self._folder_notes, *notes), playlists=self._known.playlists
        )

    def scan(
        self,
        folders: Sequence[Path],
        progress: Progress = lambda done, total: None,
        meanwhile: Callable[[], None] = lambda: None,
        *,
        again: bool = False,
    ) -> LibraryLoaded:
        """Look through `folders` and return all that can be played there now.

        Files that are gone keep their row: their drive may only be unplugged. `meanwhile` is called often, between any
        two files; it may call `correct`, `unmounted` and `load`. `again`: read all files, and let those that could not
        be analysed be tried again.
        """
        self.incomplete = False

        def searching(found: int) -> None:
            progress(found, None)
            meanwhile()

        walk = FolderWalk(all_mounts(), searching, self._ignored, self._servers.explain)
        found = walk.files(folders)
        self.incomplete = walk.servers_missing
        self._folder_notes = [*walk.left_out(), *walk.notes]
        self.watched = frozenset(walk.targets)
        update = Update(self._database, self._reader, self._known, self._ignored, walk.problems)
        self._problems = update.problems
        ids = update.number_roots(walk.roots)
        self._check_genres(update)
        diff = compare(found, self._database.known(), ids, again=again)
        self._known.stale |= diff.any or again or self._known.outdated
        try:
            update.apply(diff, ids, progress, meanwhile, again=again)
            self._update_playlists(walk, ids)
        except LibraryError as error:
            update.fail(error)
        self.incomplete |= update.incomplete
        self._reader.close()
        self._searched = ", ".join(map(str, folders)) or "music.folders, which is empty"
        return self.load()

    def unmounted(self, mount: bytes) -> bool:
        """Take a drive that is no longer mounted out of the library at once; whether there was music on it."""
        inside = os.path.join(mount, b"")
        here = [root for root, (_, present) in self._database.roots().items() if present]
        gone = [root for root in here if any(os.path.join(path, b"").startswith(inside) for path in root)]
        if gone:
            self._database.save_roots((), gone)
            self._known.stale = True
        return bool(gone)

    def correct(self, key: str, mood: MoodName | None) -> None:
        """From now on this content has this mood, whatever others say; None forgets that. Raises LibraryError."""
        self._database.save_user_mood(key, mood)
        self._known.refresh(key)

    # --- Playlists ---

    def write_playlist(self, name: str, uris: Sequence[str], folders: Sequence[Path]) -> None:
        """Write a playlist, or replace the one of this name. Raises LibraryError with a sentence."""
        self._known.stale = True
        self._playlist_files.write(name, uris, folders)

    def remove_playlist(self, name: str) -> None:
        """Delete the playlist of this name. Raises LibraryError with a sentence."""
        self._known.stale = True
        self._playlist_files.remove(name)

    def _update_playlists(self, walk: FolderWalk, ids: Mapping[Root, int]) -> None:
        found = [
            FoundList(path, ids[one.root], one.size, one.mtime_ns)
            for path, one in walk.playlists.items()
            if ids[one.root] != NO_ROOT
        ]
        self._known.stale |= self._playlist_files.update(found, set(ids.values()))

    # --- Analysis ---

    def pending(self, model: str, count: int = 100) -> list[tuple[str, Path]]:
        """Key and path of up to `count` tracks that `model` has still to analyse, the most urgent first."""
        self.flush()
        return [(key, Path(os.fsdecode(path))) for key, path in self._database.pending(model, count)]

    def analysed(self, key: str, model: str, mood: TrackMood | str) -> None:
        """Keep what analysis by `model` found, or a sentence if it cannot analyse this content. Saved sooner or later:
        see `flush`. Raises LibraryError."""
        if isinstance(mood, str):
            self._analyses[key] = AnalysisRow(key, model, mood)
        else:
            point, rest = mood.affect, (mood.uncertainty, mood.tempo_bpm, mood.features, mood.loudness_lufs, mood.doubt)
            self._analyses[key] = AnalysisRow(key, model, "", point.valence, point.arousal, *rest)
        if len(self._analyses) >= SAVE_EVERY:
            self.flush()

    def flush(self) -> None:
        """Save what analysis found, and let it count. Raises LibraryError; the next call tries again."""
        if self._analyses:
            self._database.save_analyses(self._analyses.values())
            for key in self._analyses:
                self._known.refresh(key)
            self._analyses = {}

    def count_analysed(self, model: str) -> tuple[int, int]:
        """How many tracks `model` has analysed, or failed at, and of how many."""
        done, total = self._database.count_analysed(model)
        return done + len(self._analyses), total

    def affects(self) -> Mapping[str, tuple[float, float, float]]:
        """Valence, arousal and uncertainty of what was analysed, by key, also where somebody else's word counts."""
        return self._database.affects()

    def close(self) -> None:
        """Save what is not saved yet and close the file; idempotent."""
        with suppress(LibraryError):
            self.flush()
        self._analyses = {}
        self._reader.close()
        self._database.close()

    def _check_genres(self, update: Update) -> None:
        """Apply the ignored genres, which may be others than at the last start, to what is known."""
        if self._genres_checked:
            return
        try:
            if self._database.leave_out_genres(self._ignored.genre):
                self._known.stale = True
            self._genres_checked = True
        except LibraryError as error:
            update.fail(error)

    def _empty(self, bad: int) -> str:
        """Why there is nothing to play, and what to do."""
        if bad:
            return f"None of the files in {self._searched} can be played; the notes say what is wrong with each."
        return f"There is no music in {self._searched}; copy some there, or plug in the drive that holds it."
