"""Affetto: an appliance that sees a room's mood and plays the music that fits."""

__version__ = "0.1.0"
