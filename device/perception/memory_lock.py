"""Keeps what the eye has in memory out of swap and out of core dumps, as far as the system lets it.

Called once at the eye's start. Touches only the calling process; the limits come from affetto-eye.service.
"""

from __future__ import annotations

import ctypes
import resource
from contextlib import suppress

MCL_CURRENT, MCL_FUTURE, MCL_ONFAULT = 1, 2, 4


def keep_private() -> bool:
    """No core dumps, and no page of this process in swap (mlockall(2), only pages that are used count); whether memory
    is locked. Without a limit that is endless it is not even tried: a lock that ran full would refuse memory later."""
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if resource.getrlimit(resource.RLIMIT_MEMLOCK)[0] != resource.RLIM_INFINITY:
        return False
    return bool(ctypes.CDLL(None).mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0)
