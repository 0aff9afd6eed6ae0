"""Writes what is wished into one file after the other, and takes it back. Main thread; an `Editor` edits copies."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Protocol

from device.errors import LibraryError
from device.music.metadata import fingerprint
from device.music.metadata.editing import Fields, Found, Wish, changes
from device.music.metadata.tags import Tags, shown
from device.tags.journal import Entry, Journal, state_of
from device.tags.plan import Candidate
from device.tags.replacing import remove_leftovers, replace_file

LIKING, DISLIKING = 0.8, 0.4  # four stars say that somebody likes a song, two that somebody does not


class Result(Enum):
    """What became of a file."""

    WRITTEN = "written"
    RIGHT = "it says so already"
    SKIPPED = "left as it is"


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a file, and a phrase: what was written, or why nothing was."""

    result: Result
    words: str = ""


class Editor(Protocol):
    """See `EditClient`."""

    def find(self, path: Path) -> Found: ...
    def edit(self, path: Path, fields: Fields) -> Found: ...
    def tags(self, path: Path) -> Tags: ...
    def digest(self, path: Path) -> str: ...


class TagWriter:
    """`dry`: change nothing, but say what would be. `reached`: see `replace_file`."""

    def __init__(
        self, client: Editor, journal: Journal, *, dry: bool, reached: Callable[[str], object] = lambda step: None
    ) -> None:
        self._client, self._journal, self._dry, self._reached = client, journal, dry, reached
        self._cleaned: set[Path] = set()
        self._done: set[Path] = set()

    def write(self, candidate: Candidate) -> Done:
        """Let a file say what it should. Raises OSError for the disk, WorkerError."""
        path = Path(os.path.realpath(candidate.path))
        status = os.lstat(path)
        entry = self._journal.entry(path)
        if path in self._done or (entry and (entry.wish, entry.state) == (candidate.wish, state_of(status))):
            return Done(Result.RIGHT)
        self._done.add(path)
        scanned = candidate.size, candidate.mtime_ns, candidate.ctime_ns
        if (status.st_size, status.st_mtime_ns, status.st_ctime_ns) != scanned:
            return Done(Result.SKIPPED, "it has changed since the last scan")
        try:
            return self._write(path, candidate.wish, entry, status)
        except LibraryError as error:
            return Done(Result.SKIPPED, str(error).removeprefix(f"{shown(path)}: ").removeprefix(f"{shown(path)} "))

    def undo(self, entry: Entry) -> Done:
        """Give a file back what it said before. Raises OSError for the disk, WorkerError."""
        try:
            return self._undo(entry)
        except FileNotFoundError:
            return Done(Result.SKIPPED, "it is not there now")
        except LibraryError as error:
            return Done(Result.SKIPPED, str(error))

    def _write(self, path: Path, wish: Wish, entry: Entry | None, status: os.stat_result) -> Done:
        found, tags = self._client.find(path), self._client.tags(path)
        wanted = changes(found, replace_like(wish, tags.rating))
        entry = replace(entry or Entry(path, wish, ""), wish=wish)
        if not wanted:
            if not self._dry:
                self._journal.save(replace(entry, state=state_of(status)))
            return Done(Result.RIGHT)
        if self._dry:
            return Done(Result.WRITTEN, words_of(wanted))
        before = {key: found.fields.get(key, []) for key in wanted} | entry.before
        entry = replace(entry, state="", before=before, after=(*entry.after, wanted))
        now = self._replace(path, wanted, tags, entry, wish)
        self._journal.save(replace(entry, state=state_of(now)))
        return Done(Result.WRITTEN, words_of(wanted))

    def _undo(self, entry: Entry) -> Done:
        os.lstat(entry.path)
        fields = self._client.find(entry.path).fields
        wrong = {key: texts for key, texts in entry.before.items() if fields.get(key, []) != texts}
        ours = {
            key: texts
            for key, texts in wrong.items()
            if any(fields.get(key, []) == after[key] for after in entry.after if key in after)
        }
        if ours and not self._dry:
            self._replace(entry.path, ours, self._client.tags(entry.path), None, None)
        if not self._dry:
            self._journal.drop(entry.path)
        if not ours:
            return Done(Result.RIGHT) if not wrong else Done(Result.SKIPPED, "somebody has changed these tags since")
        return Done(Result.WRITTEN, words_of(ours))

    def _replace(
        self, path: Path, wanted: Fields, tags: Tags, entry: Entry | None, wish: Wish | None
    ) -> os.stat_result:
        if path.parent not in self._cleaned:
            remove_leftovers(path.parent)
            self._cleaned.add(path.parent)

        def edit(copy: Path) -> None:
            after = self._client.edit(copy, wanted).fields
            if any(after.get(key, []) != texts for key, texts in wanted.items()):
                raise LibraryError("the new tags cannot be read back from it")
            self._compare(path, copy, tags, wish)

        def note() -> None:
            if entry is not None:
                self._journal.save(entry)

        return replace_file(path, edit, note, self._reached)

    def _compare(self, path: Path, copy: Path, tags: Tags, wish: Wish | None) -> None:
        """Raise LibraryError unless the copy is the same music with the same other tags. The key must stay, because
        likes, history and corrections belong to it."""
        after = self._client.tags(copy)
        if fingerprint.key_of(bytes(copy)) != fingerprint.key_of(bytes(path)):
            raise LibraryError("its likes and history would not find it again after the change")
        if self._client.digest(copy) != self._client.digest(path):
            raise LibraryError("its sound would not be the same after the change")
        if replace(after, rating=None, mood=None) != replace(tags, rating=None, mood=None):
            raise LibraryError("other tags in it would not be the same after the change")
        if wish is not None and replace_like(wish, after.rating).liked is not None:
            raise LibraryError("another rating in it says something else")


def replace_like(wish: Wish, rating: float | None) -> Wish:
    """The wish without stars, if the file has stars that say it: nobody's four stars become five."""
    says = rating is not None and (rating >= LIKING - 0.01 if wish.liked else rating <= DISLIKING + 0.01)
    return Wish(None if says else wish.liked, wish.mood, wish.predicted)


def words_of(fields: Fields) -> str:
    """Such as "RATING 100, MOOD Calm"; a field that goes is "no MOOD"."""
    parts = []
    for key, texts in fields.items():
        name = key.rpartition(":")[2] if not key.startswith("POPM") else "POPM"
        parts.append(f"{name} {', '.join(_plain(key, text) for text in texts)}" if texts else f"no {name}")
    return ", ".join(parts)


def _plain(key: str, text: str) -> str:
    return text.partition("|")[0] if key.startswith("POPM") else text.rpartition("|")[2]
