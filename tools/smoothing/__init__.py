"""How well are moods smoothed? On hours made up of labelled faces, by `tools/evaluate.py smoothing`."""
