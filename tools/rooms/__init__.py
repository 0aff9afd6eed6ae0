"""How far apart the loudspeakers of a group play, measured at their sound cards (tools/measure_rooms.py).

    machine.py    boots a machine of its own with loopback sound cards, whose time does not depend on this computer
    member.py     in there: one device of the group            listen.py     in there: hears what both cards play
    offsets.py    from both recordings to offsets              plot.py       the offsets as a picture
"""
