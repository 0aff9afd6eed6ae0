"""A small bootable Debian, from Debian's packages: what tests put Affetto into where no image of Raspberry Pi
OS is at hand. Never for a real card: root logs in on its serial console without a password, and it is made for QEMU.

It is laid out like a card of Raspberry Pi OS (two partitions, the boot one at /boot/firmware), so that everything after
it is the same for both. debootstrap makes it, which runs the packages' scripts: that takes root and, on another
processor, its emulation (qemu-user-static). Kernel and initrd lie on the boot partition, as vmlinuz and initrd.img, for
QEMU to be given (`-append "root=LABEL=rootfs ro fsck.repair=yes console=ttyAMA0"`; on amd64 the console is ttyS0).
"""

from __future__ import annotations

import hashlib
import os
import platform
import secrets
import shutil
import tempfile
from pathlib import Path

from tools.image import table
from tools.image.fat import Boot
from tools.image.source import check_room
from tools.image.steps import Refusal, need, run, step
from tools.image.system import PYTHONS

MIRROR = "http://deb.debian.org/debian"
MIB = 2**20
BOOT_SIZE, SPARE_SIZE, NEEDED = 512 * MIB, 128 * MIB, 4096 * MIB
EMULATION = Path("/proc/sys/fs/binfmt_misc/qemu-aarch64")
EMULATORS = ("qemu-aarch64-static", "qemu-aarch64")
PROGRAMS = {"debootstrap": "debootstrap", "mke2fs": "e2fsprogs", "mkfs.vfat": "dosfstools", "mcopy": "mtools"}
PACKAGES = (
    *(
        "systemd",
        "systemd-sysv",
        "udev",
        "dbus",
        "kmod",
        "initramfs-tools",
        "e2fsprogs",
        "dosfstools",
    ),
    *("fdisk", "procps", "iproute2", "openssh-server", "alsa-utils", "ca-certificates", "python3", "sudo"),
    # the file servers of `python -m tools.vm --only shares`, which run in the machine, and what mounts them
    *("samba", "nfs-kernel-server", "cifs-utils", "nfs-common", "psmisc"),
)
SERVERS = (  # they are started by hand
    *("smbd.service", "nmbd.service", "winbind.service", "samba-ad-dc.service", "nfs-server.service"),
    *("nfs-mountd.service", "rpcbind.service", "rpcbind.socket"),
)
FILES = {
    "etc/fstab": (  # an emulator takes its time to find the disk
        "LABEL=rootfs / ext4 defaults,noatime 0 1\n"
        "LABEL=bootfs /boot/firmware vfat defaults,x-systemd.device-timeout=600 0 2\n"
    ),
    "etc/hostname": "affetto-test\n",
    "etc/hosts": "127.0.0.1 localhost\n127.0.1.1 affetto-test\n::1 localhost\n",
    "etc/resolv.conf": "nameserver 10.0.2.3\n",  # QEMU's user network
    "etc/machine-id": "",
    "etc/systemd/network/80-wired.network": "[Match]\nType=ether\n\n[Network]\nDHCP=yes\n",
    "etc/systemd/system/serial-getty@{console}.service.d/root.conf": (
        "[Service]\nExecStart=\nExecStart=-/sbin/agetty --autologin root --noclear --keep-baud 115200,9600 %I $TERM\n"
    ),
}
GONE = (
    *("var/lib/dbus/machine-id", "var/log/bootstrap.log", "var/log/dpkg.log"),
    *("var/log/apt/history.log", "var/log/apt/term.log"),
)


def make(suite: str, cache: Path, mirror: str = MIRROR, processor: str = "arm64") -> Path:
    """The image; made only if `cache` has none of this recipe. Raises Refusal."""
    recipe = repr((suite, processor, PACKAGES, FILES, GONE, BOOT_SIZE))
    path = cache / f"debian-{suite}-{hashlib.sha256(recipe.encode()).hexdigest()[:8]}.img"
    if path.exists():
        return path
    refuse(suite, processor)
    cache.mkdir(parents=True, exist_ok=True)
    check_room(path, NEEDED)
    with tempfile.TemporaryDirectory(prefix="debian-", dir=cache) as folder:
        root = Path(folder) / "root"
        install(suite, root, cache / f"debs-{suite}-{processor}", mirror, processor)
        adapt(root, "ttyAMA0" if processor == "arm64" else "ttyS0")
        part = Path(folder) / "image"
        with step("Making the file systems"):
            pack(root, part)
        part.replace(path)
    return path


def refuse(suite: str, processor: str = "arm64") -> None:
    """What keeps this machine from making it."""
    if suite not in PYTHONS:
        raise Refusal(f"{suite} is not one of {', '.join(PYTHONS)}")
    if os.geteuid() != 0:
        raise Refusal("--debian takes root, because Debian's packages are installed into a folder: use sudo")
    need(PROGRAMS)
    if processor == "arm64" and platform.machine() != "aarch64" and not EMULATION.exists():
        raise Refusal(f"--debian runs programs for ARM, and this machine cannot: {missing_emulation()}")


def missing_emulation(folder: Path = EMULATION.parent, programs: tuple[str, ...] = EMULATORS) -> str:
    """What the emulation of ARM lacks here, with the command that brings it."""
    if not any(map(shutil.which, programs)):
        return "sudo apt install qemu-user-static binfmt-support"
    if not (folder / "register").exists():
        return (
            f"binfmt_misc is not mounted at {folder}: sudo mount -t binfmt_misc binfmt_misc {folder}, "
            "then sudo update-binfmts --enable qemu-aarch64"
        )
    return "qemu-aarch64 is not registered: sudo update-binfmts --enable qemu-aarch64"


def install(suite: str, root: Path, debs: Path, mirror: str, processor: str) -> None:
    """Debian's packages into the folder `root`; downloads are kept in `debs`."""
    debs.mkdir(parents=True, exist_ok=True)
    with step(f"Installing Debian {suite} for {processor} (some minutes; a quarter of an hour where ARM is emulated)"):
        run(
            *("debootstrap", f"--arch={processor}", "--variant=minbase", f"--cache-dir={debs.resolve()}"),
            *(f"--include={','.join((*PACKAGES, f'linux-image-{processor}'))}", suite, root, mirror),
        )


def adapt(root: Path, console: str) -> None:
    """What makes it boot, and lets tests in. debootstrap leaves names of this machine in it, which go."""
    for name, content in FILES.items():
        path = root / name.format(console=console)
        path.unlink(missing_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    (root / "boot/firmware").mkdir(exist_ok=True)
    run("chroot", root, "systemctl", "enable", "systemd-networkd.service")
    run("chroot", root, "systemctl", "mask", "--quiet", *SERVERS)
    for name in GONE:
        (root / name).unlink(missing_ok=True)
    for pattern in ("var/cache/apt/archives/*.deb", "var/lib/apt/lists/*Packages"):
        for leftover in root.glob(pattern):
            leftover.unlink()


def pack(root: Path, image: Path) -> None:
    """The two file systems with a partition table before them; the root one is little larger than what is in it."""
    used = sum(path.lstat().st_blocks * 512 for path in root.rglob("*"))
    size = (int(used * 1.15) + SPARE_SIZE) // MIB * MIB
    with image.open("wb") as file:
        file.write(table.make(BOOT_SIZE, size, secrets.token_bytes(4)))
        file.truncate(4 * MIB + BOOT_SIZE + size)
    card = table.look(image)
    start = card.boot.start // table.SECTOR
    run("mkfs.vfat", "-F", "32", "-n", "bootfs", "--offset", start, image, BOOT_SIZE // 1024)
    for source, name in (("vmlinuz-*", "vmlinuz"), ("initrd.img-*", "initrd.img")):
        Boot(image, card.boot.start).put(max((root / "boot").glob(source)), name)
    run(
        *("mke2fs", "-q", "-F", "-t", "ext4", "-L", "rootfs", "-d", root, "-E", f"offset={card.root.start}"),
        *(image, f"{size // 1024}K"),
    )
