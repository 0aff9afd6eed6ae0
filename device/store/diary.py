"""The diary on the disk: `diary.db` in the data folder, apart from everything else, so that deleting it is complete.

One thread at a time uses a `DiaryStore` (see writer.py). Any thread of any process may use a `DiaryReader`, which opens
the file for reading at every call. SQLite in WAL mode with `synchronous=NORMAL`: a power cut may cost the latest
entries, never the file, and an entry costs no fsync. Entries older than `keep_days` are deleted when the file is opened
and once an hour. `secure_delete` overwrites what is deleted, and then the log is emptied, too.

Nothing here stops the music: a damaged file is renamed, and an unusable one means that the diary is lost at a restart.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from device.domain import Affect, DiaryEntry, Erasure, Felt, MoodEntry, MoodName, MoodSource, Outcome, SongEntry
from device.errors import StateError
from device.store.files import connect, is_damage, set_aside

FILE = "diary.db"
FORMAT = 1
DAY_S = 86400.0
PRUNE_S = 3600.0

SCHEMA = """
CREATE TABLE IF NOT EXISTS moods (
    id INTEGER PRIMARY KEY, at REAL, mood TEXT, source TEXT, valence REAL, arousal REAL, certainty REAL, faces INTEGER
);
CREATE TABLE IF NOT EXISTS songs (
    id INTEGER PRIMARY KEY, started_at REAL, ended_at REAL, heard_s REAL, track_key TEXT, title TEXT, artist TEXT,
    mood TEXT, profile TEXT, outcome TEXT, before_valence REAL, before_arousal REAL, before_certainty REAL,
    after_valence REAL, after_arousal REAL, after_certainty REAL,
    valence REAL, arousal REAL, context TEXT, liked INTEGER
);
CREATE INDEX IF NOT EXISTS moods_at ON moods (at);
CREATE INDEX IF NOT EXISTS songs_at ON songs (started_at);
"""
MOOD_COLUMNS = "at, mood, source, valence, arousal, certainty, faces"
SONG_COLUMNS = (
    "started_at, ended_at, heard_s, track_key, title, artist, mood, profile, outcome, before_valence, before_arousal,"
    " before_certainty, after_valence, after_arousal, after_certainty, valence, arousal, context, liked"
)
INSERT_MOOD = f"INSERT INTO moods ({MOOD_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)"
INSERT_SONG = f"INSERT INTO songs ({SONG_COLUMNS}) VALUES ({', '.join('?' * 19)})"
SELECT_MOODS = (
    f"SELECT {MOOD_COLUMNS} FROM moods WHERE at < :end"
    " AND at >= coalesce((SELECT max(at) FROM moods WHERE at <= :start), :start) ORDER BY at, id"
)
SELECT_SONGS = f"SELECT {SONG_COLUMNS} FROM songs WHERE started_at >= ? AND started_at < ? ORDER BY started_at, id"


class DiaryStore:
    """Writes the diary. `problem` is a sentence if the file was not usable; otherwise empty."""

    def __init__(self, folder: Path, keep_days: int, clock: Callable[[], float] = time.time) -> None:
        """Open or create the file. `keep_days` 0 keeps nothing. Never fails: see `problem`."""
        self._path, self._keep_s, self._clock = folder / FILE, keep_days * DAY_S, clock
        self.problem = ""
        self._pruned_at = clock()
        self._database = self._open()
        self._prune()

    def _open(self) -> sqlite3.Connection:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            try:
                return self._connect(self._path)
            except sqlite3.Error as error:
                if not is_damage(error):
                    raise
                self.problem = f"{self._path} was damaged ({error}); it is now {set_aside(self._path).name}"
            return self._connect(self._path)
        except (OSError, sqlite3.Error) as error:
            self.problem = f"{self._path} cannot be used ({error}); the diary will be lost at the next restart"
        return self._connect(":memory:")

    @staticmethod
    def _connect(path: Path | str) -> sqlite3.Connection:
        database = connect(path, SCHEMA, FORMAT, "NORMAL")
        database.execute("PRAGMA secure_delete = ON")
        return database

    def write(self, entries: Iterable[DiaryEntry]) -> None:
        """Add entries, and delete those that are too old. Raises StateError; the entries are then lost."""
        with self._errors_as_sentences():
            for entry in entries if self._keep_s else ():
                if isinstance(entry, MoodEntry):
                    self._database.execute(INSERT_MOOD, _mood_row(entry))
                else:
                    self._database.execute(INSERT_SONG, _song_row(entry))
            if abs(self._clock() - self._pruned_at) >= PRUNE_S:
                self._prune()

    def erase(self, erasure: Erasure) -> None:
        """Delete what `erasure` covers, so that nothing of it remains in the file. Raises StateError."""
        span = {"start": erasure.start, "end": erasure.end, "person": erasure.person}
        with self._errors_as_sentences():
            if not erasure.person:  # a mood belongs to the room, not to a person
                self._database.execute("DELETE FROM moods WHERE at >= :start AND at < :end", span)
            self._database.execute(
                "DELETE FROM songs WHERE started_at >= :start AND started_at < :end"
                " AND (:person = '' OR instr(', ' || profile || ', ', ', ' || :person || ', '))",
                span,
            )
            self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def songs(self) -> tuple[SongEntry, ...]:
        """All songs, oldest first."""
        with self._errors_as_sentences():
            rows = self._database.execute(f"SELECT {SONG_COLUMNS} FROM songs ORDER BY started_at, id")
            return tuple(song for row in rows if (song := _song_of(row)) is not None)

    def close(self) -> None:
        """Close the file. Idempotent."""
        self._database.close()

    def _prune(self) -> None:
        self._pruned_at = self._clock()
        before = self._clock() - self._keep_s
        with contextlib.suppress(sqlite3.Error):  # a full disk: the next entry reports it
            self._database.execute("DELETE FROM moods WHERE at < ?", (before,))
            self._database.execute("DELETE FROM songs WHERE started_at < ?", (before,))

    @contextlib.contextmanager
    def _errors_as_sentences(self) -> Any:
        try:
            yield
        except sqlite3.Error as error:
            raise StateError(f"{self._path} cannot be written ({error}); the diary has gaps") from error


class DiaryReader:
    """Reads the diary of a data folder: the protocol `device.domain.Diary`."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE

    def moods(self, start: float, end: float) -> tuple[MoodEntry, ...]:
        """See `Diary`."""
        rows = self._read(SELECT_MOODS, {"start": start, "end": end})
        return tuple(mood for row in rows if (mood := _mood_of(row)) is not None)

    def songs(self, start: float, end: float) -> tuple[SongEntry, ...]:
        """See `Diary`."""
        return tuple(song for row in self._read(SELECT_SONGS, (start, end)) if (song := _song_of(row)) is not None)

    def _read(self, query: str, values: Any) -> list[tuple[Any, ...]]:
        if not self._path.exists():
            return []
        try:
            database = sqlite3.connect(f"{self._path.resolve().as_uri()}?mode=ro", uri=True, timeout=2.0)
            with contextlib.closing(database):
                return database.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise StateError(f"{self._path} cannot be read ({error})") from error


def _felt_row(felt: Felt | None) -> tuple[float | None, float | None, float | None]:
    return (None, None, None) if felt is None else (felt.affect.valence, felt.affect.arousal, felt.certainty)


def _felt_of(valence: Any, arousal: Any, certainty: Any) -> Felt | None:
    return None if valence is None else Felt(Affect(float(valence), float(arousal)), float(certainty))


def _mood_row(entry: MoodEntry) -> tuple[Any, ...]:
    return entry.at, entry.mood, entry.source, *_felt_row(entry.felt), entry.faces


def _mood_of(row: tuple[Any, ...]) -> MoodEntry | None:
    """The entry in a row; None for a row that is not ours."""
    at, mood, source, valence, arousal, certainty, faces = row
    with contextlib.suppress(ValueError, TypeError):
        name = None if mood is None else MoodName(mood)
        return MoodEntry(float(at), name, MoodSource(source), _felt_of(valence, arousal, certainty), int(faces))
    return None


def _song_row(entry: SongEntry) -> tuple[Any, ...]:
    texts = (entry.track_key, entry.title, entry.artist, entry.mood, entry.profile, entry.outcome)
    times = (entry.started_at, entry.ended_at, entry.heard_s)
    own = (entry.affect.valence, entry.affect.arousal, entry.context, int(entry.liked))
    return (*times, *texts, *_felt_row(entry.before), *_felt_row(entry.after), *own)


def _song_of(row: tuple[Any, ...]) -> SongEntry | None:
    """The entry in a row; None for a row that is not ours."""
    started_at, ended_at, heard_s, key, title, artist, mood, profile, outcome, *felt = row
    *felt, valence, arousal, context, liked = felt
    with contextlib.suppress(ValueError, TypeError):
        return SongEntry(
            started_at=float(started_at),
            ended_at=float(ended_at),
            heard_s=float(heard_s),
            track_key=str(key),
            title=str(title),
            artist=str(artist),
            mood=MoodName(mood),
            profile=str(profile),
            outcome=None if outcome is None else Outcome(outcome),
            before=_felt_of(*felt[:3]),
            after=_felt_of(*felt[3:]),
            affect=Affect(float(valence), float(arousal)),
            context=str(context),
            liked=bool(liked),
        )
    return None
