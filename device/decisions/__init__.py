"""What the session decides with: each part minds one subject and is owned by the session. Pure; main thread.

orders.py: what commands change. jukebox.py, with lineup.py: what plays and comes next. bulletin.py: what MQTT was told.
upkeep.py: what the rest of the program was asked to do. vitals.py: how the appliance is doing. consent.py: who said
that the camera may look.
"""
