"""The face detector: its net and scenes, made by tools/train_faces.py; measured by `tools/evaluate.py faces`.

Training is here; hard/ composes pictures in which faces are hard to find; measuring/ is what measure.py is made of.
"""
