"""All music files on the disks, and what is known of them: found, compared, kept in catalogue.db, read as tracks.

- scanner.py: the thread that everything else runs on; analysis_queue.py beside it waits for the analysis.
- catalogue.py: puts the rest together.
- walker.py finds files (formats.py says which may be music), mounts.py notices drives, diff.py compares.
- database.py keeps rows (rows.py, schema.py, legacy.py); tracks.py turns them into the tracks of the library.
- steps.py: how all of that stays out of the way of other threads.
"""

from device.music.library.catalogue import Catalogue

__all__ = ["Catalogue"]
