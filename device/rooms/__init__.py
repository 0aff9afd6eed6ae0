"""Rooms that play together: the surface on which the devices of a group hear of one another."""
