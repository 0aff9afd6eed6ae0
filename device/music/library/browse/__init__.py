"""The library as surfaces see it: search, lists, folders, playlists and points of the plane, read from catalogue.db.

Any thread, any process. browser.py answers; names.py, points.py and folders.py make the lists, kept.py keeps them.
"""
