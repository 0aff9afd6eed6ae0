"""Simulated households, to measure what learning the effects of songs is worth."""
