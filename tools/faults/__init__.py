"""What people hear when something goes wrong in a group of devices, measured on real ones."""
