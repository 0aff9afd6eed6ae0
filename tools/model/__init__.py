"""A model is a file and its card: convert.py makes them from a float model, files.py puts the pair in place."""
