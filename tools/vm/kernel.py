"""What qemu is given in place of a boot loader: kernel and initial file system from the image's boot partition.

The image's own initial file system looks for disks of every kind, which takes an emulated processor a minute. Here a
script is laid over it that knows the one disk there is; it is the kernel that reads one archive after the other
(Documentation/driver-api/early-userspace/buffer-format). By its command line the kernel is kept from checking the
signatures of its modules, which takes an emulated processor seconds each, and services of Debian that have nothing to
do with Affetto are left out. Everything else from systemd on is the image's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tools.vm.disk import VmError, boot_partition, run

IDLE = (
    *("apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "e2scrub_reap.service", "fstrim.timer"),
    *(
        "getty@tty1.service",
        "serial-getty@ttyAMA0.service",
        "serial-getty@ttyS0.service",
        "modprobe@drm.service",
        "modprobe@fuse.service",
        "modprobe@efi_pstore.service",
    ),
    *("systemd-binfmt.service", "systemd-networkd-persistent-storage.service", "systemd-logind.service"),
    "systemd-resolved.service",
    *("console-setup.service", "keyboard-setup.service", "alsa-restore.service", "logrotate.timer", "man-db.timer"),
)
INIT = b"""#!/bin/sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
mkdir -p /proc /sys /dev /root
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
modprobe -a -q virtio_pci virtio_blk ext4
until mount -t ext4 -o noatime /dev/vda2 /root; do sleep 1; done
mount -n -o move /dev /root/dev
umount /sys
umount /proc
exec run-init /root /sbin/init
"""
WORDS = (
    "root=/dev/vda2 rw quiet systemd.show_status=1 rdinit=/start mitigations=off "
    "initcall_blacklist=load_system_certificate_list "
    "systemd.default_device_timeout_sec=600 " + " ".join(f"systemd.mask={unit}" for unit in IDLE)
)


@dataclass(frozen=True, slots=True)
class Kernel:
    """Files on this computer, and whether it is one for a PC (x86-64) or for 64-bit ARM."""

    image: Path
    initrd: Path
    pc: bool

    @property
    def words(self) -> str:
        """The command line."""
        return f"console={'ttyS0' if self.pc else 'ttyAMA0'} {WORDS}"


def take(image: Path, folder: Path) -> Kernel:
    """Copy them from the boot partition to `folder`. Raises VmError."""
    begin = boot_partition(image).begin
    for name in ("vmlinuz", "initrd.img"):
        done = run("mcopy", "-n", "-o", "-i", f"{image}@@{begin}", f"::{name}", str(folder / name))
        if done.returncode:
            raise VmError(f"{image} has no {name} on its boot partition ({done.stderr.strip()})")
    initrd = folder / "initrd.img"
    content = initrd.read_bytes()
    initrd.write_bytes(content + bytes(-len(content) % 4) + archive("start", INIT))
    return Kernel(folder / "vmlinuz", initrd, is_for_pc(folder / "vmlinuz"))


def is_for_pc(image: Path) -> bool:
    """Whether a kernel has the header of the x86 boot protocol (Documentation/arch/x86/boot.rst)."""
    with image.open("rb") as file:
        return file.read(0x206)[0x202:] == b"HdrS"


def archive(name: str, content: bytes) -> bytes:
    """A cpio archive (format newc) with one program in it."""
    return entry(name, content, 0o100755) + entry("TRAILER!!!", b"", 0)


def entry(name: str, content: bytes, mode: int) -> bytes:
    """A file in it: number, mode, owner, group, links, time, size, device (2), device of a node (2), length of the
    name, checksum, each as eight hexadecimal digits; name and content fill up to four bytes."""
    label = name.encode() + b"\0"
    numbers = (1, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(label), 0)
    head = b"070701" + "".join(f"{number:08x}" for number in numbers).encode() + label
    return head + bytes(-len(head) % 4) + content + bytes(-len(content) % 4)
