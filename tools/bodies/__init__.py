"""Simulated pulses beside made-up hours of faces, to measure what a body adds."""
