"""A model is a file and its card: made from a float model (convert.py), and put in place as a pair (files.py)."""
