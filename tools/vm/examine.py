"""Whether the machine can be made and logged into. Asked before anything starts; only looks."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from tools.vm.disk import VmError, linux_partition, run

PROGRAMS = {
    "nbdkit": "nbdkit",
    "mcopy": "mtools",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
    "debugfs": "e2fsprogs",
    "mosquitto": "mosquitto",
}
PATH = "/usr/local/sbin:/usr/sbin:/sbin"
MAKE = "sudo python tools/build_image.py --debian trixie --ssh-key {key}.pub --out {image}"
PUBLIC = re.compile(r"(?:ssh|ecdsa|sk)-[\w@.-]+ ([A-Za-z0-9+/=]{40,})")


def examine(image: Path, key: Path, *, kept: bool) -> None:
    """Raises VmError for the first thing that is missing. `kept`: the machine's disk is there from an earlier run."""
    missing = {package for name, package in PROGRAMS.items() if not _is_there(name)}
    if missing:
        raise VmError(f"some programs are missing: sudo apt install {' '.join(sorted(missing))}")
    if not key.is_file():
        raise VmError(f"there is no key {key}; make one with: ssh-keygen -t ed25519 -N '' -f {key}")
    if not image.is_file():
        raise VmError(f"there is no image {image}; make one with: {MAKE.format(key=key, image=image)}")
    offset = linux_partition(image).begin
    if not kept and public_part(key) not in authorized(image, offset):
        raise VmError(
            f"{image} does not let the owner of {key} in over SSH; make one that does: "
            + MAKE.format(key=key, image=image)
        )


def _is_there(program: str) -> bool:
    return bool(shutil.which(program) or shutil.which(program, path=PATH))


def public_part(key: Path) -> str:
    """The public key of a private one, in Base64. Raises VmError."""
    done = run("ssh-keygen", "-y", "-P", "", "-f", str(key))
    found = PUBLIC.match(done.stdout)
    if done.returncode or not found:
        raise VmError(f"{key} is not a private key without a passphrase ({done.stderr.strip().splitlines()[-1:]})")
    return found[1]


def authorized(image: Path, offset: int) -> set[str]:
    """The public keys, in Base64, whose owners the image lets in as root. debugfs reads it; nothing is mounted."""
    with tempfile.TemporaryDirectory() as folder:  # debugfs cuts long lines on a terminal, but not in a file
        copy = Path(folder) / "keys"
        command = f"dump /root/.ssh/authorized_keys {copy}"
        program = shutil.which("debugfs") or shutil.which("debugfs", path=PATH) or "debugfs"
        subprocess.run(
            [program, "-R", command, f"{image}?offset={offset}"],
            stdin=subprocess.DEVNULL, capture_output=True, check=False,
        )  # fmt: skip
        text = copy.read_text(errors="replace") if copy.exists() else ""
    return {found[1] for found in PUBLIC.finditer(text)}
