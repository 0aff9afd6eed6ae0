"""A stand-in for an image of Raspberry Pi OS: the same layout, and of its system only what the builder looks at.

The real one cannot be had in a test; what is known of it is written down here: two partitions in a DOS table, `bootfs`
with cmdline.txt (which grows the root partition at the first boot) and config.txt, `rootfs` with Debian's own files.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from tools.image import table

MIB = 2**20
BOOT, ROOT = 40 * MIB, 48 * MIB  # FAT32 begins at 33 MiB
SIGNATURE = bytes.fromhex("78563412")
CMDLINE = (
    "console=serial0,115200 console=tty1 root=PARTUUID=12345678-02 rootfstype=ext4 fsck.repair=yes rootwait quiet "
    "init=/usr/lib/raspberrypi-sys-mods/firstboot\n"
)
CONFIG = "dtparam=audio=on\ncamera_auto_detect=1\narm_64bit=1\n"
USER_DATA = "#cloud-config\nhostname: raspberrypi\n"
FSTAB = """\
proc            /proc           proc    defaults          0       0
PARTUUID=12345678-01  /boot/firmware  vfat    defaults          0       2
PARTUUID=12345678-02  /               ext4    defaults,noatime  0       1
"""
STATUS = """\
Package: dpkg
Essential: yes
Status: install ok installed
Architecture: {kind}
Version: 1.22.21

Package: ca-certificates
Status: install ok installed
Architecture: all
Version: 20250419
"""


def make(path: Path, suite: str = "trixie", kind: str = "arm64", extra: dict[str, str] | None = None) -> Path:
    """The image of a card; `extra` are more files of its root."""
    tree = path.with_name(f"{path.name}.tree")
    number = {"bullseye": 11, "bookworm": 12, "trixie": 13}[suite]
    files = {
        "usr/lib/os-release": f'NAME="Debian GNU/Linux"\nVERSION_ID="{number}"\nVERSION_CODENAME={suite}\nID=debian\n',
        "etc/rpi-issue": "Raspberry Pi reference\n",
        "etc/fstab": FSTAB,
        "var/lib/dpkg/status": STATUS.format(kind=kind),
        "etc/systemd/system/multi-user.target.wants/ssh.service": "",
        "usr/lib/raspberrypi-sys-mods/firstboot": "#!/bin/sh\n",
        **(extra or {}),
    }
    for name, content in files.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(content)
    with path.open("wb") as file:
        file.write(table.make(BOOT, ROOT, SIGNATURE))
        file.truncate(4 * MIB + BOOT + ROOT)
    card = table.look(path)
    start = str(card.boot.start // table.SECTOR)
    _run("mkfs.vfat", "-F", "32", "-n", "bootfs", "--offset", start, str(path), str(BOOT // 1024))
    for name, content in (("cmdline.txt", CMDLINE), ("config.txt", CONFIG), ("user-data", USER_DATA)):
        (tree / name).write_text(content)
        _run("mcopy", "-i", f"{path}@@{card.boot.start}", str(tree / name), f"::{name}")
        (tree / name).unlink()
    offset = f"offset={card.root.start}"
    _run(
        "mke2fs", "-q", "-F", "-t", "ext4", "-L", "rootfs", "-d", str(tree), "-E", offset, str(path), f"{ROOT // 1024}K"
    )
    return path


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
