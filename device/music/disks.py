"""Which disk a file is on, and what its file system says when it is lost. Asks the kernel only, never the disk: whoever
asks a file server that does not answer waits."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

MOUNTINFO = Path("/proc/self/mountinfo")
NETWORK = frozenset({b"cifs", b"smb3", b"nfs", b"nfs4", b"autofs", b"fuse.sshfs", b"davfs", b"9p", b"ceph"})
GONE = frozenset(
    {
        *(errno.EIO, errno.ENODEV, errno.ENXIO, errno.ESTALE, errno.EREMOTEIO, errno.ESHUTDOWN, errno.EAGAIN),
        *(errno.ETIMEDOUT, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ENETDOWN, errno.ENETUNREACH),
        *(errno.ENOTCONN, errno.ECONNREFUSED, errno.ECONNRESET, errno.ECONNABORTED, errno.EPIPE),
    }
)
"""Errors of a file server that is gone; a local disk also gives EIO for a single bad sector."""


class Mount(NamedTuple):
    """Where something is mounted, and what: the device (major:minor), the folder of its file system, the kind of file
    system, and the source as mount(8) has it."""

    point: bytes
    device: bytes
    folder: bytes
    kind: bytes
    source: bytes = b""

    @property
    def remote(self) -> bool:
        """Whether it is a file server's."""
        return self.kind in NETWORK


def all_mounts(mountinfo: Path = MOUNTINFO) -> frozenset[Mount]:
    """Everything that is mounted now, as this process sees it."""
    return frozenset(map(mount_of, mountinfo.read_bytes().splitlines()))


def mount_of(line: bytes) -> Mount:
    """A line of mountinfo, where blanks are written as octal numbers."""
    fields = line.split(b" ")
    kind, source = fields[fields.index(b"-") + 1 :][:2]
    return Mount(_unescaped(fields[4]), fields[2], _unescaped(fields[3]), kind, _unescaped(source))


def disk_of(path: bytes, mounts: Iterable[Mount] | None = None) -> Mount | None:
    """The disk that holds an absolute path without links, or None if it is the system's own. `mounts`: all; None reads
    them. An automount below the mount that it made does not count."""
    above = [
        one
        for one in (all_mounts() if mounts is None else mounts)
        if one.point != b"/" and (path == one.point or path.startswith(one.point + b"/"))
    ]
    return max(above, key=lambda one: (len(one.point), one.kind != b"autofs"), default=None)


def _unescaped(field: bytes) -> bytes:
    return re.sub(rb"\\([0-7]{3})", lambda found: bytes([int(found[1], 8)]), field)
