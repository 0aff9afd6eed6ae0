"""The two kinds of eye: a child process, or a service that systemd starts when we connect to its socket.

Both have a connected socket and a `close`, after which a child process has surely ended: no orphan, no zombie. The eye
client's thread uses them.
"""

from __future__ import annotations

import logging
import socket
import subprocess
import threading
import time
from collections.abc import Sequence
from typing import IO, Protocol

from device.errors import LinkError

log = logging.getLogger("affetto.eye")

# the waits after closing the socket, after SIGTERM and after SIGKILL, together below 2 s
LEAVE_S, TERMINATE_S, KILL_S = 0.8, 0.4, 0.6
CONNECT_S = 2.0
LONGEST_LINE = 4096  # bytes of standard error; a longer line is split
LINES_A_MINUTE = 30  # of standard error in the log, because a camera's library may complain about each frame


class EyeConnection(Protocol):
    """A connection to an eye."""

    sock: socket.socket
    pid: int | None

    def close(self) -> str:
        """End the eye. Returns how it ended, as a sentence."""


class EyeProcess:
    """The eye as a child process with one end of a socket pair. Raises LinkError if it cannot be started.

    It has its own session, so that only the conductor reacts to Ctrl-C in the terminal. Its standard error goes to the
    log.
    """

    def __init__(self, command: Sequence[str]) -> None:
        try:
            self.sock, theirs = socket.socketpair()
        except OSError as error:
            raise LinkError(f"The eye cannot be started ({error}); restart Affetto.") from error
        with theirs:
            number = theirs.fileno()
            try:
                self._process = subprocess.Popen(
                    [*command, "--fd", str(number)],
                    pass_fds=[number],
                    stdin=subprocess.DEVNULL,
                    stderr=subprocess.PIPE,
                    start_new_session=True,
                )
            except OSError as error:
                self.sock.close()
                raise LinkError(f"The eye cannot be started ({error}); install Affetto again.") from error
        self.pid: int | None = self._process.pid
        self._last_line = ""
        assert self._process.stderr is not None
        self._reader = threading.Thread(
            target=self._log_errors, args=(self._process.stderr,), name="eye stderr", daemon=True
        )
        self._reader.start()

    def close(self) -> str:
        self.sock.close()  # this asks the eye to end
        ended = self._wait(LEAVE_S)
        for ask, patience_s in ((self._process.terminate, TERMINATE_S), (self._process.kill, KILL_S)):
            if not ended:
                ask()
                ended = self._wait(patience_s)
        if not ended:
            return f"The eye (process {self.pid}) does not end, because its camera driver hangs; restart the machine."
        self._reader.join(KILL_S)
        output = f": {self._last_line}" if self._last_line else "."
        return f"The eye ended unexpectedly with status {self._process.returncode}{output}"

    def _wait(self, patience_s: float) -> bool:
        try:
            self._process.wait(patience_s)
        except subprocess.TimeoutExpired:
            return False
        return True

    def _log_errors(self, stderr: IO[bytes]) -> None:
        minute, count = -1.0, 0
        with stderr:
            while raw := stderr.readline(LONGEST_LINE):
                line = raw.decode(errors="replace").strip()
                self._last_line = line[:300] or self._last_line
                if (now := time.monotonic() // 60) != minute:
                    minute, count = now, 0
                count += 1
                if count <= LINES_A_MINUTE:
                    log.info("eye: %s", line)
                elif count == LINES_A_MINUTE + 1:
                    log.info("eye: (more lines in this minute are left out)")


class SocketEye:
    """A connection to the socket of an eye that systemd starts. Raises LinkError if nothing answers there."""

    pid: int | None = None

    def __init__(self, path: str) -> None:
        try:
            self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        except OSError as error:
            raise LinkError(f"The eye's socket cannot be opened ({error}); restart Affetto.") from error
        self.sock.settimeout(CONNECT_S)
        try:
            self.sock.connect(path)
        except OSError as error:
            self.sock.close()
            raise LinkError(
                f"No eye answers at {path} ({error.strerror or error}); start affetto-eye.socket."
            ) from error

    def close(self) -> str:
        self.sock.close()
        return "The eye closed the connection."
