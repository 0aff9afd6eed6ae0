"""Music on a file server: what an address such as smb://nas/music means. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

MOUNTS = "/media/affetto"  # where drives are, too
ADDRESS = re.compile(r"(smb|nfs)://([^/]*)(/.*)?", re.I)
HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|\[[0-9A-Fa-f:]{2,45}\]")


class Protocol(StrEnum):
    """How the server speaks."""

    SMB = "smb"
    NFS = "nfs"


@dataclass(frozen=True, slots=True)
class Share:
    """A folder of a server, and the folder where it appears here."""

    protocol: Protocol
    host: str
    path: str
    folder: str

    @property
    def source(self) -> str:
        """As mount(8) names it."""
        return f"//{self.host}{self.path}" if self.protocol is Protocol.SMB else f"{self.host}:{self.path}"


def parse_share(text: str) -> Share:
    """The share at an address such as smb://nas/music or nfs://192.168.1.2/volume1/music. Raises ValueError with a
    sentence."""
    found = ADDRESS.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text[:60]!r} is not a share; write smb://server/folder or nfs://server/folder")
    protocol, host, path = Protocol(found[1].lower()), found[2], _unquote(found[3]).rstrip("/")
    if not HOST.fullmatch(host):
        raise ValueError(f"{text[:60]!r} has no usable server name; the user's name goes into music.share_username")
    names = path.split("/")[1:]
    if not names or not path.isprintable() or any(name in ("", ".", "..") for name in names):
        raise ValueError(f"{text[:60]!r} names no folder; write {protocol}://{host}/folder")
    name = re.sub(r"[^\w .+-]", "_", names[-1]).strip(" .")[:60] or "share"
    return Share(protocol, host, path, f"{MOUNTS}/{name}")


def _unquote(path: str | None) -> str:
    """The path without percent encoding. (urllib would do, but the eye, which reads the settings, must not load it.)"""
    raw = re.sub(rb"%([0-9A-Fa-f]{2})", lambda code: bytes.fromhex(code[1].decode()), (path or "").encode())
    return raw.decode("utf-8", "replace")


def parse_shares(texts: Iterable[str]) -> tuple[Share, ...]:
    """All shares, each with a folder of its own. Raises ValueError with a sentence."""
    found: list[Share] = []
    for share in map(parse_share, texts):
        folder, number = share.folder, 2
        while folder in {other.folder for other in found}:
            folder, number = f"{share.folder} {number}", number + 1
        found.append(Share(share.protocol, share.host, share.path, folder))
    return tuple(found)
