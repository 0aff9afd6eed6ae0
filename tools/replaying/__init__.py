"""What tools/replay.py found in a recording: its nouns, in words, and as a picture."""
