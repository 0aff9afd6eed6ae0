"""The parts of tools/quantize.py: README.md is for users, job.py has the steps in order."""
