"""A simulated owner who corrects tracks: by `tools/evaluate.py corrections`."""
