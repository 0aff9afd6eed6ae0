"""Updates from a source that the owner chooses: finds, checks and installs them with install.sh, which can go back.

`affetto-update.service` runs as root: it reads the source, checks the owner's signature (signature.py), unpacks the
release (archive.py) and calls its `install.sh --upgrade` (updater.py). The conductor has no rights for that. It only
leaves a request (watcher.py), which names no version and no address, and reads the status.
"""
