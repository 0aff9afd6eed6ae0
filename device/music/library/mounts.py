"""Notices drives that are plugged in and pulled out, and lets a thread wait for that and for a call at once.

The kernel wakes whoever polls /proc/self/mountinfo when anything is mounted or unmounted (proc_pid_mountinfo(5)): that
costs nothing while nothing happens. A `MountWatch` belongs to the thread that waits; only `wake` may be called from
others.
"""

from __future__ import annotations

import os
import re
import select
from collections.abc import Iterable
from pathlib import Path

MOUNTINFO = Path("/proc/self/mountinfo")


class MountWatch:
    """Waits for mounts and for `wake`. `mountinfo`: another file in tests, which is no file that can be polled."""

    def __init__(self, mountinfo: Path = MOUNTINFO) -> None:
        self._path = mountinfo
        self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._file = os.open(mountinfo, os.O_RDONLY | os.O_CLOEXEC)
        self._poll = select.poll()
        self._poll.register(self._bell, select.POLLIN)
        self._poll.register(self._file, select.POLLPRI)  # it is always readable; POLLERR needs no asking
        self._closed = False

    def wake(self) -> None:
        """End the wait, or the next one. From any thread."""
        if not self._closed:
            os.eventfd_write(self._bell, 1)

    def wait(self, timeout_s: float) -> bool:
        """Until something is mounted or unmounted, `wake` was called, or time is up; whether mounts have changed."""
        events = dict(self._poll.poll(max(0, round(timeout_s * 1000))))
        if self._bell in events:
            os.eventfd_read(self._bell)
        return bool(events.get(self._file, 0) & (select.POLLPRI | select.POLLERR))

    def mounts(self, folders: Iterable[bytes]) -> frozenset[tuple[bytes, bytes]]:
        """Mount point and device of all mounts that lie below, or above, one of these folders."""
        found = {mount_of(line) for line in self._path.read_bytes().splitlines()}
        near = [os.path.join(folder, b"") for folder in folders]
        return frozenset(one for one in found if any(_touch(os.path.join(one[0], b""), folder) for folder in near))

    def close(self) -> None:
        """Let go of both files; idempotent."""
        if not self._closed:
            self._closed = True
            os.close(self._bell)
            os.close(self._file)


def mount_of(line: bytes) -> tuple[bytes, bytes]:
    """Mount point and device (major:minor) in a line of mountinfo, where blanks are written as octal numbers."""
    fields = line.split()
    return re.sub(rb"\\([0-7]{3})", lambda found: bytes([int(found[1], 8)]), fields[4]), fields[2]


def stem_of(folder: Path) -> bytes:
    """The part of an entry of `music.folders` before the first `*`: where drives may appear that it means."""
    top = os.path.abspath(os.fsencode(folder))
    return os.path.dirname(top[: top.index(b"*")]) if b"*" in top else top


def _touch(one: bytes, other: bytes) -> bool:
    return one.startswith(other) or other.startswith(one)
