"""All music files on the disks, and what is known of them: found, compared, kept in catalogue.db, given out as tracks.

catalogue.py puts it together, on the scanner's thread; files.py and drives.py look at the disks, changes.py compares,
shelf.py keeps, tracks.py makes of it the tracks that the rest of the program knows.
"""

from device.music.catalogue.catalogue import Catalogue

__all__ = ["Catalogue"]
