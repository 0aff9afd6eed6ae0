"""A machine of its own with two loopback sound cards, in QEMU. It counts instructions for its time (`-icount`), so how
busy this computer is changes nothing in there, and idle time passes at once.

Debian's kernel for amd64 carries snd-aloop. The machine has this computer's files, read-only, below a layer in memory,
and one folder to write to. Needs qemu-system-x86, busybox-static and dpkg, and a network for the kernel.
"""

from __future__ import annotations

import gzip
import shutil
import subprocess
from pathlib import Path

from device.errors import AffettoError

BUSYBOX = Path("/bin/busybox")
QEMU = "qemu-system-x86_64"
MODULES = ("virtio_pci", "9p", "9pnet_virtio", "overlay", "snd-aloop", "sch_netem", "veth")
FEATURES = "qemu64,+ssse3,+sse4.1,+sse4.2,+popcnt"
INIT = """#!/bin/busybox sh
b=/bin/busybox
$b mount -t proc proc /proc; $b mount -t sysfs sys /sys; $b mount -t devtmpfs dev /dev
for m in $($b cat /mod/order); do
    case $m in
        snd-aloop.ko) $b insmod /mod/$m index=0,1 enable=1,1 id=First,Second pcm_substreams=1,1 ;;
        *) $b insmod /mod/$m ;;
    esac
done
$b mount -t 9p -o trans=virtio,version=9p2000.L,ro,cache=loose,msize=524288 root /ro
$b mount -t tmpfs tmpfs /rw; $b mkdir /rw/u /rw/w
$b mount -t overlay overlay -o lowerdir=/ro,upperdir=/rw/u,workdir=/rw/w /new
for d in proc sys dev; do $b mount --move /$d /new/$d; done
$b mount -t tmpfs tmpfs /new/run; $b mount -t tmpfs tmpfs /new/tmp
$b mount -t 9p -o trans=virtio,version=9p2000.L,cache=none out /new/mnt
$b chroot /new /bin/bash /mnt/script
echo o >/proc/sysrq-trigger
$b sleep 60
"""


class MachineError(AffettoError):
    """The machine cannot be built or did not do its work."""


def missing() -> str:
    """What this computer lacks, as a sentence; empty if nothing."""
    for program, package in ((QEMU, "qemu-system-x86"), (str(BUSYBOX), "busybox-static"), ("cpio", "cpio")):
        if shutil.which(program) is None:
            return f"{program} is missing: sudo apt-get install {package}"
    return ""


def fetch_kernel(folder: Path) -> Path:
    """Debian's kernel for amd64, unpacked; the folder stays for the next time."""
    place = folder / "kernel"
    if not list(place.glob("boot/vmlinuz-*")):
        names = _run("apt-cache", "depends", "--important", "linux-image-amd64").split()
        [name] = [word for word in names if word.startswith("linux-image-") and word[12].isdigit()]
        _run("apt-get", "download", name, cwd=folder)
        [package] = folder.glob("linux-image-*.deb")
        _run("dpkg", "-x", str(package), str(place))
        version = name.removeprefix("linux-image-")
        _run("/sbin/depmod", "-b", str(place), version)
    return place


def build_initrd(kernel: Path, folder: Path) -> Path:
    """The first file system: busybox, the modules and `INIT`."""
    tree = folder / "initrd"
    shutil.rmtree(tree, ignore_errors=True)
    for name in ("bin", "mod", "new", "proc", "sys", "dev", "ro", "rw"):
        (tree / name).mkdir(parents=True)
    shutil.copy(BUSYBOX, tree / "bin")
    version = next(kernel.glob("boot/vmlinuz-*")).name.removeprefix("vmlinuz-")
    order: list[str] = []
    for module in MODULES:
        for line in _run("/sbin/modprobe", "-S", version, "-d", str(kernel), "--show-depends", module).splitlines():
            path = Path(line.split()[1]) if line.startswith("insmod") else None
            if path is not None and path.name not in order:
                shutil.copy(path, tree / "mod")
                order.append(path.name)
    (tree / "mod/order").write_text("\n".join(order))
    (tree / "init").write_text(INIT)
    (tree / "init").chmod(0o755)
    names = "\n".join(str(path.relative_to(tree)) for path in sorted(tree.rglob("*")))
    words = ("cpio", "-o", "-H", "newc")
    packed = subprocess.run(words, input=names.encode(), cwd=tree, capture_output=True, check=True)
    initrd = folder / "initrd.gz"
    initrd.write_bytes(gzip.compress(packed.stdout))
    return initrd


def run(script: str, folder: Path, log: Path) -> None:
    """Run a shell script in a new machine, to its end. `folder` is /mnt in there."""
    kernel = fetch_kernel(folder)
    initrd = build_initrd(kernel, folder)
    shared = folder / "shared"
    shared.mkdir(exist_ok=True)
    (shared / "script").write_text(script)
    words = [
        *(QEMU, "-M", "q35", "-accel", "tcg", "-icount", "shift=0,sleep=off", "-cpu", FEATURES, "-smp", "1"),
        *("-m", "3072", "-nographic", "-no-reboot", "-nodefaults", "-serial", "stdio"),
        *("-kernel", str(next(kernel.glob("boot/vmlinuz-*"))), "-initrd", str(initrd)),
        *("-append", "console=ttyS0 quiet panic=1 tsc=reliable"),
        *("-virtfs", "local,path=/,mount_tag=root,security_model=none,readonly=on,multidevs=remap"),
        *("-virtfs", f"local,path={shared},mount_tag=out,security_model=none"),
    ]
    with log.open("wb") as output:
        subprocess.run(words, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, check=False)


def _run(*words: str, cwd: Path | None = None) -> str:
    done = subprocess.run(words, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip() or f"status {done.returncode}").splitlines()[-1]
        raise MachineError(f"`{' '.join(words)}` failed: {last}")
    return done.stdout
