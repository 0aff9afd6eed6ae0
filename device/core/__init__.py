"""The core: everything that decides. Pure; only the main thread uses it.

session.py takes events and returns actions; reacting.py, obeying.py and settling.py are its steps, and state.py has
all its parts. chooser.py knows what can play, and chooses. playback.py begins and ends what plays; playing.py and
queue.py own it. commands.py applies commands. reconciler.py compares the wanted state with the last requests.
health.py keeps counts and problems. consent.py records who switched the camera on or off. diary.py notices what belongs
into the diary.
"""
