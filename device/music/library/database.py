"""The catalogue's memory: one SQLite file with what was read from each music file, so that it need not be read again.

Four tables: `files` (what each file says of itself), `places` (folders and drives, which come and go as a whole),
`sounds` (what analysis heard) and `words` (the moods that people set over MQTT). The last two are kept by the content's
key, so that they survive when a file is moved, and even when it is deleted and comes back.

Whatever is wrong with the file, the music plays: a damaged one is moved aside and begun anew; where none can be written
it lives in memory. Belongs to the thread that opened it. Asked to save nothing, it writes nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import astuple, fields
from pathlib import Path
from typing import Any, TypeVar

from device.domain import MoodName
from device.errors import LibraryError
from device.music.library import schema
from device.music.library.rows import AnalysisRow, FileRow

NAME = "catalogue.db"
Answer = TypeVar("Answer")

FILE_COLUMNS = ", ".join(field.name for field in fields(FileRow))
SOUND_COLUMNS = ", ".join(field.name for field in fields(AnalysisRow))

PRESENT = """
FROM files JOIN places ON places.id = files.place AND places.present
LEFT JOIN sounds ON sounds.key = files.key LEFT JOIN words ON words.key = files.key
WHERE files.present
"""
# Three quick looks are put together in Python: joining would search all that was heard once for each file.
TRACKS = """
SELECT key, uri, title, artist, album, duration_s, folder_mood, tag_mood, gain_db, peak
FROM files JOIN places ON places.id = files.place AND places.present WHERE files.present AND problem = ''
"""
HEARD = "SELECT key, valence, arousal, uncertainty, tempo_bpm, features, loudness_lufs FROM sounds WHERE problem = ''"
KNOWN = "SELECT path, place, size, mtime_ns, folder_mood, present, former FROM files ORDER BY path"
PENDING = f"""
SELECT files.key, min(path) {PRESENT} AND files.problem = '' AND sounds.model IS NOT ?
GROUP BY files.key ORDER BY words.mood IS NULL AND folder_mood IS NULL AND tag_mood IS NULL DESC, files.key LIMIT ?
"""
PROBLEMS = """
SELECT problem FROM files JOIN places ON places.id = files.place AND places.present
WHERE problem != '' AND files.present ORDER BY path
"""
UNHEARD = """
SELECT min(sounds.problem) FROM sounds CROSS JOIN files ON files.key = sounds.key
JOIN places ON places.id = files.place AND places.present
WHERE sounds.problem != '' AND files.problem = '' AND files.present GROUP BY sounds.key ORDER BY min(path)
"""
COUNTS = f"""
SELECT count(DISTINCT CASE WHEN sounds.model IS ? THEN files.key END), count(DISTINCT files.key)
{PRESENT} AND files.problem = ''
"""
MOVED = """
DELETE FROM files WHERE NOT present AND place IN (SELECT id FROM places WHERE present)
AND key IN (SELECT key FROM files WHERE present)
"""


class Database:
    """`problem` is a sentence if the catalogue could not be opened as it was."""

    def __init__(self, folder: Path) -> None:
        """Never fails: see `problem`."""
        self.problem = ""
        self._path = folder / NAME
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._db = self._connect()
        except (OSError, sqlite3.OperationalError) as error:
            self.problem = f"{self._path} cannot be used ({error}): the library is read again at every start"
            self._db = schema.prepared(sqlite3.connect(":memory:"))

    # --- What is asked ---

    def tracks(self, key: str = "") -> Iterator[tuple[tuple[Any, ...], str | None, tuple[Any, ...] | None]]:
        """What can be played now, in the order of paths, with `key` only that content: a row of `TRACKS`, the mood that
        people gave it, and a row of `HEARD`."""
        only, values = (" AND key = ?", (key,)) if key else ("", ())
        heard = {row[0]: row for row in self._ask(f"{HEARD}{only}", values)}
        words = dict(self._ask(f"SELECT key, mood FROM words WHERE 1{only}", values))
        for row in self._ask(f"{TRACKS}{only} ORDER BY path", values):
            yield row, words.get(row[0]), heard.get(row[0])

    def known(self) -> Iterator[tuple[bytes, int, int, int, str | None, int, int]]:
        """The rows of `KNOWN`, of all files ever seen, in the order of paths. Save nothing before the last one."""
        try:
            yield from self._db.execute(KNOWN)
        except sqlite3.DatabaseError as error:
            self._cannot_read(error)

    def entry(self, path: bytes) -> FileRow | None:
        """What is known of the file at this path."""
        return self._entry(f"SELECT {FILE_COLUMNS} FROM files WHERE path = ?", (path,))

    def twin(self, key: str, size: int, mtime_ns: int) -> FileRow | None:
        """A file that holds the same, and was not touched since it was read: the one that was moved, say."""
        where = "key = ? AND size = ? AND mtime_ns = ? AND problem = '' AND NOT former"
        return self._entry(f"SELECT {FILE_COLUMNS} FROM files WHERE {where} LIMIT 1", (key, size, mtime_ns))

    def alias(self, key: str) -> str:
        """The name under which this content is known, if it is another one."""
        rows = self._ask("SELECT key FROM aliases WHERE alias = ?", (key,))
        return str(rows[0][0]) if rows else key

    def formers(self) -> set[str]:
        """The keys of format 1 that were not seen again yet."""
        return {str(row[0]) for row in self._ask("SELECT DISTINCT key FROM files WHERE former")}

    def pending(self, model: str, count: int) -> list[tuple[str, bytes]]:
        """Key and path of tracks that `model` has not heard, first those of which nobody said what mood they have.
        Their order is a hash's, so that a library half heard is heard half everywhere."""
        return [(str(key), bytes(path)) for key, path in self._ask(PENDING, (model, count))]

    def heard(self, model: str) -> tuple[int, int]:
        """How many tracks `model` has heard (or failed at), and of how many."""
        rows = self._ask(COUNTS, (model,))
        return (int(rows[0][0]), int(rows[0][1])) if rows else (0, 0)

    def problems(self) -> list[str]:
        """A sentence for each file that cannot be played, and for each that could not be analysed."""
        return [str(row[0]) for row in self._ask(PROBLEMS) + self._ask(UNHEARD)]

    def places(self) -> dict[bytes, tuple[int, bool]]:
        """Number of each folder or drive, and whether it is there."""
        return {bytes(path): (number, bool(there)) for path, number, there in self._ask(
            "SELECT top, id, present FROM places")}  # fmt: skip

    def affects(self) -> dict[str, tuple[float, float, float]]:
        """Valence, arousal and uncertainty of all that was heard, by key."""
        return {str(row[0]): row[1:] for row in self._ask(
            "SELECT key, valence, arousal, uncertainty FROM sounds WHERE problem = ''")}  # fmt: skip

    def version(self) -> int:
        """Changes whenever another program has written the file."""
        rows = self._ask("PRAGMA data_version")
        return int(rows[0][0]) if rows else 0

    # --- What is kept. All raise LibraryError, if another program keeps the file for itself; on a full disk they go on
    # in memory, see `problem`. ---

    def save_files(self, changed: Sequence[FileRow]) -> None:
        """Keep these entries."""
        marks = ",".join("?" * len(fields(FileRow)))
        self._write(f"INSERT OR REPLACE INTO files ({FILE_COLUMNS}) VALUES ({marks})", map(astuple, changed))

    def save_sounds(self, heard: Sequence[AnalysisRow]) -> None:
        """Keep what analysis heard."""
        marks = ",".join("?" * len(fields(AnalysisRow)))
        self._write(f"INSERT OR REPLACE INTO sounds ({SOUND_COLUMNS}) VALUES ({marks})", map(astuple, heard))

    def save_word(self, key: str, mood: MoodName | None) -> None:
        """Keep what somebody said of this content's mood; None forgets it."""
        if mood is None:
            self._write("DELETE FROM words WHERE key = ?", [(key,)])
        else:
            self._write("INSERT OR REPLACE INTO words VALUES (?, ?)", [(key, mood)])

    def save_aliases(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Content with the first name goes by the second."""
        self._write("INSERT OR REPLACE INTO aliases VALUES (?, ?)", pairs)

    def save_places(self, here: Iterable[bytes], gone: Iterable[bytes]) -> None:
        """These folders and drives are here (new ones get a number), those are not."""
        rows = [(path, True) for path in here] + [(path, False) for path in gone]
        upsert = "ON CONFLICT (top) DO UPDATE SET present = excluded.present"
        self._write(f"INSERT INTO places (top, present) VALUES (?, ?) {upsert}", rows)

    def save_absent(self, paths: Sequence[bytes]) -> None:
        """These files are not in their places any more."""
        self._write("UPDATE files SET present = 0 WHERE path = ?", [(path,) for path in paths])

    def drop_moved(self) -> None:
        """Forget the old paths of files that are elsewhere now."""
        self._write(MOVED, [()])

    def close(self) -> None:
        """Close the file; idempotent."""
        self._db.close()

    def _cannot_read(self, error: sqlite3.Error) -> None:
        if schema.is_damage(error):
            self.begin_anew(str(error))
        else:
            self.problem = f"{self._path} cannot be read ({error})"

    def begin_anew(self, why: str) -> None:
        """Set a damaged file aside; `problem` tells of it."""
        self._db.close()
        try:
            self.problem = schema.move_aside(self._path, why)
            self._db = schema.prepared(sqlite3.connect(self._path, timeout=10))
        except (OSError, sqlite3.DatabaseError) as error:
            self.problem = f"{self._path} is damaged and cannot be replaced ({error}): delete it"
            self._db = schema.prepared(sqlite3.connect(":memory:"))

    def _ask(self, question: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        try:
            return self._db.execute(question, values).fetchall()
        except sqlite3.DatabaseError as error:
            self._cannot_read(error)
            return []

    def _entry(self, question: str, values: Sequence[object]) -> FileRow | None:
        rows = self._ask(question, values)
        return self.or_anew(lambda: _entry(rows[0]), None) if rows else None

    def or_anew(self, make: Callable[[], Answer], nothing: Answer) -> Answer:
        """What `make` makes of rows; if they are none that this program can have written, begin anew with `nothing`."""
        try:
            return make()
        except (ValueError, TypeError, KeyError) as error:
            self.begin_anew(f"there is nonsense in it: {error}")
            return nothing

    def _write(self, statement: str, rows: Iterable[Sequence[object]]) -> None:
        listed = list(rows)
        if not listed:
            return
        try:
            self._transact(statement, listed)
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise LibraryError(f"{self._path} is being written by another program; trying again later") from error
            self._go_on_in_memory(str(error))
            self._transact(statement, listed)
        except sqlite3.DatabaseError as error:
            self.begin_anew(str(error))
            raise LibraryError(self.problem) from error

    def _transact(self, statement: str, rows: list[Sequence[object]]) -> None:
        with self._db:
            self._db.executemany(statement, rows)

    def _go_on_in_memory(self, why: str) -> None:
        """A full disk costs what is learnt from now on, at the next start; the music plays."""
        memory = sqlite3.connect(":memory:")
        self._db.backup(memory)
        self._db.close()
        self._db = memory
        self.problem = f"{self._path} cannot be written ({why}): make room, or what is learnt is lost at the next start"

    def _connect(self) -> sqlite3.Connection:
        try:
            return schema.prepared(sqlite3.connect(self._path, timeout=10))
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError as error:
            self.problem = schema.move_aside(self._path, str(error))
            return schema.prepared(sqlite3.connect(self._path, timeout=10))


def _entry(row: Sequence[Any]) -> FileRow:
    """Raises ValueError or TypeError for a row that this program cannot have written."""
    values = dict(zip((field.name for field in fields(FileRow)), row, strict=True))
    for name in ("tag_mood", "folder_mood"):
        values[name] = None if values[name] is None else MoodName(values[name])
    return FileRow(**values)
