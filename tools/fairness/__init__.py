"""Who is found and read worse than others? By age, gender, race and tone, by `tools/evaluate.py fairness`."""
