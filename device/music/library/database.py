"""The database of the catalogue: one SQLite file with what was read from each music file, so that it need not be read
again.

Its tables: `files` (what each file says of itself), `roots` (parts of music folders, which come and go as a whole),
`analyses` (what the model found), `user_moods` (moods that people set over MQTT) and `aliases` (other keys of the same
content). Analyses and users' moods belong to the key of the content, so they survive when a file is moved, and even
when it is deleted and comes back.

Whatever is wrong with the file, the music plays: a damaged file is moved aside and begun anew; where none can be
written, the database lives in memory. Belongs to the thread that opened it. Without changes it writes nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import astuple, fields
from pathlib import Path
from typing import Any, TypeVar

from device.domain import MoodName
from device.errors import LibraryError
from device.music.library import schema, steps
from device.music.library.rows import AnalysisRow, FileRow, KnownFile, Root

NAME = "catalogue.db"
LOCK_S = 10.0  # patience while another program writes
Answer = TypeVar("Answer")

FILE_COLUMNS = ", ".join(field.name for field in fields(FileRow))
ANALYSIS_COLUMNS = ", ".join(field.name for field in fields(AnalysisRow))
KNOWN_COLUMNS = ", ".join(KnownFile._fields)

PLAYABLE = """
FROM files JOIN roots ON roots.id = files.root AND roots.present
LEFT JOIN analyses ON analyses.key = files.key LEFT JOIN user_moods ON user_moods.key = files.key
WHERE files.present AND files.problem = '' AND files.is_music
"""
TRACKS = f"""
SELECT files.key, uri, title, artist, album, duration_s, user_moods.mood, folder_mood, tag_mood, links, gain_db, peak,
    analyses.problem, valence, arousal, uncertainty, tempo_bpm, features, loudness_lufs
{PLAYABLE}
"""
PENDING = f"""
SELECT files.key, min(path) {PLAYABLE} AND analyses.model IS NOT ?
GROUP BY files.key ORDER BY user_moods.mood IS NULL AND folder_mood IS NULL AND tag_mood IS NULL DESC, files.key LIMIT ?
"""
COUNTS = f"""
SELECT count(DISTINCT CASE WHEN analyses.model IS ? THEN files.key END), count(DISTINCT files.key) {PLAYABLE}
"""
BAD_FILES = """
SELECT files.problem FROM files JOIN roots ON roots.id = files.root AND roots.present
WHERE files.problem != '' AND files.present ORDER BY path
"""
FAILED_ANALYSES = """
SELECT min(analyses.problem) FROM analyses CROSS JOIN files ON files.key = analyses.key
JOIN roots ON roots.id = files.root AND roots.present
WHERE analyses.problem != '' AND files.problem = '' AND files.is_music AND files.present
GROUP BY analyses.key ORDER BY min(path)
"""
MOVED = """
DELETE FROM files WHERE NOT present AND root IN (SELECT id FROM roots WHERE present)
AND key IN (SELECT key FROM files WHERE present)
"""
TWIN = f"""
SELECT {FILE_COLUMNS} FROM files WHERE key = ? AND size = ? AND mtime_ns = ? AND problem = '' AND NOT legacy_key
AND NOT (present AND root IN (SELECT id FROM roots WHERE present)) LIMIT 1
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
            self.problem = f"{self._path} cannot be used ({error}): Affetto reads the library again at every start."
            self._db = schema.prepare(sqlite3.connect(":memory:"))

    # --- Questions ---

    def tracks(self, key: str = "") -> Iterator[tuple[Any, ...]]:
        """The rows of `TRACKS`: what can be played now, in the order of paths; with `key`, only that content."""
        only, values = ("AND files.key = ?", (key,)) if key else ("", ())
        return self._rows(f"{TRACKS} {only} ORDER BY path", values)

    def known(self) -> Iterator[KnownFile]:
        """All files ever seen, in the order of paths. Save nothing before the last one."""
        return map(KnownFile._make, self._rows(f"SELECT {KNOWN_COLUMNS} FROM files ORDER BY path"))

    def file(self, path: bytes) -> FileRow | None:
        """What is known of the file at this path."""
        return self._file(f"SELECT {FILE_COLUMNS} FROM files WHERE path = ?", (path,))

    def twin(self, key: str, size: int, mtime_ns: int) -> FileRow | None:
        """A file that held the same, was not touched since it was read, and is not there any more: it was moved, or its
        drive is mounted elsewhere now."""
        return self._file(TWIN, (key, size, mtime_ns))

    def alias(self, key: str) -> str:
        """The key under which this content is known."""
        rows = self._all("SELECT key FROM aliases WHERE alias = ?", (key,))
        return str(rows[0][0]) if rows else key

    def legacy_keys(self) -> set[str]:
        """The keys of format 1 of files that were not seen again yet."""
        return {str(key) for (key,) in self._rows("SELECT DISTINCT key FROM files WHERE legacy_key")}

    def pending(self, model: str, count: int) -> list[tuple[str, bytes]]:
        """Key and path of tracks that `model` has not analysed, first those of which nobody said what mood they have.
        Keys are hashes, so a library half analysed is analysed half everywhere."""
        return [(str(key), bytes(path)) for key, path in self._all(PENDING, (model, count))]

    def count_analysed(self, model: str) -> tuple[int, int]:
        """How many tracks `model` has analysed (or failed at), and of how many."""
        rows = self._all(COUNTS, (model,))
        return (int(rows[0][0]), int(rows[0][1])) if rows else (0, 0)

    def notes(self, most: int | None) -> tuple[list[str], int]:
        """A sentence for each file that cannot be played and for each that could not be analysed, at most `most`; and
        how many there are in all."""
        notes: list[str] = []
        total = 0
        for question in (BAD_FILES, FAILED_ANALYSES):
            for (note,) in self._rows(question):
                total += 1
                if most is None or len(notes) < most:
                    notes.append(str(note))
        return notes, total

    def roots(self) -> dict[Root, tuple[int, bool]]:
        """The number of each root, and whether it is there."""
        rows = self._all("SELECT folder, mount, id, present FROM roots WHERE id")
        return {Root(folder, mount): (number, bool(present)) for folder, mount, number, present in rows}

    def affects(self) -> dict[str, tuple[float, float, float]]:
        """Valence, arousal and uncertainty of all that was analysed, by key."""
        rows = self._rows("SELECT key, valence, arousal, uncertainty FROM analyses WHERE problem = ''")
        return {str(key): (valence, arousal, uncertainty) for key, valence, arousal, uncertainty in rows}

    def version(self) -> int:
        """Changes whenever another program has written the file."""
        rows = self._all("PRAGMA data_version")
        return int(rows[0][0]) if rows else 0

    # --- Changes. All raise LibraryError if another program holds the file; on a full disk they go on in memory, see
    # `problem`. ---

    def save_files(self, changed: Iterable[FileRow]) -> None:
        """Keep these rows."""
        marks = ",".join("?" * len(fields(FileRow)))
        self._write(f"INSERT OR REPLACE INTO files ({FILE_COLUMNS}) VALUES ({marks})", map(astuple, changed))

    def save_analyses(self, found: Iterable[AnalysisRow]) -> None:
        """Keep what analysis found."""
        marks = ",".join("?" * len(fields(AnalysisRow)))
        self._write(f"INSERT OR REPLACE INTO analyses ({ANALYSIS_COLUMNS}) VALUES ({marks})", map(astuple, found))

    def forget_failed_analyses(self) -> None:
        """Let every file that could not be analysed be tried again."""
        self._write("DELETE FROM analyses WHERE problem != ''", [()])

    def save_user_mood(self, key: str, mood: MoodName | None) -> None:
        """Keep what somebody said of this content's mood; None forgets it."""
        if mood is None:
            self._write("DELETE FROM user_moods WHERE key = ?", [(key,)])
        else:
            self._write("INSERT OR REPLACE INTO user_moods VALUES (?, ?)", [(key, str(mood))])

    def save_alias(self, alias: str, key: str) -> None:
        """Content with the first key goes by the second."""
        self._write("INSERT OR REPLACE INTO aliases VALUES (?, ?)", [(alias, key)])

    def save_roots(self, here: Iterable[Root], gone: Iterable[Root]) -> None:
        """The first roots are there (new ones get a number), the others are not."""
        rows = [(*root, True) for root in here] + [(*root, False) for root in gone]
        upsert = "ON CONFLICT (folder, mount) DO UPDATE SET present = excluded.present"
        self._write(f"INSERT INTO roots (folder, mount, present) VALUES (?, ?, ?) {upsert}", rows)

    def save_absent(self, paths: Iterable[bytes]) -> None:
        """These files are not on their roots any more."""
        self._write("UPDATE files SET present = 0 WHERE path = ?", [(path,) for path in paths])

    def drop_moved(self) -> None:
        """Forget the old paths of files that are elsewhere now."""
        self._write(MOVED, [()])

    def close(self) -> None:
        """Close the file; idempotent."""
        self._db.close()

    # --- SQLite and its errors ---

    def or_anew(self, make: Callable[[], Answer], nothing: Answer) -> Answer:
        """What `make` makes of rows; if this program cannot have written them, begin anew and return `nothing`."""
        try:
            return make()
        except (ValueError, TypeError, KeyError) as error:
            self._begin_anew(f"there is nonsense in it: {error}")
            return nothing

    def _rows(self, question: str, values: Sequence[object] = ()) -> Iterator[tuple[Any, ...]]:
        """Row by row: no other thread has to wait until thousands are read or freed."""
        pace = steps.Pace()
        try:
            for row in self._db.execute(question, values):
                pace()
                yield row
        except sqlite3.DatabaseError as error:
            self._cannot_read(error)

    def _all(self, question: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        return list(self._rows(question, values))

    def _file(self, question: str, values: Sequence[object]) -> FileRow | None:
        rows = self._all(question, values)
        return self.or_anew(lambda: _file_row(rows[0]), None) if rows else None

    def _cannot_read(self, error: sqlite3.DatabaseError) -> None:
        if schema.is_damaged(error):
            self._begin_anew(str(error))
        elif isinstance(error, sqlite3.OperationalError):
            self.problem = f"{self._path} cannot be read ({error})."
        else:
            raise error

    def _begin_anew(self, why: str) -> None:
        """Set a damaged file aside; `problem` says so."""
        self._db.close()
        try:
            self.problem = schema.move_aside(self._path, why)
            self._db = schema.prepare(sqlite3.connect(self._path, timeout=LOCK_S))
        except (OSError, sqlite3.DatabaseError) as error:
            self.problem = f"{self._path} is damaged and cannot be replaced ({error}): delete it."
            self._db = schema.prepare(sqlite3.connect(":memory:"))

    def _write(self, statement: str, rows: Iterable[Sequence[object]]) -> None:
        listed = list(rows)
        if not listed:
            return
        try:
            self._transact(statement, listed)
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise LibraryError(f"Another program is writing {self._path}: Affetto tries again later.") from error
            self._continue_in_memory(str(error))
            self._transact(statement, listed)
        except sqlite3.DatabaseError as error:
            if not schema.is_damaged(error):
                raise
            self._begin_anew(str(error))
            raise LibraryError(self.problem) from error

    def _transact(self, statement: str, rows: list[Sequence[object]]) -> None:
        with self._db:
            self._db.executemany(statement, rows)

    def _continue_in_memory(self, why: str) -> None:
        """A full disk costs what is learnt from now on, at the next start; the music plays."""
        memory = sqlite3.connect(":memory:")
        self._db.backup(memory)
        self._db.close()
        self._db = memory
        self.problem = (
            f"{self._path} cannot be written ({why}): make room, or the next start forgets what Affetto learns now."
        )

    def _connect(self) -> sqlite3.Connection:
        try:
            return schema.prepare(sqlite3.connect(self._path, timeout=LOCK_S))
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError) and not schema.is_damaged(error):
                raise
            self.problem = schema.move_aside(self._path, str(error))
            return schema.prepare(sqlite3.connect(self._path, timeout=LOCK_S))


def _file_row(row: Sequence[Any]) -> FileRow:
    """Raises ValueError or TypeError for a row that this program cannot have written."""
    values = dict(zip((field.name for field in fields(FileRow)), row, strict=True))
    for name in ("tag_mood", "folder_mood"):
        values[name] = None if values[name] is None else MoodName(values[name])
    return FileRow(**values)
