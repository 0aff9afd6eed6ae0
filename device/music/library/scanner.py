"""Keeps the catalogue up to date on a thread of its own, so that a slow disk never delays the music.

The thread owns the catalogue's SQLite connection; it tells the inbox what it found and decides nothing. Between scans
it sleeps until a drive comes or goes, somebody corrects a mood, or analysis has heard a track: that goes on in small
steps, one file at a time, whenever the scan has nothing to do.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from device.config.schema import MusicConfig
from device.domain import Event, LibraryLoaded, MoodName
from device.errors import LibraryError, ModelError
from device.music.library.analysis_queue import AnalysisQueue, TrackAnalyser, listener
from device.music.library.catalogue import Catalogue
from device.music.library.mounts import MountWatch, stem_of
from device.music.workers.analysis_client import AnalysisClient

log = logging.getLogger("affetto.scanner")

FIRST_PUBLISH_S = 2.0  # after the begin of a scan; then twice as long each time, up to
PUBLISH_S = 30.0
PUBLISH_TRACK_S = 0.003  # but no more often than this for each track: a large library takes its time to be taken in
SETTLE_S = 0.5  # after a mount: the partitions of a drive are mounted one after the other


class Scanner:
    """Says what the catalogue knew before, scans at once, then every `rescan_s` and whenever a drive comes or goes."""

    def __init__(
        self,
        config: MusicConfig,
        data_dir: Path,
        models_dir: Path,
        put: Callable[[Event], None],
        worker: TrackAnalyser | None = None,
    ) -> None:
        """`worker` hears files in the place of the process that does."""
        self._folders = [Path(folder) for folder in config.folders]
        self._rescan_s = config.rescan_s
        self._data_dir, self._models_dir = data_dir, models_dir
        self._worker = worker or AnalysisClient(models_dir)
        self._put = put
        self._watch = MountWatch()
        self._stopping = threading.Event()
        self._words: queue.SimpleQueue[tuple[str, MoodName | None]] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="scanner", daemon=True)

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    def correct(self, key: str, mood: MoodName | None) -> None:
        """Keep what somebody said of this content's mood (None: forget it), and tell the library. From any thread."""
        self._words.put((key, mood))
        self._watch.wake()

    def close(self) -> None:
        """Ask the thread to end and wait a little: a scan in progress is safe to abandon."""
        self._stopping.set()
        self._watch.wake()
        if self._thread.is_alive():
            self._thread.join(timeout=3.0)

    def _run(self) -> None:
        with (
            contextlib.closing(Catalogue.open(self._data_dir)) as catalogue,
            contextlib.closing(AnalysisQueue(self._worker, self._watch.wake)) as analysis,
        ):
            Rounds(catalogue, analysis, self._watch, self._folders, self._put, self._words).run(
                self._model(), self._rescan_s, self._stopping
            )

    def _model(self) -> str:
        """Who hears; empty if nobody does."""
        try:
            return listener(self._models_dir)
        except ModelError as error:
            log.warning("Music is not analysed: %s", error)
            return ""


class Rounds:
    """What the scanner's thread does, round after round: everything here is on that thread."""

    def __init__(
        self,
        catalogue: Catalogue,
        analysis: AnalysisQueue,
        watch: MountWatch,
        folders: list[Path],
        put: Callable[[Event], None],
        words: queue.SimpleQueue[tuple[str, MoodName | None]],
    ) -> None:
        self._catalogue, self._analysis, self._watch, self._folders = catalogue, analysis, watch, folders
        self._put, self._words = put, words
        self._stems = [stem_of(folder) for folder in folders]
        self._mounts = watch.mounts(self._stems)
        self._drives_changed = False
        self._waiting: list[tuple[str, Path]] = []  # to be analysed
        self._done = False  # nothing more to analyse until the next scan
        self._published: LibraryLoaded | None = None
        self._published_at = 0.0
        self._patience_s = PUBLISH_S

    def run(self, model: str, rescan_s: float, stopping: threading.Event) -> None:
        """Until `stopping`."""
        self._publish()
        while not stopping.is_set():
            self._drives_changed = False
            self._patience_s = FIRST_PUBLISH_S
            self._catalogue.scan(self._folders, meanwhile=self._meanwhile)
            self._publish()
            self._done = not model
            due = time.monotonic() + rescan_s
            while not stopping.is_set() and not self._drives_changed and time.monotonic() < due:
                self._analyse(model)
                self._sleep(min(due - time.monotonic(), rescan_s if self._done else self._publish_in()))
                self._obey()

    def _meanwhile(self) -> None:
        """Between two files of a scan."""
        self._sleep(0.0)
        self._obey()
        if self._publish_in() <= 0:
            self._publish()
            self._patience_s = min(2 * self._patience_s, PUBLISH_S)

    def _sleep(self, timeout_s: float) -> None:
        """Until something happens; a drive that was pulled out is out of the library then."""
        while self._watch.wait(timeout_s):
            before, self._mounts = self._mounts, self._watch.mounts(self._stems)
            self._drives_changed = self._drives_changed or self._mounts != before
            pulled = {mount for mount, _ in before} - {mount for mount, _ in self._mounts}
            lost = [mount for mount in pulled if self._catalogue.lose(mount)]
            if lost:
                self._publish()
            timeout_s = SETTLE_S

    def _obey(self) -> None:
        """Keep the moods that people set."""
        heard = False
        with contextlib.suppress(queue.Empty):
            while True:
                key, mood = self._words.get_nowait()
                heard = True
                try:
                    self._catalogue.correct(key, mood)
                except LibraryError as error:
                    log.warning("%s", error)
        if heard:
            self._publish()

    def _analyse(self, model: str) -> None:
        """Take an answer, ask the next question, and publish what was learnt from time to time."""
        if answer := self._analysis.answer():
            if answer.mood is None:
                self._give_up()
            else:
                self._keep(answer.key, model, answer.mood)
        if not self._done and not self._analysis.busy:
            self._waiting = self._waiting or self._catalogue.pending(model)
            if self._waiting:
                self._analysis.ask(*self._waiting.pop(0))
            else:
                self._done = True
                self._publish()
        elif self._publish_in() <= 0:
            self._publish()

    def _keep(self, key: str, model: str, mood: object) -> None:
        try:
            self._catalogue.heard(key, model, mood)  # type: ignore[arg-type]
        except LibraryError as error:
            log.warning("%s", error)
            self._give_up()

    def _give_up(self) -> None:
        """Until the next scan: the file is gone, or the model does not work."""
        self._waiting, self._done = [], True
        self._publish()

    def _publish_in(self) -> float:
        """Seconds until the library may be told again."""
        tracks = len(self._published.tracks) if self._published else 0
        return max(self._published_at + max(self._patience_s, PUBLISH_TRACK_S * tracks) - time.monotonic(), 0.0)

    def _publish(self) -> None:
        """Tell the library, if it is not what was told last."""
        with contextlib.suppress(LibraryError):
            self._catalogue.flush()
        library = self._catalogue.load()
        if self._analysis.problem:
            library = replace(library, problems=(self._analysis.problem, *library.problems))
        self._published_at = time.monotonic()
        if library != self._published:
            self._published = library
            self._put(library)
