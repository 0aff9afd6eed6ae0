"""Does the tracker keep everybody apart? On made-up plays and painted films, by `tools/evaluate.py tracks`."""
