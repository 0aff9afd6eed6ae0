"""The conductor's end: leaves requests for the root service, and puts its status into the inbox when it changes."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from pathlib import Path

from device.domain import Event, UpdateSeen
from device.update import status

POLL_S = 2.0
HUNG_S = 30.0


class UpdateWatcher:
    """A part with one thread, which looks at one small file."""

    def __init__(
        self, put: Callable[[Event], None], path: Path = status.STATUS, requests: Path = status.REQUESTS,
        poll_s: float = POLL_S,
    ) -> None:  # fmt: skip
        self._put, self._path, self._requests, self._poll_s = put, path, requests, poll_s
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="updates", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether its thread works; true before the start and after the end."""
        return self._thread.ident is None or self._closed.is_set() or self._thread.is_alive()

    def request(self, install: bool) -> None:
        """Ask the service to install the latest version, or only to look for it. Without a service, nothing happens."""
        with contextlib.suppress(OSError):
            (self._requests / (status.INSTALL if install else status.CHECK)).touch()

    def close(self) -> None:
        """Stop. Idempotent."""
        self._closed.set()
        if self._thread.ident is not None:
            self._thread.join(1.0)

    def _watch(self) -> None:
        last = None
        while not self._closed.is_set():
            if (seen := status.read(self._path)) != last:
                last = seen
                self._put(UpdateSeen(seen))
            self._closed.wait(self._poll_s)
