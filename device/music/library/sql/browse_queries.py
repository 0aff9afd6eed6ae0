"""The queries that browser.py sends to SQLite."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence

from device.domain.library import Selection
from device.music.library.sql.queries import PLAYABLE, TRACK_COLUMNS
from device.music.uri import path_of

SEARCH = f"""
SELECT {TRACK_COLUMNS} FROM search CROSS JOIN entries ON entries.id = search.rowid
CROSS JOIN files ON files.path = entries.path JOIN roots ON roots.id = files.root AND roots.present
LEFT JOIN analyses ON analyses.key = files.key LEFT JOIN user_moods ON user_moods.key = files.key
WHERE search MATCH ? AND files.present AND files.problem = '' AND files.is_music LIMIT ?
"""
FIRST = """NOT EXISTS (SELECT 1 FROM files AS twin JOIN roots AS home ON home.id = twin.root AND home.present
WHERE twin.key = files.key AND twin.path < files.path AND twin.present AND twin.problem = '' AND twin.is_music)"""
"""Of several files with the same content, the first."""
OF_ARTIST = """SELECT path FROM files WHERE artist = ? AND present AND problem = '' AND is_music UNION
SELECT path FROM files WHERE album_artist = ? AND album_artist != '' AND present AND problem = '' AND is_music"""
ALBUM_ARTIST = "CASE album_artist WHEN '' THEN artist ELSE album_artist END"
COUNT = """
SELECT count(*) FROM files JOIN roots ON roots.id = files.root AND roots.present
WHERE files.present AND files.problem = '' AND files.is_music AND {where}
"""
LIST = f"SELECT {TRACK_COLUMNS} {PLAYABLE} AND {{where}} ORDER BY {{order}} LIMIT ? OFFSET ?"


def matches(words: list[str]) -> Iterator[str]:
    """The searches for these words in the language of FTS5, the most telling first: a title that begins with them,
    a title that has them, and any text that has them."""
    terms = [f'"{word}"*' for word in words]
    yield "title : ^" + " + ".join(f'"{word}"' for word in words) + "*"
    yield "title : (" + " AND ".join(terms) + ")"
    yield " AND ".join(terms)


def selected(selection: Selection) -> tuple[str, str, tuple[object, ...]]:
    """The condition, the order and the values of a selection without a mood and without a playlist."""
    conditions, values = list[str](), list[object]()
    order = "files.path"
    if selection.artist is not None and selection.album is None:
        conditions.append(f"files.path IN ({OF_ARTIST})")
        values += [selection.artist] * 2
        order = "album, number, files.path"
    elif selection.artist:
        conditions.append(f"{ALBUM_ARTIST} = ?")
        values.append(selection.artist)
    elif selection.artist == "":  # a compilation
        conditions.append("album_artist = ''")
    if selection.album is not None:
        conditions.append("album = ?")
        values.append(selection.album)
        order = "number, files.path"
    if selection.folder is not None:
        low = os.fsencode(path_of(selection.folder)).rstrip(b"/") + b"/"
        conditions.append("files.path > ? AND files.path < ?")
        values += [low, low[:-1] + b"0"]
    else:  # whoever looks into a folder wants to see what is in it
        conditions.append(FIRST)
    return " AND ".join(conditions), order, tuple(values)


def is_plain(selection: Selection) -> bool:
    """Whether the selection is all tracks, or those of a mood: the points know them."""
    return selection.artist is selection.album is selection.folder is None


def narrow(db: sqlite3.Connection, numbers: Sequence[int], selection: Selection) -> Sequence[int]:
    """Of these tracks, those that also fit the rest of the selection."""
    if is_plain(selection):
        return numbers
    where, _, values = selected(selection)
    question = f"SELECT entries.id FROM files JOIN entries USING (path) WHERE {where}"
    fits = {number for (number,) in db.execute(question, values)}
    return [number for number in numbers if number in fits]
