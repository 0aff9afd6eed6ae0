"""Which track comes next, and why. Pure; the main thread uses it.

choose.py is the entry point. track_index.py holds the tracks as arrays, taste.py and preference.py hold what a profile
likes, and explanation.py words the reason.
"""
