"""Notices drives that are plugged in and pulled out, and lets a thread wait for that and for a call at once.

The kernel wakes whoever polls /proc/self/mountinfo when anything is mounted or unmounted (proc_pid_mountinfo(5)): that
costs nothing while nothing happens. A `MountWatch` belongs to the thread that waits; only `wake` may be called from
others.
"""

from __future__ import annotations

import os
import select
from collections.abc import Iterable
from pathlib import Path

from device.music.disks import MOUNTINFO, Mount, all_mounts


class MountWatch:
    """Waits for mounts and for `wake`. `mountinfo`: another file in tests, which cannot be polled."""

    def __init__(self, mountinfo: Path = MOUNTINFO) -> None:
        self._path = mountinfo
        self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._file = os.open(mountinfo, os.O_RDONLY | os.O_CLOEXEC)
        self._poll = select.poll()
        self._poll.register(self._bell, select.POLLIN)
        self._poll.register(self._file, select.POLLPRI)  # it is always readable; POLLERR comes without being asked for
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

    def mounts(self, folders: Iterable[bytes]) -> frozenset[Mount]:
        """All mounts below, at or above one of these folders."""
        near = [os.path.join(folder, b"") for folder in folders]
        return frozenset(one for one in all_mounts(self._path) if any(_touch(one.point, folder) for folder in near))

    def close(self) -> None:
        """Close both files; idempotent."""
        if not self._closed:
            self._closed = True
            os.close(self._bell)
            os.close(self._file)


def watched_folders(folder: Path) -> set[bytes]:
    """Where drives may appear that this entry of `music.folders` means: the part before the first `*`, as it is written
    and as it really is."""
    top = os.path.abspath(os.fsencode(folder))
    fixed = os.path.dirname(top[: top.index(b"*")]) if b"*" in top else top
    return {fixed, os.path.realpath(fixed)}


def _touch(point: bytes, folder: bytes) -> bool:
    point = os.path.join(point, b"")
    return point.startswith(folder) or folder.startswith(point)
