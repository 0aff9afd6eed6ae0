"""The sound of a group of devices, over Snapcast: the two programs, and our code around them."""
