"""Has music files analysed in a process of its own, which a hostile file may crash without harm to the music.

`AnalysisClient` belongs to the scanner's thread. Its child (worker_main.py) is started when the first file is asked
for, and
again after it ended, at the lowest priority and with limits on processor time and memory; the clock on the wall is
watched here. Requests and answers are JSON lines over a socket pair.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from device.errors import LibraryError, ModelError
from device.music import track_mood
from device.music.metadata.tags import shown
from device.music.track_mood import TrackMood

LONGEST_ANSWER = 1 << 20  # bytes; a cover or the features are far below
OUT_OF_MEMORY = 75  # exit status of a child that was refused memory
END_S = 1.0  # patience with a child that is told to go
TRIES = 2

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Limits:
    """For one file: seconds on the wall, seconds of processor time, MB (2**20 bytes) of private memory. `start_s`: for
    the child to load its libraries and the model, on a board that is busy with other things."""

    wall_s: float = 120.0
    cpu_s: int = 60
    memory_mb: int = 400
    start_s: float = 120.0


class _Failure(Exception):
    """The child failed at a file; the words continue "FILE ..."."""


class AnalysisClient:
    """Not thread-safe. `pid` is the child's, None while there is none."""

    def __init__(self, models_dir: Path, *, limits: Limits = Limits(), command: Sequence[str] | None = None) -> None:
        """Starts nothing yet. `command` replaces the child's in tests."""
        self._limits = limits
        self._command = command if command is not None else (
            *(sys.executable, "-m", "device.music.workers.analysis_process", "--models", str(models_dir)),
            *("--cpu-s", str(limits.cpu_s), "--memory-mb", str(limits.memory_mb)),
        )
        self._process: subprocess.Popen[bytes] | None = None
        self._sock: socket.socket | None = None
        self._received = b""

    @property
    def pid(self) -> int | None:
        """The child's process id; None while none runs."""
        return self._process.pid if self._process else None

    def analyse(self, path: Path) -> TrackMood:
        """What the file at `path` sounds like. Blocks for seconds, with a slow disk for longer.

        Raises LibraryError, with the file's name, if it cannot be analysed: that says something about the file. Raises
        ModelError if nothing can be analysed, whatever the file.
        """
        return self._ask("analyse", path, track_mood.from_json)

    def close(self) -> None:
        """End the child; a second call does nothing. The next request would start a new one."""
        if self._process is None:
            return
        if self._sock is not None:
            self._sock.close()  # the child leaves when nobody listens
        try:
            self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = self._sock = None
        self._received = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _ask(self, job: str, path: Path, understand: Callable[[Any], Answer]) -> Answer:
        """Ask, and ask once again if that went wrong; a sentence about the file is an answer and is not asked twice."""
        words = ""
        for _ in range(TRIES):
            self._start()
            try:
                return understand(self._exchange(job, path))
            except ValueError as error:
                words = f"made the analysis talk nonsense ({error})"
            except _Failure as failure:
                words = str(failure)
            self._kill()
        raise LibraryError(f"{shown(path)} {words} twice and is left out")

    def _start(self) -> None:
        if self._process is not None and self._process.poll() is None:
            return
        self._kill()
        ours, theirs = socket.socketpair()
        with theirs:
            number = theirs.fileno()
            self._process = subprocess.Popen(
                [*self._command, "--fd", str(number)],
                pass_fds=[number],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                start_new_session=True,  # a Ctrl-C in the terminal is the conductor's to answer
                cwd=Path(__file__).resolve().parents[3],
            )
        self._greet(ours)

    def _greet(self, sock: socket.socket) -> None:
        """Wait until the process at the other end of `sock` is ready."""
        self._sock = sock
        try:
            hello = self._receive(self._limits.start_s)
        except _Failure as failure:
            self._kill()
            raise ModelError(f"The analysis of music cannot start: its process {failure}; see the log.") from failure
        if "error" in hello:
            self._kill()
            raise ModelError(str(hello["error"])[:1000])

    def _exchange(self, job: str, path: Path) -> Any:
        assert self._sock is not None
        request = json.dumps({"job": job, "path": os.fsencode(path).hex()}).encode() + b"\n"
        try:
            self._sock.sendall(request)
        except OSError:
            raise _Failure(self._how_it_ended()) from None
        answer = self._receive(self._limits.wall_s)
        if "error" in answer:
            raise LibraryError(str(answer["error"])[:1000])
        return answer.get("answer")

    def _receive(self, patience_s: float) -> dict[str, Any]:
        """The next line of the child; raises _Failure if none comes, ValueError if it is nonsense."""
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
                raise _Failure(self._how_it_ended())
            self._received += more
            if len(self._received) > LONGEST_ANSWER:
                raise ValueError("an endless answer")
        line, _, self._received = self._received.partition(b"\n")
        answer = json.loads(line)
        if not isinstance(answer, dict):
            raise ValueError("an answer that is no mapping")
        return answer

    def _how_it_ended(self) -> str:
        assert self._process is not None
        try:
            status = self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            return "made the analysis hang up"
        if status == OUT_OF_MEMORY:
            return f"needed more than {self._limits.memory_mb} MB of memory"
        if status == -signal.SIGXCPU:
            return f"took longer than {self._limits.cpu_s} s of processor time"
        if status < 0:
            return f"crashed the analysis ({signal.Signals(-status).name})"
        return f"ended the analysis (status {status})"

    def _kill(self) -> None:
        if self._process is not None:
            self._process.kill()
        self.close()
