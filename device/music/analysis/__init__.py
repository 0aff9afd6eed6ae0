"""What a file sounds like: decode it, measure features, ask the model `music_mood`, answer with a `TrackMood`.

Runs in the analysis worker (device/music/workers) or on a workstation; importing it loads PyAV, so the conductor does
not. analyser.py puts it together; features.py is the list of what is measured, and spectrum.py what that is read from.
"""

from device.music.analysis.analyser import Heard, MoodAnalyser, affect_of
from device.music.track_mood import TrackMood

__all__ = ["Heard", "MoodAnalyser", "TrackMood", "affect_of"]
