"""Keeps the catalogue up to date on a thread of its own, so that a slow disk never delays the music.

The thread owns the catalogue's SQLite connection; it tells the inbox what it found and decides nothing.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from pathlib import Path

from device.config import MusicConfig
from device.domain import Event
from device.music.catalogue import Catalogue


class Scanner:
    """Says what the catalogue knew before, scans at once, and then every `rescan_s` seconds."""

    def __init__(self, config: MusicConfig, data_dir: Path, put: Callable[[Event], None]) -> None:
        self._config = config
        self._data_dir = data_dir
        self._put = put
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="scanner", daemon=True)

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    def close(self) -> None:
        """Ask the thread to end and wait a little: a scan in progress is safe to abandon."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout=1.0)

    def _run(self) -> None:
        with contextlib.closing(Catalogue.open(self._data_dir)) as catalogue:
            self._put(catalogue.load())
            while not self._stopping.is_set():
                self._put(catalogue.scan([Path(folder) for folder in self._config.folders]))
                self._stopping.wait(self._config.rescan_s)
