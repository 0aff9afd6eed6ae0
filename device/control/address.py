"""Where the socket is, and who may use it. The path may be longer than a socket's address, so it goes through /proc."""

from __future__ import annotations

import contextlib
import os
import socket
import stat
import struct
from collections.abc import Iterator
from pathlib import Path

NAME = "control.sock"
SO_PEERGROUPS = 59  # Linux 4.13; Python has no name for it
MOST_GROUPS = 1024


def socket_path(data_dir: Path) -> Path:
    """The socket of the conductor that uses this data folder."""
    return data_dir / NAME


@contextlib.contextmanager
def short_address(path: Path) -> Iterator[str]:
    """An address of at most 108 bytes for `path`, valid inside the block. Raises OSError."""
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def listen(path: Path) -> socket.socket:
    """A listening socket that our user and our group can reach. Replaces one that a killed process left behind, so call
    it only with the lock on the folder. Raises OSError."""
    with contextlib.suppress(FileNotFoundError):
        if stat.S_ISSOCK(path.lstat().st_mode):
            path.unlink()
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        before = os.umask(0o177)
        try:
            with short_address(path) as address:
                sock.bind(address)
        finally:
            os.umask(before)
        path.chmod(0o660)
        sock.listen(128)
    except OSError:
        sock.close()
        raise
    return sock


def connect(path: Path, timeout_s: float) -> socket.socket:
    """A connection to the socket. Raises OSError."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    # A socket with Python's timeout would fail at once while many others connect.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", int(timeout_s), int(timeout_s % 1 * 1e6)))
    try:
        with short_address(path) as address:
            sock.connect(address)
        sock.settimeout(timeout_s)
    except OSError:
        sock.close()
        raise
    return sock


def may_use(sock: socket.socket) -> bool:
    """Whether the peer is root, our own user, or in our group. The mode of the file says the same, but somebody may
    have changed it."""
    _, uid, gid = struct.unpack("iII", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("iII")))
    if uid in (0, os.geteuid()) or gid == os.getegid():
        return True
    try:
        raw = sock.getsockopt(socket.SOL_SOCKET, SO_PEERGROUPS, 4 * MOST_GROUPS)
    except OSError:
        return False
    return os.getegid() in struct.unpack(f"{len(raw) // 4}I", raw)
