"""Why the music of a file server is missing, in words: asks the server itself, which the mount cannot tell.

A server may be off, or take connections and answer nothing, or answer and refuse us. A question in its own protocol
tells these apart: the negotiation of SMB 2 (MS-SMB2, 2.2.3), or the null call of NFS 4 (RFC 5531, RFC 7530).
"""

from __future__ import annotations

import os
import shutil
import socket
import struct
import threading
import time
from collections.abc import Iterable

from device.config.shares import Protocol, Share

PORTS = {Protocol.SMB: 445, Protocol.NFS: 2049}
HELPERS = {Protocol.SMB: "mount.cifs", Protocol.NFS: "mount.nfs"}
PACKAGES = {Protocol.SMB: "cifs-utils", Protocol.NFS: "nfs-common"}
SBIN = "/usr/sbin:/sbin:/usr/bin:/bin"
PATIENCE_S = 5.0
DIALECTS = (0x0202, 0x0210, 0x0300)  # of SMB
NEGOTIATE = (
    struct.pack("<4sHHIHHIIQIIQ16x", b"\xfeSMB", 64, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0)
    + struct.pack("<HHHHI16x8x", 36, len(DIALECTS), 1, 0, 0)
    + struct.pack(f"<{len(DIALECTS)}H", *DIALECTS)
)
NULL_CALL = struct.pack(">10I", 1, 0, 2, 100003, 4, 0, 0, 0, 0, 0)
QUESTIONS = {
    Protocol.SMB: struct.pack(">I", len(NEGOTIATE)) + NEGOTIATE,
    Protocol.NFS: struct.pack(">I", 0x80000000 | len(NULL_CALL)) + NULL_CALL,
}
REFUSED = {
    Protocol.SMB: "Correct music.share_username and music.share_password, or the folder in music.shares.",
    Protocol.NFS: "Let the server export it to this device, or correct the folder in music.shares.",
}


class FileServers:
    """The servers that the settings name."""

    def __init__(self, shares: Iterable[Share]) -> None:
        self._shares = {os.fsencode(share.folder): share for share in shares}

    def explain(self, folder: bytes) -> str:
        """Why this folder of a server cannot be read, and what to do; empty if it is no server's. May take seconds."""
        share = self._shares.get(folder)
        return "" if share is None else explain(share)


def find_silent(shares: Iterable[Share]) -> frozenset[Share]:
    """The shares whose servers do not answer. Asks all of them at once, and takes PATIENCE_S at most. A server whose
    name resolves too slowly counts as silent; its thread ends by itself."""
    asked, heard = tuple(shares), set[Share]()

    def ask(share: Share) -> None:
        if answers(share):
            heard.add(share)

    threads = [threading.Thread(target=ask, args=(share,), daemon=True) for share in asked]
    end_s = time.monotonic() + PATIENCE_S
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, end_s - time.monotonic()))
    return frozenset(asked) - heard.copy()


def explain(share: Share) -> str:
    """Why there is nothing at the folder of a share, and what to do."""
    if missing := missing_package(share):
        return f"{share.source} cannot be mounted without {missing}: sudo apt install {missing}"
    if not answers(share):
        return f"{share.source} does not answer. Switch {share.host} on, or correct music.shares."
    return f"{share.source} cannot be read, although {share.host} answers. {REFUSED[share.protocol]}"


def missing_package(share: Share) -> str:
    """The Debian package without which the share cannot be mounted here; empty if it is there."""
    there = shutil.which(HELPERS[share.protocol], path=SBIN)
    return "" if there else PACKAGES[share.protocol]


def answers(share: Share, port: int = 0) -> bool:
    """Whether the server answers a question in its protocol. `port`: another one than usual."""
    address = (share.host.strip("[]"), port or PORTS[share.protocol])
    try:
        with socket.create_connection(address, PATIENCE_S) as line:
            line.sendall(QUESTIONS[share.protocol])
            line.recv(4)  # whatever it says: it lives
    except OSError:
        return False
    return True
