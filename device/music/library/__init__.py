"""The catalogue of all music files on the disks: finds files, stores their data in catalogue.db, makes tracks of them.

- files/: what lies on the disks. sql/: catalogue.db. browse/: the library as surfaces see it. The modules beside them
  scan, and put all of it together.
- scanner.py: the thread that everything else runs on; scan_loop.py: what it does, step by step; analysis_queue.py: the
  thread beside it that waits for the analysis.
- catalogue.py: scans, keeps what the analysis finds, and makes the library. update.py takes over what a scan finds:
  diff.py compares the disks with the database, file_reader.py reads one file.
- known_tracks.py holds the tracks in memory; tracks.py makes them of rows, relatives.py moves their moods.
- playlists.py reads and writes playlist files; playlist_files.py keeps the catalogue's up to date.
- steps.py: how all of that stays out of the way of other threads. fold.py: how names compare.

Importing the package imports none of them: the page needs browse/browser.py, and not the scanner.
"""
