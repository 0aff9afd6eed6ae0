"""Sends listens to ListenBrainz, if the owner sets a token. A surface without commands; it decides nothing.

- listens.py: what counts as a listen. Pure.
- submission.py: the thread that sends them, and the file where they wait for the network.
"""
