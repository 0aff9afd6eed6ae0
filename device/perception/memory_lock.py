"""Keeps the eye's memory out of swap and core dumps, as far as the system allows.

The eye calls it once, at its start. It affects only the calling process; affetto-eye.service sets the limits.
"""

from __future__ import annotations

import ctypes
import resource
from contextlib import suppress

MCL_CURRENT, MCL_FUTURE, MCL_ONFAULT = 1, 2, 4


def keep_private() -> bool:
    """Forbid core dumps, and lock all used pages of this process in memory (mlockall(2)). Returns whether it did.

    Locks only if locked memory has no limit: with a limit, later allocations would fail.
    """
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if resource.getrlimit(resource.RLIMIT_MEMLOCK)[0] != resource.RLIM_INFINITY:
        return False
    return bool(ctypes.CDLL(None).mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0)
