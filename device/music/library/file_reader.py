"""Reads one new or changed file for the catalogue: its key, its tags, and whether it is music at all.

Belongs to the scanner's thread. A process of its own reads the tags (workers/tag_client.py).
"""

from __future__ import annotations

import math
import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from device.errors import LibraryError
from device.music.library import legacy
from device.music.library.files import formats
from device.music.library.files.found import Found
from device.music.library.sql.database import Database
from device.music.library.sql.rows import FileRow
from device.music.metadata import fingerprint, tags
from device.music.uri import uri_of
from device.music.workers.tag_client import ReadTags, TagClient


class FileReader:
    """Asks `database` what is known of the same content."""

    def __init__(self, database: Database, read: ReadTags | None = None) -> None:
        """`read` takes the place of the process that reads tags."""
        self._database = database
        self._client = TagClient()
        self._tags = read or self._client.tags

    def close(self) -> None:
        """End the process; the next file starts another."""
        self._client.close()

    def read(self, file: Found, root: int, legacy_keys: set[str], *, again: bool) -> FileRow:
        """The row of a new or changed file. Raises OSError if the disk does not let us read it, and WorkerError."""
        key = self._key_of(file, legacy_keys)
        if not again and (twin := self._twin(key, file)):
            return _moved(twin, file, root)
        problem, read = "", tags.Tags()
        is_music = file.named or formats.holds_sound(_head(file.path))
        if is_music:
            try:
                read = self._tags(Path(os.fsdecode(file.path)))
            except LibraryError as error:
                os.stat(file.path)  # it may be gone by now
                problem, is_music = (str(error), True) if file.named else ("", False)
        if not problem and formats.is_film(file.path, file.size, read.duration_s):
            problem = f"{tags.shown(Path(os.fsdecode(file.path)))} is left out, because it is a film."
        duration_s = read.duration_s if math.isfinite(read.duration_s) else 0.0
        return FileRow(
            file.path, root, file.links, file.size, file.mtime_ns, file.ctime_ns, key, uri_of(file.path),
            read.title or _title_of(file.path), read.artist, read.album, duration_s,
            read.mood, file.mood, read.gain_db, read.peak, problem, is_music,
            album_artist=read.album_artist, genre=read.genre, number=read.number, rating=read.rating,
        )  # fmt: skip

    def _twin(self, key: str, file: Found) -> FileRow | None:
        """The same file, if it was elsewhere before. A file that was here before was edited: its date may say nothing,
        because many taggers set it back."""
        twin = self._database.twin(key, file.size, file.mtime_ns)
        if twin is None or twin.path == file.path:
            return None
        here = self._database.file(file.path)
        return None if here is not None and here.present and here.key == key else twin

    def _key_of(self, file: Found, legacy_keys: set[str]) -> str:
        """The key under which history knows this content. Raises OSError."""
        key = self._database.alias(fingerprint.key_of(file.path))
        if legacy_keys and (old := legacy.key_of(file.path, file.size)) in legacy_keys:
            with suppress(LibraryError):
                self._database.save_alias(key, old)
            return old
        return key


def _moved(twin: FileRow, file: Found, root: int) -> FileRow:
    """The same file at another path: nothing has to be read again but its new name."""
    title = _title_of(file.path) if twin.title == _title_of(twin.path) else twin.title
    return replace(
        twin, path=file.path, uri=uri_of(file.path), root=root, links=file.links, ctime_ns=file.ctime_ns,
        title=title, folder_mood=file.mood, present=True,
    )  # fmt: skip


def _head(path: bytes) -> bytes:
    with open(path, "rb", buffering=0) as file:
        return file.read(formats.HEAD_BYTES)


def _title_of(path: bytes) -> str:
    return tags.tidy(tags.shown(Path(os.fsdecode(os.path.basename(path)))))
