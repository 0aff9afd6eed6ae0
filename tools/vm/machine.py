"""The machine: qemu emulates a 64-bit ARM computer of 1 GB that boots a disk image. Ending it is a power cut.

The image stays as it is; the machine has a card of its own, which begins as a copy (card.py) and forgets what was not
flushed.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
from pathlib import Path

from tools.vm import kernel
from tools.vm.card import Card
from tools.vm.disk import VmError
from tools.vm.shell import Shell

HOST_SEEN_FROM_INSIDE = "10.0.2.2"
BOOT_S = 900.0  # emulated, perhaps beside other work
POLL_S = 0.5


class Machine:
    """One computer. `start` and `cut` may be called again and again; use as a context manager."""

    def __init__(self, image: Path, folder: Path, key: Path, *, cores: int = 2) -> None:
        self.folder, self.card, self.serial = folder, Card(folder / "card.img"), folder / "serial.log"
        self._cores = cores
        self._kernel = kernel.take(image, folder)
        self._kept = folder / "first.img"
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

    def _command(self) -> list[str]:
        return [
            *("qemu-system-aarch64", "-M", "virt", "-cpu", "cortex-a72", "-m", "1G", "-smp", str(self._cores)),
            *("-accel", "tcg,thread=multi", "-display", "none", "-monitor", "none", "-nodefaults"),
            *("-kernel", str(self._kernel.image), "-initrd", str(self._kernel.initrd), "-append", self._kernel.words),
            *("-drive", self.card.words),
            *("-netdev", f"user,id=net,hostfwd=tcp:127.0.0.1:{self.shell.port}-:22"),
            *("-device", "virtio-net-pci,netdev=net,romfile=", "-device", "virtio-rng-pci"),
            *("-chardev", f"file,id=serial,path={self.serial},append=on", "-serial", "chardev:serial"),
        ]

    def wait(self, patience_s: float = BOOT_S) -> float:
        """Until commands can be given; the seconds from switching on. Raises VmError."""
        end_s = time.monotonic() + patience_s
        while not self.shell.answers():
            if not self.runs:
                raise VmError(f"qemu has ended: {(self.folder / 'qemu.log').read_text(errors='replace')[-500:]}")
            if time.monotonic() > end_s:
                raise VmError(f"the machine does not answer within {patience_s:.0f} s:\n{self.last_words()}")
            time.sleep(POLL_S)
        return time.monotonic() - self.started_s

    def cut(self) -> None:
        """Cut the power."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        self.card.cut()
        self.shell.forget()

    def last_words(self) -> str:
        """The end of what it said on its serial line."""
        return self.serial.read_text(errors="replace")[-1500:] if self.serial.exists() else ""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def load() -> str:
    """How busy this computer is, for the reader of timings."""
    return f"{os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
