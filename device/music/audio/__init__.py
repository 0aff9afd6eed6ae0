"""From decoded samples to a sound device: levelled, mixed, at the volume, and out by ALSA, a sound server or a file.

All of it belongs to the player's worker thread. buffer.py is where decoded sound comes in, mixer.py makes one stream of
it, outputs.py says what takes that stream and chooses, speaker.py keeps it open.
"""
