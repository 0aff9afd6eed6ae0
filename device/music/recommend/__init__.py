"""Which track comes next, and why: pure, and all of it on the main thread; recommend.py puts it together.

library.py holds the tracks as arrays, taste.py and preference.py what a profile likes, reasons.py says it in words.
"""
