"""The longer questions that database.py asks SQLite."""

from __future__ import annotations

from dataclasses import fields

from device.music.library.sql.rows import AnalysisRow, FileRow, KnownFile
from device.music.library.sql.schema import OUTDATED_CTIME_NS
from device.music.track_mood import Doubt

FILE_COLUMNS = ", ".join(field.name for field in fields(FileRow))
ANALYSIS_COLUMNS = ", ".join(field.name for field in fields(AnalysisRow))
KNOWN_COLUMNS = ", ".join(KnownFile._fields)

# An upsert, not a replacement: triggers see a changed row, and its number in the search stays (search_schema.py).
SAVE_FILE = f"""
INSERT INTO files ({FILE_COLUMNS}) VALUES ({",".join("?" * len(fields(FileRow)))})
ON CONFLICT (path) DO UPDATE SET {", ".join(f"{field.name} = excluded.{field.name}" for field in fields(FileRow)[1:])}
"""
PLAYABLE = """
FROM files JOIN roots ON roots.id = files.root AND roots.present
LEFT JOIN analyses ON analyses.key = files.key LEFT JOIN user_moods ON user_moods.key = files.key
WHERE files.present AND files.problem = '' AND files.is_music
"""
TRACK_COLUMNS = """files.key, uri, files.title, files.artist, files.album, duration_s, user_moods.mood, folder_mood,
    tag_mood, links, gain_db, peak, rating, analyses.problem, coalesce(moved_valence, valence),
    coalesce(moved_arousal, arousal), uncertainty, tempo_bpm, features, loudness_lufs, doubt"""
TRACKS = f"SELECT {TRACK_COLUMNS} {PLAYABLE}"
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
NOT_MUSIC = f"""
SELECT doubt, min(path) FROM analyses CROSS JOIN files ON files.key = analyses.key
JOIN roots ON roots.id = files.root AND roots.present LEFT JOIN user_moods ON user_moods.key = files.key
WHERE doubt != '' AND doubt NOT IN ({", ".join(f"'{doubt}'" for doubt in Doubt if doubt.is_music)})
AND analyses.problem = '' AND files.problem = '' AND files.is_music AND files.present
AND user_moods.mood IS NULL AND folder_mood IS NULL AND tag_mood IS NULL GROUP BY analyses.key ORDER BY min(path)
"""
"""Doubt and path of what plays only for somebody who asks for it."""
MOVED = """
DELETE FROM files WHERE NOT present AND root IN (SELECT id FROM roots WHERE present)
AND key IN (SELECT key FROM files WHERE present)
"""
AFFECTS = "SELECT key, valence, arousal, uncertainty FROM analyses WHERE problem = ''"
MOVED_POINTS = "SELECT key, moved_valence, moved_arousal FROM analyses WHERE moved_valence IS NOT NULL"
MOVE_POINT = "UPDATE analyses SET moved_valence = ?, moved_arousal = ? WHERE key = ?"
MATCHES = f"""size = :size AND mtime_ns = :mtime_ns AND problem = '' AND NOT legacy_key
AND ctime_ns != {OUTDATED_CTIME_NS}"""
TWIN = f"""
SELECT {FILE_COLUMNS} FROM files WHERE key = :key AND present = 0 AND {MATCHES}
UNION ALL
SELECT {FILE_COLUMNS} FROM files WHERE key = :key AND present = 1
AND root IN (SELECT id FROM roots WHERE NOT present) AND {MATCHES}
LIMIT 1
"""
