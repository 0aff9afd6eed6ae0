"""The machine's card: a flat file behind a cache that forgets.

What the machine wrote and did not flush is lost with the power, as a card or a disk may lose it. nbdkit keeps it
meanwhile (nbdkit-cache-filter(1), writeback: nothing reaches the file before a flush).
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from tools.vm.disk import VmError, run

BYTES = 8 << 30
START_S = 20.0


class Card:
    """The file at `path`. Call `lay` first; then `power` and `cut`, as often as you like."""

    def __init__(self, path: Path) -> None:
        self.path = path
        # The name of a socket may have 108 bytes, and folders of tests are deep. Goes with this object.
        self._folder = tempfile.TemporaryDirectory(prefix="affetto-vm-")
        self._socket = Path(self._folder.name) / "nbd"
        self._process: subprocess.Popen[bytes] | None = None

    def lay(self, image: Path) -> None:
        """Make it a copy of `image`, as large as a small card. Raises VmError."""
        done = run("cp", "--sparse=always", "--reflink=auto", str(image), str(self.path))
        if done.returncode:
            raise VmError(f"{image} cannot be copied to {self.path}: {done.stderr.strip()}")
        with self.path.open("ab") as file:
            file.truncate(max(file.tell(), BYTES))

    @property
    def words(self) -> str:
        """For qemu's `-drive`."""
        return f"file=nbd+unix:///?socket={self._socket},if=virtio,format=raw,cache=writeback"

    def power(self) -> None:
        """Serve it. Raises VmError."""
        if shutil.which("nbdkit") is None:
            raise VmError("nbdkit is missing: apt-get install nbdkit")
        command = ["nbdkit", "--foreground", "--unix", str(self._socket), "--filter=cache"]
        self._process = subprocess.Popen(
            [*command, "file", str(self.path), "cache=writeback"], stdin=subprocess.DEVNULL, start_new_session=True
        )
        end_s = time.monotonic() + START_S
        while not self._socket.exists():
            if self._process.poll() is not None or time.monotonic() > end_s:
                raise VmError(f"nbdkit does not serve {self.path}; see its message above")
            time.sleep(0.05)

    def cut(self) -> None:
        """Cut the power: what was not flushed is lost."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        self._socket.unlink(missing_ok=True)
