"""The sound of a group of devices, over Snapcast: the two programs, and what stands between them and our own parts."""
