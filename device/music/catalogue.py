"""The library: which tracks there are, what they are called and where they stand in the plane.

Runs on the scanner's thread. Reads the music folders and remembers what it read in catalogue.db (see shelf.py), so that
the next scan only opens files that are new or changed. What is wrong with a file or a folder becomes a sentence in the
result, never an exception.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote_from_bytes

from device.domain import MOOD_AFFECT, LibraryLoaded, MoodOrigin, Track
from device.errors import LibraryError
from device.music import tags
from device.music.files import Found, Search, key_of
from device.music.mood_words import believe, mood_of_folders
from device.music.shelf import Entry, Shelf, changes

SAVE_EVERY = 500  # files read; so much is lost at most when a first scan is cut short

Progress = Callable[[int, int], None]
"""Called with how many files are done, and of how many."""


class Catalogue:
    """Open, scan as often as you like, close. All on one thread."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._known = shelf.entries()

    @classmethod
    def open(cls, folder: Path) -> Catalogue:
        """The catalogue in `folder`, made if need be. That it is damaged or unwritable is told with the tracks."""
        return cls(Shelf(folder))

    def load(self) -> LibraryLoaded:
        """What the last scan found, without looking at the disks: for a quick start."""
        return _library(self._known.values(), self._own_problems())

    def scan(self, folders: Sequence[Path], progress: Progress | None = None) -> LibraryLoaded:
        """Look through `folders` and answer with all that can be played there now.

        Files that are gone keep their place in the catalogue: their drive may only be unplugged.
        """
        search = Search()
        found = search.files(folders)
        problems = search.problems
        seen: dict[bytes, Entry] = {}
        before = dict(self._known)
        unsaved: list[Entry] = []
        for done, file in enumerate(found):
            if progress is not None:
                progress(done, len(found))
            try:
                entry = self._look_at(file)
            except LibraryError as error:  # not the file's fault: no use in remembering it
                problems.append(str(error))
                continue
            seen[file.path] = entry
            if before.get(file.path) != entry:
                unsaved.append(entry)
            if len(unsaved) >= SAVE_EVERY:
                self._save(unsaved, problems)
                unsaved = []
        gone = {path: replace(entry, present=False) for path, entry in before.items() if path not in seen}
        self._known = {**gone, **seen}
        self._save([*unsaved, *changes(before, gone)], problems)
        if progress is not None:
            progress(len(found), len(found))
        return _library(seen.values(), [*self._own_problems(), *problems])

    def close(self) -> None:
        """Close the file; idempotent."""
        self._shelf.close()

    def _look_at(self, file: Found) -> Entry:
        """The entry of this file, read anew only if it changed. Raises LibraryError if the disk does not let us."""
        known = self._known.get(file.path)
        folder_mood = mood_of_folders(name.decode("utf-8", "replace") for name in file.folders)
        if known is not None and (known.size, known.mtime_ns) == (file.size, file.mtime_ns):
            return replace(known, folder_mood=folder_mood, present=True)
        path = Path(os.fsdecode(file.path))
        problem, read = "", tags.Tags()
        try:
            key = key_of(file.path, file.size)
            read = tags.read(path)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise LibraryError(f"{tags.shown(path)} cannot be read: {reason}") from error
        except LibraryError as error:
            if isinstance(error.__cause__, OSError):
                raise
            problem = str(error)
        title = read.title or tags.tidy(tags.shown(Path(path.name)))
        return Entry(
            file.path,
            file.size,
            file.mtime_ns,
            key,
            title,
            read.artist,
            read.album,
            read.duration_s,
            read.mood,
            folder_mood,
            problem,
        )

    def _save(self, entries: list[Entry], problems: list[str]) -> None:
        try:
            self._shelf.save(entries)
        except LibraryError as error:
            if str(error) not in problems:
                problems.append(str(error))

    def _own_problems(self) -> list[str]:
        return [self._shelf.problem] if self._shelf.problem else []


def _library(entries: Iterable[Entry], problems: Iterable[str]) -> LibraryLoaded:
    """Each content once, under the path whose word about the mood is believed most."""
    tracks: dict[str, Track] = {}
    told = list(problems)
    for entry in sorted(entries, key=lambda entry: entry.path):
        if not entry.present:
            continue
        if entry.problem:
            told.append(entry.problem)
            continue
        track = track_of(entry)
        twin = tracks.get(track.key)
        if twin is None or _rank(track.origin) > _rank(twin.origin):
            tracks[track.key] = track
    return LibraryLoaded(tuple(tracks.values()), tuple(told))


def track_of(entry: Entry) -> Track:
    """The track that a readable file is."""
    mood, origin = believe({MoodOrigin.FOLDER: entry.folder_mood, MoodOrigin.TAG: entry.tag_mood})
    return Track(
        entry.key,
        "file://" + quote_from_bytes(entry.path),
        entry.title,
        entry.artist,
        entry.album,
        entry.duration_s,
        MOOD_AFFECT[mood],
        mood,
        origin,
    )


def _rank(origin: MoodOrigin) -> int:
    return list(MoodOrigin).index(origin)
