"""Does the tracker keep everybody apart? On synthetic plays and painted films, by `tools/evaluate.py tracks`."""
