"""The page for phones: an HTTP server in a process of its own, which speaks to the conductor over the control socket.

It decides nothing about mood and music: it passes commands on, and shows the Snapshot. access.py decides who may do
what, gate.py checks every request, stream.py keeps the phones up to date, server.py has the routes, and static/ is the
page itself. README.md shows it.
"""
