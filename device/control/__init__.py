"""The control socket: other processes of this machine send commands to the conductor and follow its snapshots.

commands.py is the table of all commands. documents.py renders a Snapshot. surface.py is the conductor's end of the
socket. client.py and live_client.py are the other end: one for a command line, one for a program that stays connected.
README.md describes the lines on the socket.
"""
