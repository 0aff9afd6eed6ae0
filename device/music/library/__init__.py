"""All music files on the disks, and what is known of them: found, compared, kept in catalogue.db, given out as tracks.

scanner.py is the thread that all of it runs on, with analysis.py at its side, which has the files heard. catalogue.py
puts it together: files.py and drives.py look at the disks, changes.py compares, database.py keeps, and tracks.py
makes of it the tracks that the rest of the program knows.
"""

from device.music.library.catalogue import Catalogue

__all__ = ["Catalogue"]
