"""Nods, shakes and talking heads, to measure gestures: by `tools/evaluate.py gestures`."""
