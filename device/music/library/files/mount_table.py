"""The mounts that a walk crosses: which one holds a path, and which file servers were lost on the way. Asks no disk."""

from __future__ import annotations

import os
from collections.abc import Iterable

from device.music.disks import GONE, Mount

SYSTEM_KINDS = frozenset(
    b"proc sysfs cgroup cgroup2 devpts devtmpfs tracefs debugfs securityfs configfs bpf pstore mqueue hugetlbfs"
    b" binfmt_misc efivarfs fusectl nsfs rpc_pipefs selinuxfs".split()
)
"""File systems that the kernel makes up; some of their files never end, or make whoever reads them wait."""


class MountTable:
    """Everything that was mounted when the walk began. `lost`: where file servers were that have gone since."""

    def __init__(self, mounts: Iterable[Mount]) -> None:
        listed = list(mounts)
        self._points = {mount.point for mount in listed}
        self._system = {mount.point for mount in listed if mount.kind in SYSTEM_KINDS}
        self._remote = {mount.point for mount in listed if mount.remote}
        self.lost: set[bytes] = set()

    def is_point(self, real: bytes) -> bool:
        """Whether something is mounted at this real path."""
        return real in self._points

    def is_system(self, real: bytes) -> bool:
        """Whether a file system of the kernel's own is mounted there."""
        return real in self._system

    def point_of(self, real: bytes) -> bytes:
        """Where the drive is mounted that holds this real path."""
        while real not in self._points and real != os.path.dirname(real):
            real = os.path.dirname(real)
        return real

    def means_gone(self, point: bytes, error: OSError) -> bool:
        """Whether the error of something on this mount means that its file server is gone."""
        return error.errno in GONE and point in self._remote
