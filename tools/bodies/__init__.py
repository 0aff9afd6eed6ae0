"""Simulated pulses beside synthetic hours of faces, to measure what a body adds."""
