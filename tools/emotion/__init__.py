"""The emotion model: its net and lessons, made by tools/train_emotion.py; measured by `tools/evaluate.py emotion`."""
