"""What Debian an image holds, and whether Affetto runs on it. Only looks."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tools.image.ext4 import Root
from tools.image.steps import Refusal

PYTHONS = {"bookworm": "3.11.2", "trixie": "3.13.5"}
GLIBC_MINORS = {"bookworm": 36, "trixie": 41}
HERE = "/opt/affetto-image"
PROCESSORS = {"arm64": "aarch64", "amd64": "x86_64"}  # Debian's names, and the kernel's


@dataclass(frozen=True, slots=True)
class System:
    """An image's Debian by its code name; `board` tells Raspberry Pi OS from plain Debian. `processor` is Debian's name
    of it."""

    suite: str
    board: bool
    status: str
    processor: str = "arm64"

    @property
    def python(self) -> str:
        """As in 3.13."""
        return self.python_full.rpartition(".")[0]

    @property
    def python_full(self) -> str:
        return PYTHONS[self.suite]

    @property
    def glibc_minor(self) -> int:
        return GLIBC_MINORS[self.suite]

    @property
    def machine(self) -> str:
        """The processor, as uname(1) names it."""
        return PROCESSORS[self.processor]

    @property
    def words(self) -> str:
        return f"{'Raspberry Pi OS' if self.board else 'Debian'} ({self.suite}, {self.processor}, Python {self.python})"


def examine(root: Root) -> System:
    """Raises Refusal for a system that Affetto cannot be put into."""
    release = root.read("/usr/lib/os-release")
    status = root.read("/var/lib/dpkg/status")
    if release is None or status is None:
        raise Refusal("there is no Debian in the second partition of this image")
    known = re.search(r"^VERSION_CODENAME=(\w+)$", release.decode("utf-8", "replace"), re.MULTILINE)
    suite = known[1] if known else "without a name"
    if suite not in PYTHONS:
        raise Refusal(f"this image has Debian {suite}, and Affetto needs 12 (bookworm) or 13 (trixie)")
    text = status.decode("utf-8", "replace")
    kind = architecture(text)
    board = root.exists("/etc/rpi-issue")
    if kind not in (PROCESSORS if not board else ("arm64",)):
        raise Refusal(f"this is a system for {kind}, not for arm64; take the 64-bit edition of Raspberry Pi OS Lite")
    if root.exists(HERE):
        raise Refusal("Affetto is in this image already; take the image as it was published")
    return System(suite, board, text, kind)


def architecture(status: str) -> str:
    """What the packages of a system are made for, from dpkg's list of them."""
    for stanza in status.split("\n\n"):
        if stanza.startswith("Package: dpkg\n") and (
            found := re.search(r"^Architecture: (\S+)$", stanza, re.MULTILINE)
        ):
            return found[1]
    return "an unknown processor"
