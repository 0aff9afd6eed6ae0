"""The analysis of music in a service of its own, for which systemd starts a process at each connection.

So it has what no child of the conductor can have: the processor only when nobody else wants it, no network, and no view
of anything but music (affetto-scan@.service). The process and what is said are those of worker.py; belongs to the
scanner's thread, too.
"""

from __future__ import annotations

import socket
from pathlib import Path

from device.errors import ModelError
from device.music.workers.analysis_client import AnalysisClient, Limits

DIAL_S = 5.0
LIMITS = Limits()


class SocketAnalysisClient(AnalysisClient):
    """Not thread-safe. `pid` is None: systemd knows the process, we do not; it ends when we hang up."""

    def __init__(self, path: Path, *, limits: Limits = LIMITS) -> None:
        """Connects to nothing yet."""
        super().__init__(Path(), limits=limits, command=())
        self._path = path

    def close(self) -> None:
        """Hang up; a second call does nothing. The next request would dial again."""
        if self._sock is not None:
            self._sock.close()
        self._sock = None
        self._received = b""

    def _start(self) -> None:
        if self._sock is not None:
            return
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.settimeout(DIAL_S)
        try:
            sock.connect(str(self._path))
        except OSError as error:
            sock.close()
            raise ModelError(
                f"Music cannot be analysed: nobody answers at {self._path} ({error.strerror or error}); is "
                "affetto-scan.socket started?"
            ) from error
        self._greet(sock)

    def _how_it_ended(self) -> str:
        return "ended the analysis (journalctl -u 'affetto-scan@*' says why)"

    def _kill(self) -> None:
        self.close()
