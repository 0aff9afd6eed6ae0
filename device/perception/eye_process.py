"""The two ways to an eye: start one as a child process, or dial the socket of one that systemd starts.

Both give a connected socket and an end. A child is surely gone after `close`: no orphan, no zombie. Used by the
link's thread.
"""

from __future__ import annotations

import logging
import socket
import subprocess
import threading
from collections.abc import Sequence
from typing import IO, Protocol

from device.errors import LinkError

log = logging.getLogger("affetto.eye")

# together below 2 s: to leave by itself, to leave when told to, to be gone after SIGKILL
LEAVE_S, TERMINATE_S, KILL_S = 0.8, 0.4, 0.6
DIAL_S = 2.0


class Line(Protocol):
    """A connection to an eye."""

    sock: socket.socket
    pid: int | None

    def close(self) -> str:
        """End it for good; returns how it ended, as a sentence."""


class EyeProcess:
    """The eye as a child process with one end of a socket pair; raises LinkError if it cannot be started.

    Its own session, so that a Ctrl-C in the terminal is the conductor's to answer. What it writes to standard error
    goes to the log.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self.sock, theirs = socket.socketpair()
        with theirs:
            number = theirs.fileno()
            try:
                self._process = subprocess.Popen(
                    [*command, "--fd", str(number)],
                    pass_fds=[number],
                    stdin=subprocess.DEVNULL,
                    stderr=subprocess.PIPE,
                    start_new_session=True,
                    text=True,
                    errors="replace",
                )
            except OSError as error:
                self.sock.close()
                raise LinkError(f"The eye cannot be started ({error}); is Affetto installed completely?") from error
        self.pid: int | None = self._process.pid
        self._last_words = ""
        assert self._process.stderr is not None
        self._reader = threading.Thread(target=self._pass_on, args=(self._process.stderr,), daemon=True)
        self._reader.start()

    def close(self) -> str:
        self.sock.close()  # which is how an eye is asked to end
        ended = self._wait(LEAVE_S)
        for ask, patience_s in ((self._process.terminate, TERMINATE_S), (self._process.kill, KILL_S)):
            if not ended:
                ask()
                ended = self._wait(patience_s)
        if not ended:
            return f"The eye (process {self.pid}) cannot be ended, its camera's driver hangs; restart the machine."
        self._reader.join(KILL_S)
        words = f": {self._last_words}" if self._last_words else "."
        return f"The eye ended unexpectedly with status {self._process.returncode}{words}"

    def _wait(self, patience_s: float) -> bool:
        try:
            self._process.wait(patience_s)
        except subprocess.TimeoutExpired:
            return False
        return True

    def _pass_on(self, stderr: IO[str]) -> None:
        with stderr:
            for line in stderr:
                self._last_words = line.strip()[:300] or self._last_words
                log.info("eye: %s", line.rstrip())


class SocketEye:
    """A connection to the socket of an eye that somebody else starts; raises LinkError if nobody answers there."""

    pid: int | None = None

    def __init__(self, path: str) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(DIAL_S)
        try:
            self.sock.connect(path)
        except OSError as error:
            self.sock.close()
            raise LinkError(
                f"No eye answers at {path} ({error.strerror or error}); is affetto-eye.socket started?"
            ) from error

    def close(self) -> str:
        self.sock.close()
        return "The eye closed the connection."
