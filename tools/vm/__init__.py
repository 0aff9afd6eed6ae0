"""A whole Affetto in a machine that is emulated, for tests and for people without a board: `python -m tools.vm --help`.

machine.py   the machine: qemu, and the power that can be cut; card.py, disk.py, kernel.py what it starts from
shell.py     commands in it, over SSH
outside.py   the broker outside, and what arrived there                   stage.py    what every check is given
start.py, home.py, camera.py, marker.py, memory.py, wall.py, sound.py, boot_file.py, versions.py, wear.py, cuts.py
    what is looked at, by subject
nas.py       file servers beside it, and shares.py what is looked at there
scene.py     music and people for the machine                               table.py    what came out
"""
