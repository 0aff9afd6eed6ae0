"""Steps back behind everything else on the machine, and sets limits for the process that calls it.

For the processes that read music. What the system does not grant is left as it is: a limit that cannot be set must
not keep the music from being known. Touches only the calling process.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import resource
from collections.abc import Iterator
from pathlib import Path

IOPRIO_SET = {"x86_64": 251, "aarch64": 30}  # system call numbers; the C library has no name for it
IOPRIO_WHO_PROCESS = 1
IOPRIO_CLASS_IDLE = 3 << 13


def step_back() -> None:
    """Nice 19, SCHED_IDLE, idle I/O class; and the first to go when the memory of the machine runs out."""
    with contextlib.suppress(OSError):
        os.nice(19)
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    number = IOPRIO_SET.get(platform.machine())
    if number is not None:
        ctypes.CDLL(None).syscall(number, IOPRIO_WHO_PROCESS, 0, IOPRIO_CLASS_IDLE)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


def think_alone() -> None:
    """One thread in the numeric libraries that are loaded from now on: more gain nothing behind everything else,
    and OpenBLAS sets memory aside for each."""
    os.environ |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


def limit_memory(memory_mb: int) -> None:
    """No more than `memory_mb` (2**20 bytes) of private memory besides what is set aside by now, and no core dumps.

    What counts is what could be written, used or not (VmData in proc_pid_status(5)). Libraries set aside hundreds of
    megabytes as they are loaded, and how many depends on the machine; so load them before, or see `more_libraries`.
    """
    _limit_data(_set_aside() + (memory_mb << 20))
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


@contextlib.contextmanager
def more_libraries() -> Iterator[None]:
    """Libraries may be loaded within: what they set aside comes on top of the limit."""
    limit, before = resource.getrlimit(resource.RLIMIT_DATA)[0], _set_aside()
    if limit == resource.RLIM_INFINITY:
        yield
        return
    _limit_data(resource.RLIM_INFINITY)
    try:
        yield
    finally:
        _limit_data(limit + max(0, _set_aside() - before))


def _limit_data(most: int) -> None:
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_DATA, (most, resource.getrlimit(resource.RLIMIT_DATA)[1]))


def _set_aside() -> int:
    """Bytes of private memory that this process could write."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith("VmData:")), 0)


def limit_cpu(cpu_s: int) -> None:
    """From now on `cpu_s` seconds of processor time; then SIGXCPU ends the process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    most = int(used.ru_utime + used.ru_stime) + 1 + cpu_s
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CPU, (most, resource.getrlimit(resource.RLIMIT_CPU)[1]))
