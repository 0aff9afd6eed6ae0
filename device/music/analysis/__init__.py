"""Analyses a file: decodes it, measures features, runs the model `music_mood`, returns a `TrackMood`.

Runs in the analysis process (device/music/workers) or on a workstation. Importing it loads PyAV, so the conductor does
not. analyser.py puts the steps together: decode.py, features.py (of spectrum.py, timbre.py, rhythm.py and tonality.py)
and loudness_meter.py.
"""

from device.music.analysis.analyser import MoodAnalyser, Prediction, affect_of
from device.music.track_mood import TrackMood

__all__ = ["MoodAnalyser", "Prediction", "TrackMood", "affect_of"]
