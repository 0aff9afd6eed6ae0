"""The database of the catalogue: one SQLite file with the tags and the analysis of each music file.

Its tables: `files` (tags and dates of each file), `roots` (parts of music folders, which come and go as a whole),
`analyses` (the model's results), `user_moods` (moods that people set over MQTT) and `aliases` (other keys of the same
content). Analyses and users' moods belong to the key of the content, so they survive when somebody moves a file, or
deletes it and copies it back.

Belongs to the thread that opened it. Without changes it writes nothing. catalogue_file.py says what happens if
the file is damaged or the disk is full.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import astuple, fields
from pathlib import Path
from typing import Any

from device.domain import MoodName
from device.music.library.files.found import Root
from device.music.library.sql import playlist_queries, queries
from device.music.library.sql.catalogue_file import Answer, CatalogueFile, Values
from device.music.library.sql.rows import AnalysisRow, FileRow, KnownFile


class Database:
    """What the catalogue asks and changes. `folder` is where the file is."""

    def __init__(self, folder: Path) -> None:
        """Never fails: see `problem`."""
        self.folder = folder
        self._sql = CatalogueFile(folder)

    @property
    def problem(self) -> str:
        """A sentence if the catalogue could not be opened, or written, as it was."""
        return self._sql.problem

    # --- Questions ---

    def tracks(self, key: str = "") -> Iterator[tuple[Any, ...]]:
        """Rows of `queries.TRACKS`: what can be played now, in the order of paths; with `key`, only that content."""
        only, values = ("AND files.key = ?", (key,)) if key else ("", ())
        return self._sql.rows(f"{queries.TRACKS} {only} ORDER BY path", values)

    def known(self) -> Iterator[KnownFile]:
        """All files ever seen, in the order of paths. Save nothing before the last one."""
        return map(KnownFile._make, self._sql.rows(f"SELECT {queries.KNOWN_COLUMNS} FROM files ORDER BY path"))

    def file(self, path: bytes) -> FileRow | None:
        """What is known of the file at this path."""
        return self._file(f"SELECT {queries.FILE_COLUMNS} FROM files WHERE path = ?", (path,))

    def twin(self, key: str, size: int, mtime_ns: int) -> FileRow | None:
        """A file that held the same, was not touched since it was read, and is no longer there: it was moved, or its
        drive is mounted elsewhere now."""
        return self._file(queries.TWIN, {"key": key, "size": size, "mtime_ns": mtime_ns})

    def alias(self, key: str) -> str:
        """The key under which this content is known."""
        rows = self._sql.all("SELECT key FROM aliases WHERE alias = ?", (key,))
        return str(rows[0][0]) if rows else key

    def legacy_keys(self) -> set[str]:
        """The keys of format 1 of files that were not seen again yet."""
        return {str(key) for (key,) in self._sql.rows("SELECT DISTINCT key FROM files WHERE legacy_key")}

    def pending(self, model: str, count: int) -> list[tuple[str, bytes]]:
        """Key and path of tracks that `model` has not analysed, first those of which nobody said what mood they have.
        Keys are hashes, so a library half analysed is analysed half everywhere."""
        return [(str(key), bytes(path)) for key, path in self._sql.all(queries.PENDING, (model, count))]

    def count_analysed(self, model: str) -> tuple[int, int]:
        """How many tracks `model` has analysed (or failed at), and of how many."""
        rows = self._sql.all(queries.COUNTS, (model,))
        return (int(rows[0][0]), int(rows[0][1])) if rows else (0, 0)

    def notes(self, most: int | None) -> tuple[list[str], int]:
        """A sentence for each file that cannot be played and for each that could not be analysed, at most `most`; and
        how many there are in all."""
        notes: list[str] = []
        total = 0
        for question in (queries.BAD_FILES, queries.FAILED_ANALYSES):
            for (note,) in self._sql.rows(question):
                total += 1
                if most is None or len(notes) < most:
                    notes.append(str(note))
        return notes, total

    def not_music(self) -> list[tuple[str, bytes]]:
        """Doubt and path of what plays only for somebody who asks for it, in the order of paths."""
        return [(str(doubt), bytes(path)) for doubt, path in self._sql.rows(queries.NOT_MUSIC)]

    def roots(self) -> dict[Root, tuple[int, bool]]:
        """The number of each root, and whether it is there."""
        rows = self._sql.all("SELECT folder, mount, id, present FROM roots WHERE id")
        return {Root(folder, mount): (number, bool(present)) for folder, mount, number, present in rows}

    def affects(self, keys: Collection[str] | None = None) -> dict[str, tuple[float, float, float]]:
        """Valence, arousal and uncertainty of what was analysed, by key: of all, or of these `keys`."""
        rows = self._analyses(queries.AFFECTS, keys)
        return {str(key): (valence, arousal, uncertainty) for key, valence, arousal, uncertainty in rows}

    def moved_points(self, keys: Collection[str] | None = None) -> dict[str, tuple[float, float]]:
        """Valence and arousal to which people's corrections move tracks, by key: all, or those of `keys`."""
        rows = self._analyses(queries.MOVED_POINTS, keys)
        return {str(key): (valence, arousal) for key, valence, arousal in rows}

    def known_playlists(self) -> list[tuple[bytes, int, int, int]]:
        """Path, root, size and date of each playlist."""
        return [(bytes(path), root, size, mtime) for path, root, size, mtime in self._sql.all(playlist_queries.KNOWN)]

    def playlist_entries(self) -> Iterator[tuple[Any, ...]]:
        """Rows of `playlist_queries.OF_ALL`."""
        return self._sql.rows(playlist_queries.OF_ALL)

    def has_file(self, path: bytes) -> bool:
        """Whether a file at this path was ever seen."""
        return bool(self._sql.all(playlist_queries.FILE, (path,)))

    def version(self) -> int:
        """Changes whenever another program has written the file."""
        rows = self._sql.all("PRAGMA data_version")
        return int(rows[0][0]) if rows else 0

    # --- Changes. All raise LibraryError if another program holds the file; see `CatalogueFile.write`. ---

    def save_files(self, changed: Iterable[FileRow]) -> None:
        """Keep these rows."""
        self._sql.write(queries.SAVE_FILE, map(astuple, changed))

    def save_analyses(self, found: Iterable[AnalysisRow]) -> None:
        """Keep what analysis found."""
        marks = ",".join("?" * len(fields(AnalysisRow)))
        self._sql.write(
            f"INSERT OR REPLACE INTO analyses ({queries.ANALYSIS_COLUMNS}) VALUES ({marks})", map(astuple, found)
        )

    def forget_failed_analyses(self) -> None:
        """Let every file that could not be analysed be tried again."""
        self._sql.write("DELETE FROM analyses WHERE problem != ''", [()])

    def save_user_mood(self, key: str, mood: MoodName | None) -> None:
        """Keep what somebody said of this content's mood; None forgets it."""
        if mood is None:
            self._sql.write("DELETE FROM user_moods WHERE key = ?", [(key,)])
        else:
            self._sql.write("INSERT OR REPLACE INTO user_moods VALUES (?, ?)", [(key, str(mood))])

    def move_points(self, points: Iterable[tuple[str, tuple[float, float] | None]]) -> None:
        """Move these tracks, by key, to a valence and an arousal; None: back to where the model put them."""
        self._sql.write(queries.MOVE_POINT, [(*(point or (None, None)), key) for key, point in points])

    def save_playlist(self, facts: Sequence[object], entries: Sequence[tuple[str, str, bytes]]) -> None:
        """Keep a playlist: path, root, name, size and date; and title, URL and path of each entry."""
        path = facts[0]
        self._sql.write(playlist_queries.DROP_ENTRIES, [(path,)])
        rows = [(path, place, *entry) for place, entry in enumerate(entries)]
        self._sql.write(playlist_queries.SAVE_ENTRY, rows)
        self._sql.write(playlist_queries.SAVE, [facts])

    def drop_playlists(self, paths: Sequence[bytes]) -> None:
        """Forget these playlists."""
        self._sql.write(playlist_queries.DROP, [(path,) for path in paths])
        self._sql.write(playlist_queries.DROP_ENTRIES, [(path,) for path in paths])

    def leave_out_genres(self, ignored: Callable[[str], bool]) -> bool:
        """Let files of these genres be no music, and all others with a genre be music. Whether that changed any."""
        rows = self._sql.all("SELECT genre, is_music FROM files WHERE genre != '' GROUP BY genre, is_music")
        wrong = [(not ignored(genre), genre) for genre, is_music in rows if bool(is_music) == ignored(genre)]
        self._sql.write("UPDATE files SET is_music = ? WHERE genre = ?", wrong)
        return bool(wrong)

    def save_alias(self, alias: str, key: str) -> None:
        """Content with the first key goes by the second."""
        self._sql.write("INSERT OR REPLACE INTO aliases VALUES (?, ?)", [(alias, key)])

    def save_roots(self, here: Iterable[Root], gone: Iterable[Root]) -> None:
        """The first roots are there (new ones get a number), the others are not."""
        rows = [(*root, True) for root in here] + [(*root, False) for root in gone]
        upsert = "ON CONFLICT (folder, mount) DO UPDATE SET present = excluded.present"
        self._sql.write(f"INSERT INTO roots (folder, mount, present) VALUES (?, ?, ?) {upsert}", rows)

    def save_absent(self, paths: Iterable[bytes]) -> None:
        """These files are no longer on their roots."""
        self._sql.write("UPDATE files SET present = 0 WHERE path = ?", [(path,) for path in paths])

    def drop_moved(self) -> None:
        """Forget the old paths of files that are elsewhere now."""
        self._sql.write(queries.MOVED, [()])

    def or_anew(self, make: Callable[[], Answer], nothing: Answer) -> Answer:
        """See `CatalogueFile.or_anew`."""
        return self._sql.or_anew(make, nothing)

    def close(self) -> None:
        """Close the file; idempotent."""
        self._sql.close()

    def _analyses(self, question: str, keys: Collection[str] | None) -> Iterator[tuple[Any, ...]]:
        """Rows of the analyses of these keys; None: of all."""
        if keys is None:
            yield from self._sql.rows(question)
        else:
            for key in keys:
                yield from self._sql.rows(f"{question} AND key = ?", (key,))

    def _file(self, question: str, values: Values) -> FileRow | None:
        rows = self._sql.all(question, values)
        return self._sql.or_anew(lambda: _file_row(rows[0]), None) if rows else None


def _file_row(row: Sequence[Any]) -> FileRow:
    """Raises ValueError or TypeError for a row that this program cannot have written."""
    values = dict(zip((field.name for field in fields(FileRow)), row, strict=True))
    for name in ("tag_mood", "folder_mood"):
        values[name] = None if values[name] is None else MoodName(values[name])
    return FileRow(**values)
