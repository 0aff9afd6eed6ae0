"""How well are songs chosen for several people? On households that do not exist, by `tools/evaluate.py groups`."""
