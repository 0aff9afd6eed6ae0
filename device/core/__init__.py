"""The core: what the session decides with. Pure; the main thread alone uses it.

session.py takes events and answers with actions. playback.py and queue.py own what plays and what follows.
commands.py applies what people ask for. reconciler.py compares what ought to be with what was last asked for.
health.py counts how the appliance is doing. consent.py owns who let the camera look.
"""
