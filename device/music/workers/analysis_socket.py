"""Analyses music in a service, for which systemd starts a process at each connection.

So the process can have restrictions that a child of the conductor cannot have: idle priority, no network, and access to
nothing but music (affetto-scan@.service). It runs analysis_process.py.
"""

from __future__ import annotations

import socket
from pathlib import Path

from device.errors import WorkerError
from device.music.workers.analysis_client import AnalysisClient
from device.music.workers.client import LIMITS, Limits

CONNECT_S = 5.0


class ServiceSocket:
    """A `Connection` (see client.py) through a Unix socket; the process ends when its client disconnects."""

    pid = None  # systemd knows the process, we do not
    alive = True  # a dead process closes the socket, and the client notices

    def __init__(self, path: Path) -> None:
        """Connects to nothing yet."""
        self._path = path

    def open(self) -> socket.socket:
        """A connection to a new process. Raises WorkerError if nobody listens."""
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.settimeout(CONNECT_S)
        try:
            sock.connect(str(self._path))
        except OSError as error:
            sock.close()
            raise WorkerError(
                f"Music cannot be analysed: nothing answers at {self._path} ({error.strerror or error}); start "
                "affetto-scan.socket."
            ) from error
        return sock

    def ending(self) -> str:
        """Only systemd knows."""
        return "ended (to see why: journalctl -u 'affetto-scan@*')"

    def close(self, patience_s: float) -> None:
        """Nothing to wait for: the process ends when the client closes its socket."""


class SocketAnalysisClient(AnalysisClient):
    """Not thread-safe. `pid` is None."""

    def __init__(self, path: Path, *, limits: Limits = LIMITS) -> None:
        """Connects to nothing yet."""
        super().__init__(Path(), limits=limits, connection=ServiceSocket(path))
