"""Rooms that play together: the surface through which the devices of a group talk to one another."""
