"""The part of catalogue.db that makes the library quick to search and to browse.

`entries` gives each file a small number. `search` is a full-text index (SQLite FTS5) over title, artist, album and
folder, folded by fold.py; its rows have those numbers. Triggers keep both up to date in the transaction that changes a
file, so no scan and no crash can leave them behind. FTS5's prefix indexes answer the first letters of a word.
"""

from __future__ import annotations

import os
import sqlite3

from device.music.library.fold import indexed

TEXTS = "as_indexed({0}.title), as_indexed({0}.artist || ' ' || {0}.album_artist), as_indexed({0}.album), \
as_folder({0}.path, (SELECT folder FROM roots WHERE id = {0}.root))"

TABLES = (
    "CREATE TABLE entries (id INTEGER PRIMARY KEY, path BLOB NOT NULL UNIQUE) STRICT",
    "CREATE VIRTUAL TABLE search USING fts5(title, artist, album, folder, prefix = '1 2 3', "
    'tokenize = "unicode61 remove_diacritics 0")',
    f"""CREATE TRIGGER file_added AFTER INSERT ON files BEGIN
    INSERT INTO entries (path) SELECT NEW.path WHERE NOT EXISTS (SELECT 1 FROM entries WHERE path = NEW.path);
    INSERT INTO search (rowid, title, artist, album, folder)
        SELECT id, {TEXTS.format("NEW")} FROM entries WHERE path = NEW.path;
END""",
    f"""CREATE TRIGGER file_renamed AFTER UPDATE OF title, artist, album, album_artist ON files
WHEN (OLD.title, OLD.artist, OLD.album, OLD.album_artist) IS NOT (NEW.title, NEW.artist, NEW.album, NEW.album_artist)
BEGIN
    UPDATE search SET (title, artist, album, folder) = (SELECT {TEXTS.format("NEW")})
        WHERE rowid = (SELECT id FROM entries WHERE path = NEW.path);
END""",
    """CREATE TRIGGER file_removed AFTER DELETE ON files BEGIN
    DELETE FROM search WHERE rowid = (SELECT id FROM entries WHERE path = OLD.path);
    DELETE FROM entries WHERE path = OLD.path;
END""",
    # The first one holds all that lists of artists and albums need, so SQLite need not read the files (it cannot see
    # that the condition makes three of the columns constant).
    """CREATE INDEX files_by_artist ON files (artist, album, album_artist, root, present, problem, is_music)
WHERE present AND problem = '' AND is_music""",
    "CREATE INDEX files_by_album ON files (album) WHERE present AND problem = '' AND is_music",
    """CREATE INDEX files_by_album_artist ON files (album_artist)
WHERE album_artist != '' AND present AND problem = '' AND is_music""",
    "INSERT INTO entries (path) SELECT path FROM files",
    f"""INSERT INTO search (rowid, title, artist, album, folder)
SELECT id, {TEXTS.format("files")} FROM entries JOIN files USING (path)""",
)


def add_functions(db: sqlite3.Connection) -> None:
    """Let this connection write files: the triggers need the functions."""
    db.execute("PRAGMA trusted_schema = ON")
    db.create_function("as_indexed", 1, indexed, deterministic=True)
    db.create_function("as_folder", 2, folder_text, deterministic=True)


def folder_text(path: bytes, top: bytes | None) -> str:
    """The words of the folders between the music folder `top` and a file."""
    inside = os.path.dirname(path.removeprefix((top or b"").rstrip(b"/")))
    return indexed(inside.replace(b"/", b" ").decode("utf-8", "replace"))
