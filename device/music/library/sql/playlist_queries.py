"""The tables of playlists, and the queries of database.py and browser.py on them."""

from __future__ import annotations

TABLES = (
    """CREATE TABLE playlists (
    path BLOB PRIMARY KEY, root INTEGER NOT NULL, name TEXT NOT NULL, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL
) STRICT, WITHOUT ROWID""",
    """CREATE TABLE playlist_entries (
    playlist BLOB NOT NULL, place INTEGER NOT NULL, title TEXT NOT NULL, url TEXT NOT NULL, path BLOB NOT NULL,
    PRIMARY KEY (playlist, place)
) STRICT, WITHOUT ROWID""",
)

HERE = "playlists JOIN roots ON roots.id = playlists.root AND roots.present"
LIST = f"""
SELECT playlists.path, name, (SELECT count(*) FROM playlist_entries WHERE playlist = playlists.path) FROM {HERE}
ORDER BY name, playlists.path
"""
ENTRIES = f"""
SELECT name, playlists.path, title, url, entry.path, (
    SELECT files.key FROM files JOIN roots AS home ON home.id = files.root AND home.present
    WHERE files.path = entry.path AND files.present AND files.problem = '' AND files.is_music
) FROM {HERE} JOIN playlist_entries AS entry ON entry.playlist = playlists.path
"""
OF_ONE = f"{ENTRIES} WHERE playlists.path = ? ORDER BY place"
OF_ALL = f"{ENTRIES} ORDER BY playlists.path, place"
"""Name and path of the playlist; title, URL, path and key (or NULL) of each entry."""

KNOWN = "SELECT path, root, size, mtime_ns FROM playlists"
SAVE = "INSERT OR REPLACE INTO playlists VALUES (?, ?, ?, ?, ?)"
SAVE_ENTRY = "INSERT OR REPLACE INTO playlist_entries VALUES (?, ?, ?, ?, ?)"
DROP = "DELETE FROM playlists WHERE path = ?"
DROP_ENTRIES = "DELETE FROM playlist_entries WHERE playlist = ?"
FILE = "SELECT 1 FROM files WHERE path = ?"
