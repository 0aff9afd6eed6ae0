"""What lies on the disks: finds the files that may be music, notices drives that come and go, and asks file servers.

Knows nothing of the catalogue.
"""
