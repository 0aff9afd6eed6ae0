"""Simulated homes, to measure what learning by context is worth."""
