"""Unpacks a release. The archive is the owner's, for its hash is signed; a damaged one must still do no harm."""

from __future__ import annotations

import tarfile
from pathlib import Path, PurePosixPath

from device.update.refusal import Refusal

LARGEST_BYTES = 2_000_000_000
MOST_FILES = 20_000


def unpack(archive: Path, folder: Path) -> Path:
    """Unpack the files of a tar archive into the empty `folder`; returns the folder with install.sh. Raises Refusal."""
    left = LARGEST_BYTES
    try:
        with tarfile.open(archive) as tar:
            for number, member in enumerate(tar):
                left -= member.size
                if left < 0 or number >= MOST_FILES:
                    raise Refusal("The release is too large.")
                _extract(tar, member, folder)
    except (tarfile.TarError, OSError, EOFError, ValueError) as error:
        raise Refusal(f"The release cannot be unpacked: {error}.") from None
    for found in (folder, *sorted(folder.iterdir())):
        if (found / "install.sh").is_file():
            return found
    raise Refusal("The release has no install.sh.")


def _extract(tar: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    """One plain file or folder, with our own permissions."""
    parts = PurePosixPath(member.name).parts
    if not parts or ".." in parts or member.name.startswith("/") or not (member.isfile() or member.isdir()):
        raise Refusal(f"The release contains something other than files and folders: {member.name[:80]!a}.")
    path = folder.joinpath(*parts)
    if member.isdir():
        path.mkdir(parents=True, exist_ok=True)
        return
    content = tar.extractfile(member)
    assert content is not None
    path.parent.mkdir(parents=True, exist_ok=True)
    with content, path.open("xb") as file:
        while block := content.read(1 << 20):
            file.write(block)
    path.chmod(0o755 if member.mode & 0o100 else 0o644)
