"""Asks a disk whether a file can be read, on a thread of its own: whoever asks a disk that does not answer waits."""

from __future__ import annotations

import os
import threading
from enum import Enum
from pathlib import Path

from device.music.disks import GONE, disk_of


class Verdict(Enum):
    """What the disk said."""

    READABLE = 1
    FAULTY = 2
    SILENT = 3  # it said nothing, or that it is gone


class FileCheck:
    """Begins at once; ask for the verdict as often as you like."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._error: OSError | None = None
        self._empty = False
        self._done = threading.Event()
        threading.Thread(target=self._look, name="file check", daemon=True).start()

    def _look(self) -> None:
        try:
            with self._path.open("rb") as file:
                self._empty = not file.read(1)
        except OSError as error:
            self._error = error
        self._done.set()

    def verdict(self, patience_s: float) -> Verdict:
        """What is known after so many seconds."""
        if not self._done.wait(patience_s):
            return Verdict.SILENT
        if self._error is None:
            return Verdict.FAULTY if self._empty else Verdict.READABLE
        disk = disk_of(os.fsencode(self._path))
        lost = self._error.errno in GONE and disk is not None and disk.remote
        return Verdict.SILENT if lost else Verdict.FAULTY

    @property
    def done(self) -> bool:
        """Whether the disk has answered."""
        return self._done.is_set()

    @property
    def problem(self) -> str:
        """Why the file cannot be played, as far as can be seen from outside; for a verdict other than SILENT."""
        shown = os.fsencode(self._path).decode("utf-8", "replace")
        if self._error is not None:
            return f"{shown} cannot be read: {(self._error.strerror or str(self._error)).lower()}"
        return f"{shown} is empty" if self._empty else f"{shown} holds no sound that libVLC can play"
