"""The boot partition of an image, through mtools: no mounting, no root."""

from __future__ import annotations

import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tools.image.steps import Refusal, run

QUIET = {**os.environ, "MTOOLS_SKIP_CHECK": "1"}  # a partition that was made for a card of another shape


@dataclass(frozen=True, slots=True)
class Boot:
    """The FAT file system that begins `start` bytes into the file."""

    path: Path
    start: int

    @property
    def _place(self) -> tuple[str, str]:
        return "-i", f"{self.path}@@{self.start}"

    def names(self) -> set[str]:
        """What lies in its top folder. Raises Refusal if there is no FAT file system."""
        return {
            line.removeprefix("::/").rstrip("/")
            for line in run("mdir", "-b", *self._place, "::", env=QUIET).split("\n")
            if line
        }

    def read(self, name: str) -> bytes:
        done = subprocess.run(["mtype", *self._place, f"::{name}"], capture_output=True, env=QUIET, check=False)
        if done.returncode:
            raise Refusal(
                f"{name} cannot be read from the boot partition: {done.stderr.decode(errors='replace').strip()}"
            )
        return done.stdout

    def write(self, name: str, content: bytes) -> None:
        """Put a file there, over one that is there."""
        with tempfile.NamedTemporaryFile() as file:
            file.write(content)
            file.flush()
            self.put(Path(file.name), name)

    def put(self, source: Path, name: str) -> None:
        run("mcopy", "-o", *self._place, source, f"::{name}", env=QUIET)
