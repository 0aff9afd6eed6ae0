"""A Debian of its own that boots with systemd, for tests that install: a root folder under an overlay, and namespaces.

Needs root and util-linux, no more; the kernel and the network are this machine's. The root folder, for instance:

    debootstrap --variant=minbase --include=systemd,systemd-sysv,dbus,python3,python3-venv,libvlc5,libvlc-bin,\
vlc-plugin-base,snapserver,snapclient,ca-certificates trixie ROOT

cifs-utils, nfs-common and what they need are left out here: put their *.deb beside the Python packages, so that their
services can be seen after their installation.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

BOOT = r"""
set -eu
mount --make-rprivate /
mount -t overlay overlay -o "lowerdir=$BASE,upperdir=$RUN/upper,workdir=$RUN/work" "$RUN/root"
r=$RUN/root
mount -t proc proc "$r/proc"
mount -t sysfs -o ro sysfs "$r/sys"
mount -t cgroup2 cgroup2 "$r/sys/fs/cgroup"
mount -t tmpfs -o mode=755 tmpfs "$r/dev"
for d in null zero full random urandom tty; do touch "$r/dev/$d"; mount --bind "/dev/$d" "$r/dev/$d"; done
ln -s /proc/self/fd "$r/dev/fd"
mkdir -p "$r/dev/shm" "$r/dev/pts" "$r/wheels"
mount -t tmpfs tmpfs "$r/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$r/dev/pts"
ln -s pts/ptmx "$r/dev/ptmx"
mount -t tmpfs -o mode=755 tmpfs "$r/run"
mount -t tmpfs tmpfs "$r/tmp"
[ -z "$WHEELS" ] || mount --bind -o ro "$WHEELS" "$r/wheels"
cp /etc/resolv.conf "$r/etc/"
cd "$r"
mkdir -p .old
pivot_root . .old
umount -l /.old
rmdir /.old
exec env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin TERM=dumb \
    /usr/lib/systemd/systemd --system --log-target=journal --show-status=0
"""
ENVIRONMENT = ("HOME=/root", "TERM=dumb", "LANG=C.UTF-8", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin")
PATIENCE_S = 90.0


class Container:
    """One machine; what it writes lies in `folder`. `boot` and `halt` may be called again and again."""

    def __init__(self, base: Path, folder: Path, wheels: Path | None = None) -> None:
        self.base, self.folder, self.wheels = base, folder, wheels
        self._group = cgroup_mount() / f"affetto-test-{os.getpid()}"
        self._process: subprocess.Popen[bytes] | None = None
        for name in ("upper", "work", "root"):
            (folder / name).mkdir(exist_ok=True)

    def boot(self) -> None:
        """Start systemd and wait until it is done with starting."""
        self._group.mkdir(exist_ok=True)
        script = f'echo $$ >"{self._group}/cgroup.procs"; exec unshare -mpuif -C --kill-child bash -c "$BOOT"'
        given = {"BASE": str(self.base), "RUN": str(self.folder), "WHEELS": str(self.wheels or ""), "BOOT": BOOT}
        with (self.folder / "console").open("ab") as console:
            self._process = subprocess.Popen(
                ["bash", "-c", script], env=os.environ | given, stdin=subprocess.DEVNULL, stdout=console, stderr=console
            )
        deadline = time.monotonic() + PATIENCE_S
        while not self._is_up():
            assert self._process.poll() is None, (self.folder / "console").read_text(errors="replace")[-2000:]
            assert time.monotonic() < deadline, "systemd does not come up"
            time.sleep(0.5)  # nobody outside is told when it is up

    def _is_up(self) -> bool:
        if self._pid() is None or self.run("test", "-S", "/run/systemd/private").returncode:
            return False
        return self.run("systemctl", "is-system-running").stdout.strip() in ("running", "degraded")

    def _pid(self) -> int | None:
        """The first process of the machine, as this one counts."""
        assert self._process is not None
        found = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        inside = next((int(pid) for pid in found), None)
        if inside is None or "systemd" not in Path(f"/proc/{inside}/comm").read_text():
            return None
        return inside

    def run(self, *command: str, script: str = "", patience_s: float = 600.0) -> subprocess.CompletedProcess[str]:
        """Run a command in there; `script` is its input."""
        enter = ("nsenter", "-t", str(self._pid()), "-m", "-u", "-i", "-p", "-C", "env", "-i", *ENVIRONMENT)
        return subprocess.run([*enter, *command], input=script, capture_output=True, text=True, timeout=patience_s)

    def shell(self, script: str) -> str:
        """What a script prints, which has to end well."""
        done = self.run("sh", "-eu", script=script)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    def halt(self) -> None:
        """As if the power were cut."""
        if self._process is not None:
            if (pid := self._pid()) is not None:
                os.kill(pid, signal.SIGKILL)
            self._process.wait(30)
            self._process = None
        if self._group.exists():
            deadline = time.monotonic() + 10
            while (self._group / "cgroup.procs").read_text() and time.monotonic() < deadline:
                time.sleep(0.05)
            for inner, _folders, _files in sorted(os.walk(self._group), reverse=True):
                os.rmdir(inner)

    def close(self) -> None:
        self.halt()
        shutil.rmtree(self.folder, ignore_errors=True)


def cgroup_mount() -> Path:
    """Where this machine has version 2 of control groups."""
    lines = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    return next(Path(line[1]) for line in lines if line[2] == "cgroup2")
