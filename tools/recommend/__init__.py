"""How well are songs chosen? On listeners who do not exist, by `tools/evaluate.py recommend`."""
