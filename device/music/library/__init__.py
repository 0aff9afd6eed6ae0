"""The catalogue of all music files on the disks: finds files, stores their data in catalogue.db, makes tracks of them.

- scanner.py: the thread that everything else runs on; scan_loop.py: what it does, step by step; analysis_queue.py: the
  thread beside it that waits for the analysis.
- catalogue.py: puts the rest together. file_reader.py reads one file.
- walker.py finds files (formats.py says which may be music), mounts.py notices drives, diff.py compares.
- database.py keeps rows (rows.py, schema.py, queries.py, legacy.py); tracks.py turns them into tracks of the library.
- browser.py: what surfaces see of it (domain/library.py), with browse_queries.py, names.py, points.py and folders.py;
  search_schema.py and fold.py make it quick to search.
- playlists.py reads and writes playlist files; playlist_files.py keeps the catalogue's up to date.
- steps.py: how all of that stays out of the way of other threads.

Importing the package imports none of them: the page needs browser.py, and not the rest with NumPy.
"""
