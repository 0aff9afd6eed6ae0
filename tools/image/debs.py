"""The Debian packages that an image lacks, and what they depend on in turn.

apt of this machine decides, with the image's own list of installed packages, sources and keys in a folder of its own,
as `chdist` does it: nothing of the image runs, and nothing here is installed. So the packages fit this image and no
other.
"""

from __future__ import annotations

import re
from pathlib import Path

from tools.image.ext4 import Root
from tools.image.steps import Refusal, run, step
from tools.image.system import System

# As install.sh and device/setup/service.sh have it.
WANTED = (
    *("ca-certificates", "libvlc5", "libvlc-bin", "vlc-plugin-base", "snapserver", "snapclient"),
    *("cifs-utils", "nfs-common", "python3", "python3-venv"),
)
WANTED_ON_A_BOARD = ("python3-picamera2",)
KEYS = re.compile(r"(?=/(?:usr/share|etc/apt)/keyrings/)")
FOLDERS = (
    "etc/apt",
    "usr/share/keyrings",
    "var/lib/dpkg",
    "var/lib/apt/lists/partial",
    "var/cache/apt/archives/partial",
)


def fetch(root: Root, system: System, folder: Path) -> list[Path]:
    """Download what is missing, with `folder` as apt's world; paths of the packages. Raises Refusal."""
    prepare(root, system, folder)
    apt = ("apt-get", "--quiet", *options(folder, system.processor))
    with step("Reading the lists of Debian packages"):
        try:
            run(*apt, "update", "--error-on=any")
        except Refusal as refusal:
            raise Refusal(f"the lists of Debian packages could not be fetched; is there a network? {refusal}") from None
    with step("Fetching the Debian packages"):
        run(*apt, "install", "--yes", "--download-only", "--no-install-recommends", *wanted(sources(folder)))
    return sorted((folder / "var/cache/apt/archives").glob("*.deb"))


def prepare(root: Root, system: System, folder: Path) -> None:
    """Copy what apt has to know out of the image."""
    root.fetch("/etc/apt", folder / "etc")
    root.fetch("/usr/share/keyrings", folder / "usr/share")
    for name in FOLDERS:
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "var/lib/dpkg/status").write_text(system.status)
    for path in source_files(folder):
        path.write_text(KEYS.sub(str(folder), path.read_text()))


def source_files(folder: Path) -> list[Path]:
    """Where the image's sources are named."""
    apt = folder / "etc/apt"
    return [path for path in (apt / "sources.list", *apt.glob("sources.list.d/*")) if path.is_file()]


def sources(folder: Path) -> str:
    return "\n".join(path.read_text() for path in source_files(folder))


def wanted(named: str) -> tuple[str, ...]:
    """Only Raspberry Pi OS has picamera2 in its archive."""
    return (*WANTED, *(WANTED_ON_A_BOARD if "archive.raspberrypi." in named else ()))


def options(folder: Path, processor: str) -> list[str]:
    """What makes apt live in `folder`, on a machine with this processor."""
    settings = {
        "Dir": folder,
        "Dir::State::status": folder / "var/lib/dpkg/status",
        "Dir::Bin::dpkg": "/usr/bin/dpkg",
        "APT::Architecture": processor,
        "APT::Architectures": processor,
        "APT::Sandbox::User": "root",
        "Acquire::Languages": "none",
        "Debug::NoLocking": "1",
    }
    return [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]
