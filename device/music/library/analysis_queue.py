"""Has one music file after the other analysed, on a thread that only waits for the process that does it.

The scanner asks and collects; nobody else does. Nothing is decided here but what an error means: a file that cannot be
heard though it is there is the file's fault, everything else is not.
"""

from __future__ import annotations

import os
import queue
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from device.errors import LibraryError, WorkerError
from device.model import read_card
from device.music.track_mood import TrackMood

CLOSE_S = 1.0


class TrackAnalyser(Protocol):
    """What is needed of `music.worker.Worker`: `pid` is the process that hears, None while there is none."""

    @property
    def pid(self) -> int | None: ...
    def analyse(self, path: Path) -> TrackMood: ...
    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class AnalysisResult:
    """The answer: `mood` is a sentence if the file cannot be heard, and None if that says nothing about the file."""

    key: str
    mood: TrackMood | str | None


class AnalysisQueue:
    """One file at a time. `problem` says why nothing can be analysed at all, if so; then nothing should be asked."""

    def __init__(self, worker: TrackAnalyser, ring: Callable[[], None]) -> None:
        """`ring` is called, on the thread, when there is an answer."""
        self.problem = ""
        self.busy = False
        self._worker, self._ring = worker, ring
        self._asked: queue.SimpleQueue[tuple[str, Path] | None] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[AnalysisResult] = queue.SimpleQueue()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="analysis", daemon=True)
        self._thread.start()

    def ask(self, key: str, path: Path) -> None:
        """Hear this file; only when not `busy`."""
        self.busy = True
        self._asked.put((key, path))

    def answer(self) -> AnalysisResult | None:
        """The answer, if there is one by now."""
        with suppress(queue.Empty):
            heard = self._answers.get_nowait()
            self.busy = False
            return heard
        return None

    def close(self) -> None:
        """End the process at once and the thread within a second. Idempotent."""
        self._closing = True
        self._asked.put(None)
        pid = self._worker.pid
        if self._thread.is_alive() and pid is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._thread.join(CLOSE_S)

    def _run(self) -> None:
        try:
            while (asked := self._asked.get()) is not None and not self._closing:
                self._answers.put(AnalysisResult(asked[0], self._hear(asked[1])))
                self._ring()
        finally:
            self._worker.close()

    def _hear(self, path: Path) -> TrackMood | str | None:
        try:
            return self._worker.analyse(path)
        except LibraryError as error:
            return str(error) if path.exists() and not self._closing else None
        except OSError:
            return None
        except WorkerError as error:
            self.problem = str(error)
            return None


def listener(models_dir: Path) -> str:
    """A name for the model that hears, which changes when the model does. Raises ModelError if there is none."""
    return read_card(models_dir / "music_mood.json", "music_mood").sha256[:16]
