"""The music mood model: its clips and net, made by tools/train_music.py; measured by `tools/evaluate.py music`."""
