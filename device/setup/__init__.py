"""The part of install.sh that makes a service of a clone: `python3 -m device.setup JOB`, run from the clone, as root.

Nothing but the standard library, because it works before anything is installed. install.sh brings the Debian packages
and fills the virtual environment; here a machine is judged (fitness.py), the program is laid beside its older versions
(release.py), the machine is prepared (machine.py), and a version that does not come up healthy is taken back
(trial.py).
"""
