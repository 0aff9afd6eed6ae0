"""The library: which tracks there are, what they are called, where they stand in the plane and how loud they are.

Runs on the scanner's thread. Reads the music folders and remembers what it read in catalogue.db (see database.py), so
that
the next scan only opens files that are new or changed; and gives out what analysis has still to hear. What is wrong
with a file or a folder becomes a sentence in the result, never an exception.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from device.domain import LibraryLoaded, MoodName, Track
from device.errors import LibraryError, WorkerError
from device.music.library import tracks
from device.music.library.database import Database
from device.music.library.diff import compare
from device.music.library.rows import AnalysisRow, FileRow
from device.music.library.schema import uri_of
from device.music.library.walker import FolderWalk, Found, former_key_of
from device.music.metadata import fingerprint, tags
from device.music.metadata.mood_words import mood_of_folders
from device.music.track_mood import TrackMood
from device.music.workers.tag_client import ReadTags, TagClient

SAVE_EVERY = 200  # files read, or sounds heard; so much is lost at most when a first scan is cut short
NOWHERE = -1  # the place of files while the catalogue cannot be written
MOST_PROBLEMS = 50  # of folders and disks; those of files are in the catalogue

Progress = Callable[[int, int], None]
"""Called with how many of the new and changed files are read, and of how many."""


class Catalogue:
    """Open, scan as often as you like, close. All on one thread."""

    def __init__(self, database: Database, read: ReadTags | None = None) -> None:
        self._database = database
        self._reader = TagClient()
        self._read = read or self._reader.tags
        self._problems: list[str] = []  # of the last scan: what is wrong with folders and disks
        self._heard: dict[str, AnalysisRow] = {}  # not saved yet
        self._tracks: dict[str, Track] = {}
        self._stale = True  # the database knows more than `_tracks`
        self._version = -1

    @classmethod
    def open(cls, folder: Path, read: ReadTags | None = None) -> Catalogue:
        """The catalogue in `folder`, made if need be. That it is damaged or unwritable is told with the tracks. `read`
        takes the place of a process that reads tags."""
        return cls(Database(folder), read)

    def load(self) -> LibraryLoaded:
        """What is known, without looking at the disks: for a quick start, and whenever something was learnt."""
        if self._stale:
            self._reload()
        own = [self._database.problem] if self._database.problem else []
        return LibraryLoaded(tuple(self._tracks.values()), (*own, *self._problems, *self._database.problems()))

    def scan(
        self, folders: Sequence[Path], progress: Progress | None = None, meanwhile: Callable[[], None] = lambda: None
    ) -> LibraryLoaded:
        """Look through `folders` and answer with all that can be played there now.

        Files that are gone keep their place in the catalogue: their drive may only be unplugged. `meanwhile` is called
        often, between any two files; it may call `correct`, `lose` and `load`.
        """
        search = FolderWalk(meanwhile=meanwhile)
        found = search.files(folders)
        self._problems = search.problems
        ids = self._place_ids(search.places)
        changes = compare(found, self._database.known(), ids)
        self._stale = self._stale or changes.any or self._database.version() != self._version
        try:
            self._database.save_absent(changes.gone)
            self._database.save_files(list(self._noted(changes.noted, ids)))
            self._read_all(changes.read, ids, progress, meanwhile)
            if changes.any:
                self._database.drop_moved()
        except LibraryError as error:
            self._tell(error)
        self._reader.close()
        return self.load()

    def lose(self, drive: bytes) -> bool:
        """Take a drive that is not mounted any more out of the library at once; whether there was music on it."""
        inside = os.path.join(drive, b"")
        here = [place for place, (_, there) in self._database.places().items() if there]
        gone = [place for place in here if os.path.join(place, b"").startswith(inside)]
        if gone:
            self._database.save_places((), gone)
            self._stale = True
        return bool(gone)

    def correct(self, key: str, mood: MoodName | None) -> None:
        """From now on this content has this mood, whatever others say; None forgets that. Raises LibraryError."""
        self._database.save_word(key, mood)
        self._refresh(key)

    # --- Analysis ---

    def pending(self, model: str, count: int = 100) -> list[tuple[str, Path]]:
        """Key and path of up to `count` tracks that `model` has still to hear, the most urgent first."""
        self.flush()
        return [(key, Path(os.fsdecode(path))) for key, path in self._database.pending(model, count)]

    def heard(self, key: str, model: str, mood: TrackMood | str) -> None:
        """What analysis by `model` found out, or a sentence if it cannot hear this content. Saved sooner or later: see
        `flush`. Raises LibraryError."""
        if isinstance(mood, str):
            self._heard[key] = AnalysisRow(key, model, mood)
        else:
            place, rest = mood.affect, (mood.uncertainty, mood.tempo_bpm, mood.features, mood.loudness_lufs)
            self._heard[key] = AnalysisRow(key, model, "", place.valence, place.arousal, *rest)
        if len(self._heard) >= SAVE_EVERY:
            self.flush()

    def flush(self) -> None:
        """Save what was heard, and let it count. Raises LibraryError; then it is tried again the next time."""
        if self._heard:
            self._database.save_sounds(list(self._heard.values()))
            for key in self._heard:
                self._refresh(key)
            self._heard = {}

    def count_heard(self, model: str) -> tuple[int, int]:
        """How many tracks `model` has heard, or failed at, and of how many."""
        done, total = self._database.heard(model)
        return done + len(self._heard), total

    def affects(self) -> Mapping[str, tuple[float, float, float]]:
        """Valence, arousal and uncertainty of what was heard, by key, also where somebody else is believed."""
        return self._database.affects()

    def close(self) -> None:
        """Save what is not saved yet and close the file; idempotent."""
        with suppress(LibraryError):
            self.flush()
        self._heard = {}
        self._reader.close()
        self._database.close()

    # --- Reading files ---

    def _read_all(
        self, files: Sequence[Found], ids: dict[bytes, int], progress: Progress | None, meanwhile: Callable[[], None]
    ) -> None:
        formers = self._database.formers() if files else set()
        unsaved: list[FileRow] = []
        for done, file in enumerate(files):
            if progress is not None:
                progress(done, len(files))
            meanwhile()
            try:
                unsaved.append(self._look_at(file, ids[file.place], formers))
            except FileNotFoundError:  # deleted since, or its drive was pulled: the next scan tells
                continue
            except (OSError, WorkerError) as error:  # not the file's fault: no use in remembering it
                self._tell(error, file.path)
            if len(unsaved) >= SAVE_EVERY:
                self._save(unsaved)
                unsaved = []
        self._save(unsaved)
        if progress is not None:
            progress(len(files), len(files))

    def _look_at(self, file: Found, place: int, formers: set[str]) -> FileRow:
        """The entry of a new or changed file. Raises OSError if the disk does not let us read it."""
        path = Path(os.fsdecode(file.path))
        key = self._key_of(file, formers)
        if twin := self._database.twin(key, file.size, file.mtime_ns):
            return _moved(twin, file, place)
        problem, read = "", tags.Tags()
        try:
            read = self._read(path)
        except LibraryError as error:
            os.stat(path)  # it may be gone by now
            problem = str(error)
        return FileRow(
            file.path, place, file.size, file.mtime_ns, key, uri_of(file.path),
            read.title or _title_of(file.path), read.artist, read.album, read.duration_s,
            read.mood, _folder_mood(file), read.gain_db, read.peak, problem,
        )  # fmt: skip

    def _key_of(self, file: Found, formers: set[str]) -> str:
        """The key under which history knows this content. Raises OSError."""
        key = self._database.alias(fingerprint.key_of(file.path))
        if formers and (former := former_key_of(file.path, file.size)) in formers:
            with suppress(LibraryError):
                self._database.save_aliases([(key, former)])
            return former
        return key

    def _noted(self, files: Sequence[Found], ids: dict[bytes, int]) -> Iterator[FileRow]:
        """What changed about these files is only where they are."""
        for file in files:
            if entry := self._database.entry(file.path):
                yield replace(entry, place=ids[file.place], folder_mood=_folder_mood(file), present=True)

    def _place_ids(self, here: set[bytes]) -> dict[bytes, int]:
        """The numbers of the places that are here. Those that went or came are marked; otherwise nothing is written."""
        before = self._database.places()
        came = [path for path in here if not before.get(path, (0, False))[1]]
        went = [path for path, (_, there) in before.items() if there and path not in here]
        self._stale = self._stale or bool(came or went)
        try:
            self._database.save_places(sorted(came), went)
        except LibraryError as error:
            self._tell(error)
        numbers = self._database.places()
        return {path: numbers[path][0] if path in numbers else NOWHERE for path in here}

    # --- What is told ---

    def _reload(self) -> None:
        """Read all tracks from the database; those that did not change stay the same objects, so that whoever holds the
        library before this one pays for the news only."""
        self._version, self._stale = self._database.version(), False
        self._tracks = self._library("", self._tracks)

    def _refresh(self, key: str) -> None:
        """Read one track anew."""
        if key in self._tracks:
            self._tracks.update(self._library(key, {}))

    def _library(self, key: str, before: dict[str, Track]) -> dict[str, Track]:
        nothing: dict[str, Track] = {}
        return self._database.or_anew(lambda: tracks.library(self._database.tracks(key), before), nothing)

    def _save(self, entries: Sequence[FileRow]) -> None:
        self._stale = self._stale or bool(entries)
        try:
            self._database.save_files(entries)
        except LibraryError as error:
            self._tell(error)

    def _tell(self, error: Exception, path: bytes = b"") -> None:
        """Remember what is wrong with the disk; one that is dying would say so for each of its files."""
        words = str(error)
        if isinstance(error, OSError) and error.strerror:
            words = f"{path.decode('utf-8', 'replace')} cannot be read: {error.strerror.lower()}"
        if words not in self._problems and len(self._problems) < MOST_PROBLEMS:
            self._problems.append(words)


def _moved(twin: FileRow, file: Found, place: int) -> FileRow:
    """The same file somewhere else: nothing has to be read again but its new name."""
    title = _title_of(file.path) if twin.title == _title_of(twin.path) else twin.title
    there = replace(twin, path=file.path, uri=uri_of(file.path), place=place, present=True)
    return replace(there, title=title, folder_mood=_folder_mood(file))


def _folder_mood(file: Found) -> MoodName | None:
    return mood_of_folders(name.decode("utf-8", "replace") for name in file.folders)


def _title_of(path: bytes) -> str:
    return tags.tidy(tags.shown(Path(os.fsdecode(os.path.basename(path)))))
