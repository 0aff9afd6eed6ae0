"""Sends one music file after the other to the analysis process, on a thread that waits for the results.

Only the scanner uses it. Expected failures of the file, the disk or the process are results. Any other exception ends
the thread, and with it the program.
"""

from __future__ import annotations

import os
import queue
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from device.errors import LibraryError, WorkerError
from device.model import read_card
from device.music.track_mood import REVISION, TrackMood

CLOSE_S = 1.0
STUCK_S = 900.0  # the analysis process has its own limits, 8 minutes in all for a file that is tried twice


class TrackAnalyser(Protocol):
    """What is needed of `workers.AnalysisClient`: `pid` is the process that analyses, None while there is none."""

    @property
    def pid(self) -> int | None: ...
    def analyse(self, path: Path) -> TrackMood: ...
    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class AnalysisResult:
    """The result of one request. Without a `mood`, either `file_problem` says why this file cannot be analysed, or
    `problem` says why no file can. If both are empty, the file is gone or its disk is unreadable."""

    key: str
    mood: TrackMood | None = None
    file_problem: str = ""
    problem: str = ""


class AnalysisQueue:
    """One file at a time."""

    def __init__(self, analyser: TrackAnalyser, wake: Callable[[], None]) -> None:
        """The thread calls `wake` when there is a result."""
        self.busy = False
        self._analyser, self._wake = analyser, wake
        self._requests: queue.SimpleQueue[tuple[str, Path] | None] = queue.SimpleQueue()
        self._results: queue.SimpleQueue[AnalysisResult] = queue.SimpleQueue()
        self._closing = False
        self._asked_at = 0.0
        self._thread = threading.Thread(target=self._run, name="analysis", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether the thread runs and, if it was asked for something, is within its limits. From any thread."""
        return self._thread.is_alive() and not (self.busy and time.monotonic() - self._asked_at > STUCK_S)

    def ask(self, key: str, path: Path) -> None:
        """Have this file analysed; only when not `busy`."""
        self._asked_at = time.monotonic()
        self.busy = True
        self._requests.put((key, path))

    def result(self) -> AnalysisResult | None:
        """The result, if there is one by now."""
        with suppress(queue.Empty):
            result = self._results.get_nowait()
            self.busy = False
            return result
        return None

    def close(self) -> None:
        """End the process at once and the thread within a second. Idempotent."""
        self._closing = True
        self._requests.put(None)
        pid = self._analyser.pid
        if self._thread.is_alive() and pid is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._thread.join(CLOSE_S)

    def _run(self) -> None:
        try:
            while (request := self._requests.get()) is not None and not self._closing:
                self._results.put(self._analyse(*request))
                self._wake()
        finally:
            self._analyser.close()

    def _analyse(self, key: str, path: Path) -> AnalysisResult:
        try:
            return AnalysisResult(key, self._analyser.analyse(path))
        except LibraryError as error:
            blameless = self._closing or not _is_readable(path)
            return AnalysisResult(key, file_problem="" if blameless else str(error))
        except OSError:
            return AnalysisResult(key)
        except WorkerError as error:
            return AnalysisResult(key, problem=str(error))


def _is_readable(path: Path) -> bool:
    """Whether the file is there, and its disk, too."""
    try:
        with path.open("rb") as file:
            file.read(1)
    except OSError:
        return False
    return True


def model_id(models_dir: Path) -> str:
    """Identifies what analyses music; another model, or another `REVISION`, has another one. Raises ModelError if there
    is none."""
    return f"{read_card(models_dir / 'music_mood.json', 'music_mood').sha256[:16]}-{REVISION}"
