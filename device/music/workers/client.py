"""The client's end of a worker process: asks for one file after the other and survives whatever a file does to it.

A `WorkerClient` belongs to the thread that uses it. It connects for the first file, and again after the process died.
The process limits its own memory and processor time (process.py); the client watches the clock on the wall.
"""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self, TypeVar

from device.errors import LibraryError, WorkerError
from device.music.metadata.tags import shown
from device.music.workers import protocol
from device.music.workers.protocol import LONGEST_LINE, OUT_OF_MEMORY, Problem, ProblemKind, Request

ROOT = Path(__file__).resolve().parents[3]  # the folder of the package `device`
END_S = 1.0  # patience with a process that should end
LONGEST_DETAIL = 200  # characters of what was wrong with an answer

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Limits:
    """For one file: seconds on the wall, seconds of processor time, MB (2**20 bytes) of private memory. `start_s`: for
    the process to load its libraries and models, on a board that is busy with other things."""

    wall_s: float = 120.0
    cpu_s: int = 60
    memory_mb: int = 400
    start_s: float = 120.0


LIMITS = Limits()


class Connection(Protocol):
    """How a client reaches its worker process."""

    @property
    def pid(self) -> int | None:
        """The process id; None while there is no process, or where somebody else started it."""

    @property
    def alive(self) -> bool:
        """Whether the last socket that `open` gave may still be used."""

    def open(self) -> socket.socket:
        """A new process, or a new connection to one. Raises WorkerError."""

    def ending(self) -> str:
        """How the process ended; continues a sentence that begins with "it"."""

    def close(self, patience_s: float) -> None:
        """Let the process end, and kill it after `patience_s`. Idempotent."""


class ChildProcess:
    """A `Connection` to a child of this process over a socket pair. `command` gets `--fd N` for its end."""

    def __init__(self, command: Sequence[str], limits: Limits) -> None:
        """Starts nothing yet."""
        self._command, self._limits = command, limits
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def open(self) -> socket.socket:
        ours = None
        try:
            ours, theirs = socket.socketpair()
            with theirs:
                self._process = subprocess.Popen(
                    [*self._command, "--fd", str(theirs.fileno())],
                    pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    start_new_session=True,  # the conductor handles Ctrl-C in the terminal
                    cwd=ROOT,
                )
        except OSError as error:  # no memory, too many processes or open files
            if ours is not None:
                ours.close()
            raise WorkerError(
                f"{Path(sys.executable).name} cannot start a process that reads music files "
                f"({error.strerror or error}); Affetto tries again later."
            ) from error
        return ours

    def ending(self) -> str:
        assert self._process is not None
        try:
            status = self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            return "hung up"
        if status == OUT_OF_MEMORY:
            return f"needed more than {self._limits.memory_mb} MB of memory"
        if status == -signal.SIGXCPU:
            return f"took longer than {self._limits.cpu_s} s of processor time"
        if status < 0:
            return f"crashed ({_name_of_signal(-status)})"
        return f"ended (status {status})"

    def close(self, patience_s: float) -> None:
        if self._process is None:
            return
        try:
            self._process.wait(patience_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            with suppress(subprocess.TimeoutExpired):  # a disk that hangs keeps even a killed process
                self._process.wait(END_S)
        self._process = None


class _Failure(Exception):
    """The process failed; the text continues a sentence that begins with "it"."""


class WorkerClient:
    """Not thread-safe."""

    def __init__(self, connection: Connection, limits: Limits) -> None:
        """Connects to nothing yet."""
        self._connection, self._limits = connection, limits
        self._sock: socket.socket | None = None
        self._received = b""

    @property
    def pid(self) -> int | None:
        """The worker's process id; None while none runs, or where somebody else started it."""
        return self._connection.pid

    def ask(self, jobs: Sequence[str], path: Path, value: type[T], **options: int | str) -> T:
        """What the first of `jobs` finds out about the file at `path`; if it kills the process, what the next one does.

        Blocks for seconds, with a slow disk for longer. Raises LibraryError, with the file's name, if it is the file's
        fault; OSError if it is the disk's (FileNotFoundError if the file is gone); WorkerError if no file can be read.
        """
        failure = ""
        for job in jobs:
            self._connect()
            try:
                return self._exchange(Request(job, bytes(path), options), value)
            except (ValueError, _Failure) as error:
                failure = _reason(error)
            self._disconnect(0.0)
        raise LibraryError(f"{shown(path)} is left out: the process that reads it {failure}, in {len(jobs)} tries")

    def close(self) -> None:
        """End the process; a second call does nothing. The next request connects again."""
        self._disconnect(END_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _connect(self) -> None:
        """Raises WorkerError."""
        if self._sock is not None and self._connection.alive:
            return
        self._disconnect(0.0)
        self._sock = self._connection.open()
        try:
            ready = protocol.decode_ready(self._receive(self._limits.start_s))
        except (ValueError, _Failure) as error:
            self._disconnect(0.0)
            raise WorkerError(f"The process that reads music files does not start: it {_reason(error)}.") from error
        if isinstance(ready, Problem):
            self._disconnect(0.0)
            raise WorkerError(ready.text)

    def _disconnect(self, patience_s: float) -> None:
        if self._sock is not None:
            self._sock.close()  # a process whose client is gone ends by itself
        self._sock, self._received = None, b""
        self._connection.close(patience_s)

    def _exchange(self, request: Request, value: type[T]) -> T:
        assert self._sock is not None
        if self._received:
            raise ValueError("an answer that nobody asked for")
        try:
            self._sock.settimeout(self._limits.wall_s)
            self._sock.sendall(protocol.encode(request))
        except OSError:
            raise _Failure(self._connection.ending()) from None
        answer = protocol.decode_answer(self._receive(self._limits.wall_s), value)
        if not isinstance(answer, Problem):
            return answer.value
        match answer.kind:
            case ProblemKind.GONE:
                raise FileNotFoundError(answer.text)
            case ProblemKind.DISK:
                raise OSError(answer.text)
            case ProblemKind.WORKER:
                raise WorkerError(answer.text)
            case _:
                raise LibraryError(answer.text)

    def _receive(self, patience_s: float) -> bytes:
        """The next line. Raises _Failure if none comes in time, ValueError if it is too long."""
        assert self._sock is not None
        deadline = time.monotonic() + patience_s
        while b"\n" not in self._received:
            self._sock.settimeout(max(0.001, deadline - time.monotonic()))
            try:
                more = self._sock.recv(65536)
            except TimeoutError:
                raise _Failure(f"took longer than {patience_s:g} s") from None
            except OSError:
                more = b""
            if not more:
                raise _Failure(self._connection.ending())
            self._received += more
            if len(self._received) > LONGEST_LINE:
                raise ValueError("an answer without end")
        line, _, self._received = self._received.partition(b"\n")
        return line


def _reason(error: Exception) -> str:
    return f"answered nonsense ({str(error)[:LONGEST_DETAIL]})" if isinstance(error, ValueError) else str(error)


def _name_of_signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
