"""Brings the database up to date with what a walk through the folders found. On the scanner's thread.

One file after the other is read, and saved in batches. A problem with a file or a disk becomes a sentence, never an
exception.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from device.errors import LibraryError, WorkerError
from device.music.disks import GONE, all_mounts
from device.music.library import steps
from device.music.library.diff import Diff
from device.music.library.file_reader import FileReader
from device.music.library.files.found import Found, Root
from device.music.library.files.ignored import Ignored
from device.music.library.known_tracks import KnownTracks
from device.music.library.sql.database import Database
from device.music.library.sql.rows import FileRow
from device.music.metadata import tags

SAVE_EVERY = 200  # files; an interrupted scan loses at most this many
NO_ROOT = -1  # while the catalogue cannot be written
MOST_PROBLEMS = 20  # of disks, because a failing disk has a problem with every file

Progress = Callable[[int, int | None], None]
"""Called with how many of the new and changed files are read, and of how many; while the folders are searched, with how
many files are found so far, and None."""


class Update:
    """One update. `problems`: sentences about disks; those of the walk come first. `incomplete`: it left something out
    that soon may succeed. `known` becomes stale as soon as the database holds news."""

    def __init__(
        self, database: Database, reader: FileReader, known: KnownTracks, ignored: Ignored, problems: list[str]
    ) -> None:
        self._database, self._reader, self._known, self._ignored = database, reader, known, ignored
        self.problems = problems
        self.incomplete = False

    def number_roots(self, here: set[Root]) -> Mapping[Root, int]:
        """The numbers of the roots that are here. Marks those that came or went; otherwise writes nothing."""
        before = self._database.roots()
        came = [root for root in here if not before.get(root, (0, False))[1]]
        went = [root for root, (_, present) in before.items() if present and root not in here]
        self._known.stale |= bool(came or went)
        try:
            self._database.save_roots(sorted(came), went)
        except LibraryError as error:
            self._add_problem(error)
        known = self._database.roots()
        return {root: known[root][0] if root in known else NO_ROOT for root in here}

    def apply(
        self,
        diff: Diff,
        ids: Mapping[Root, int],
        progress: Progress,
        meanwhile: Callable[[], None],
        *,
        again: bool,
    ) -> None:
        """Save what differs; `ids` are the numbers of the roots. `meanwhile` is called between any two files. `again`:
        read every file again. Raises LibraryError."""
        changed = diff.any
        if again:
            self._database.forget_failed_analyses()
        for gone in steps.batches(diff.gone):
            self._database.save_absent(gone)
        for noted in steps.batches(diff.noted):
            self._database.save_files(self._noted(noted, ids))
            meanwhile()
        self._read_all(diff, ids, progress, meanwhile, again=again)
        if changed:
            self._database.drop_moved()

    def fail(self, error: Exception, path: bytes = b"") -> None:
        """Note why something was left out, and that the next scan should try it."""
        self._add_problem(error, path)
        self.incomplete = True

    def _read_all(
        self, diff: Diff, ids: Mapping[Root, int], progress: Progress, meanwhile: Callable[[], None], *, again: bool
    ) -> None:
        total, unsaved = len(diff.read), list[FileRow]()
        lost: set[bytes] = set()  # file servers that were lost on the way
        remote = {mount.point for mount in all_mounts() if mount.remote} if total else set()
        legacy_keys = self._database.legacy_keys() if total else set()
        for done, file in enumerate(steps.drain(diff.read)):
            progress(done, total)
            meanwhile()
            if file.root.mount in lost:
                continue
            try:
                unsaved.append(self._reader.read(file, ids[file.root], legacy_keys, again=again))
            except FileNotFoundError:  # deleted since, or its drive was pulled out: the next scan knows
                continue
            except OSError as error:  # not the file's fault: the next scan tries again
                self._add_problem(error, file.path)
                if error.errno in GONE and file.root.mount in remote:
                    lost.add(file.root.mount)
                    self.incomplete = True
            except WorkerError as error:  # no file's fault
                self.fail(error)
                break
            if len(unsaved) >= SAVE_EVERY:
                self._save(unsaved)
                unsaved = []
        self._save(unsaved)
        progress(total, total)

    def _noted(self, files: Iterable[Found], ids: Mapping[Root, int]) -> Iterator[FileRow]:
        """Of these files, only the way to them is another."""
        for file in files:
            if row := self._database.file(file.path):
                yield replace(row, root=ids[file.root], links=file.links, folder_mood=file.mood, present=True)

    def _save(self, rows: Sequence[FileRow]) -> None:
        rows = [replace(row, is_music=False) if self._ignored.genre(row.genre) else row for row in rows]
        self._known.stale |= bool(rows)
        try:
            self._database.save_files(rows)
        except LibraryError as error:
            self.fail(error)

    def _add_problem(self, error: Exception, path: bytes = b"") -> None:
        words = str(error)
        if isinstance(error, OSError) and error.strerror:
            words = f"{tags.shown(Path(os.fsdecode(path)))} cannot be read: {error.strerror.lower()}."
        if words not in self.problems and len(self.problems) < MOST_PROBLEMS:
            self.problems.append(words)
