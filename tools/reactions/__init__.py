"""People who hear songs begin, to measure reactions: by `tools/evaluate.py reactions`."""
