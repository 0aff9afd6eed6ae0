"""The part of install.sh that turns a clone into a service: root runs `python3 -m device.setup JOB` in the clone.

It uses only the standard library, because it runs before the packages are installed. install.sh installs the Debian
packages and fills the virtual environment. fitness.py checks the machine, release.py copies the program beside its
older versions, machine.py creates the user, folders and links, and trial.py decides whether a new version stays.
"""
