"""The machine: qemu emulates a 64-bit ARM computer, or a PC, of 1 GB that boots a disk image. To end it is to cut the
power.

The image stays as it is; the machine has its own card, which begins as a copy (card.py) and forgets what it did not
flush.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

from tools.vm import kernel
from tools.vm.card import Card
from tools.vm.disk import VmError
from tools.vm.shell import Shell

HOST_SEEN_FROM_INSIDE = "10.0.2.2"
QUIET_S = 600.0  # without a word on the console or a write to the card, an emulated machine hangs
LONGEST_S = 7200.0
POLL_S = 0.5
KEPT = "first.img"
BOARD = ("qemu-system-aarch64", "-M", "virt", "-cpu", "cortex-a72")
PC = ("qemu-system-x86_64", "-M", "q35", "-cpu", "max")
PACKAGES = {True: "qemu-system-x86", False: "qemu-system-arm"}


class Patience:
    """Waits as long as there is progress: over after `quiet_s` in which the sign of it stayed the same."""

    def __init__(self, now_s: float, quiet_s: float = QUIET_S, longest_s: float = LONGEST_S) -> None:
        self._end_s, self._quiet_s = now_s + longest_s, quiet_s
        self._sign: object = None
        self._changed_s = now_s

    def over(self, now_s: float, sign: object) -> bool:
        """Whether to give up; `sign` is anything that changes with progress."""
        if sign != self._sign:
            self._sign, self._changed_s = sign, now_s
        return now_s >= self._end_s or now_s - self._changed_s >= self._quiet_s


class Machine:
    """One computer. `start` and `cut` may be called again and again; use as a context manager."""

    def __init__(self, image: Path, folder: Path, key: Path, *, cores: int = 2) -> None:
        self.folder, self.card, self.serial = folder, Card(folder / "card.img"), folder / "serial.log"
        self._cores = cores
        self._kernel = kernel.take(image, folder)
        if shutil.which(self._qemu[0]) is None:
            raise VmError(f"{self._qemu[0]} is missing: sudo apt install {PACKAGES[self._kernel.pc]}")
        self._kept = folder / KEPT
        self.card.lay(self._kept if self.was_here else image)
        self.shell = Shell(free_port(), key, folder)
        self._process: subprocess.Popen[bytes] | None = None
        self.started_s = 0.0

    def __enter__(self) -> Machine:
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()

    @property
    def was_here(self) -> bool:
        """Whether the folder has the disk of a machine that had its first start already."""
        return self._kept.exists()

    def keep(self) -> None:
        """Let later machines in this folder start with the disk as it is now; the machine is off."""
        assert not self.runs
        self.card.path.rename(self._kept)
        self.card.lay(self._kept)

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Switch it on; returns at once."""
        self.card.power()
        errors = (self.folder / "qemu.log").open("ab")
        with errors:
            self._process = subprocess.Popen(
                self._command(), stdin=subprocess.DEVNULL, stdout=errors, stderr=errors, start_new_session=True
            )
        self.started_s = time.monotonic()

    @property
    def _qemu(self) -> tuple[str, ...]:
        return PC if self._kernel.pc else BOARD

    def _command(self) -> list[str]:
        return [
            *(*self._qemu, "-m", "1G", "-smp", str(self._cores)),
            *("-accel", "tcg,thread=multi", "-display", "none", "-monitor", "none", "-nodefaults"),
            *("-kernel", str(self._kernel.image), "-initrd", str(self._kernel.initrd), "-append", self._kernel.words),
            *("-drive", self.card.words),
            *("-netdev", f"user,id=net,hostfwd=tcp:127.0.0.1:{self.shell.port}-:22"),
            *("-device", "virtio-net-pci,netdev=net,romfile=", "-device", "virtio-rng-pci"),
            *("-chardev", f"file,id=serial,path={self.serial},append=on", "-serial", "chardev:serial"),
        ]

    def wait(self) -> float:
        """Until the shell answers; the seconds from switching on. Raises VmError."""
        patience = Patience(time.monotonic())
        while not self.shell.answers():
            self.await_progress(patience, "the shell does not answer")
            time.sleep(POLL_S)
        return time.monotonic() - self.started_s

    def await_progress(self, patience: Patience, words: str) -> None:
        """Raises VmError, with `words`, if the machine ended or makes no progress any more."""
        if not self.runs:
            raise VmError(f"qemu has ended: {(self.folder / 'qemu.log').read_text(errors='replace')[-500:]}")
        if patience.over(time.monotonic(), self.progress()):
            raise VmError(f"{words}, and for {QUIET_S:.0f} s the machine wrote nothing:\n{self.last_words()}")

    def progress(self) -> tuple[int, ...]:
        """Changes whenever the machine writes to its console or its card."""
        files = (self.serial, self.card.path)
        stats = [path.stat() for path in files if path.exists()]
        return tuple(number for stat in stats for number in (stat.st_size, stat.st_mtime_ns))

    def cut(self) -> None:
        """Cut the power."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        self.card.cut()
        self.shell.forget()

    def last_words(self) -> str:
        """The end of its console."""
        return self.serial.read_text(errors="replace")[-1500:] if self.serial.exists() else ""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def load() -> str:
    """How busy this computer is, for the reader of timings."""
    return f"{os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
