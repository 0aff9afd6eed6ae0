"""From decoded samples to a sound device: gain, mix, volume, and out by ALSA, a sound server or a file.

All of it belongs to the player's worker thread. Decoded sound comes in through pcm_buffer.py, mixer.py makes one stream
of it with gain.py and volume.py, outputs.py lists what can take that stream and chooses, sink.py keeps it open.
"""
