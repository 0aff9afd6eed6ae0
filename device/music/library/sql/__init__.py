"""catalogue.db: its tables, its rows, and every query on it.

rows.py is what callers see. schema.py and search_schema.py make the tables, database.py asks and changes them.
"""
