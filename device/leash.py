"""Run a program that ends when the process that started it ends, for any reason: `leash.py PARENT PROGRAM ...`.

The kernel sends SIGTERM to the program when the parent's thread ends (PR_SET_PDEATHSIG of prctl(2)). This file runs
without Affetto's other modules, and replaces itself with the program, so the process id stays the same.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Sequence

PR_SET_PDEATHSIG = 1


def leashed(command: Sequence[str]) -> list[str]:
    """The command that runs `command` on a leash. Start it from a thread that lives at least as long."""
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), *command]


def main() -> None:
    """Put this process on the leash and become the program."""
    parent = int(sys.argv[1])
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it died before the leash was in place
        sys.exit(128 + signal.SIGTERM)
    os.execvp(sys.argv[2], sys.argv[2:])


if __name__ == "__main__":
    main()
