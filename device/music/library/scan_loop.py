"""What the scanner's thread does: scan, then analyse until the next scan is due.

Between scans it sleeps until a drive comes or goes, somebody corrects a mood, or there is a result of the analysis:
that goes on in small steps, one file at a time, whenever the scan has nothing to do. Everything is on that thread, but
for `alive`.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from device.domain import ChangePlaylist, Event, LibraryLoaded, Misunderstood, MoodName, PlaylistChanged, Track
from device.errors import LibraryError, ModelError
from device.music.library import steps
from device.music.library.analysis_queue import AnalysisQueue, AnalysisResult
from device.music.library.catalogue import Catalogue
from device.music.library.files.mounts import MountWatch, watched_folders

log = logging.getLogger("affetto.scanner")

FIRST_PUBLISH_S = 2.0  # after the begin of a scan; then twice as long each time, up to
PUBLISH_S = 30.0
PUBLISH_TRACK_S = 0.003  # but at least this time for each track: it takes time to take in a large library
SETTLE_S = 0.5  # after a mount: the partitions of a drive are mounted one after the other
RETRY_S = 30.0  # after a failure that is nobody's file's; then twice as long each time, up to the next scan
RETIRE_S = 10.0  # after a library was published, nobody uses the one before it
STUCK_S = 900.0  # a step of the thread: a file's tags take 5 minutes at most, so does a folder on a slow drive

Prepare = Callable[[tuple[Track, ...]], object]
"""Turns tracks into what choosing needs (`LibraryLoaded.index`), on the scanner's thread."""


class ScanLoop:
    """Belongs to one thread. `put` publishes the library."""

    def __init__(
        self,
        catalogue: Catalogue,
        analysis: AnalysisQueue,
        watch: MountWatch,
        folders: list[Path],
        put: Callable[[Event], None],
        corrections: queue.SimpleQueue[tuple[str, MoodName | None]],
        prepare: Prepare | None = None,
        playlists: queue.SimpleQueue[ChangePlaylist] | None = None,
    ) -> None:
        self._catalogue, self._analysis, self._watch, self._folders = catalogue, analysis, watch, folders
        self._put, self._corrections, self._prepare = put, corrections, prepare
        self._playlists = playlists or queue.SimpleQueue[ChangePlaylist]()
        self._fixed = {path for folder in folders for path in watched_folders(folder)}
        self._mounts = watch.mounts(self._fixed)
        self._mounts_changed = False
        self._waiting: list[tuple[str, Path]] = []  # to be analysed
        self._passed: set[str] = set()  # keys of files that were gone or could not be read; until the next scan
        self._problem = ""  # why nothing can be analysed
        self._retry_s = RETRY_S
        self._analyse_at = 0.0  # monotonic; infinite when nothing is left to analyse before the next scan
        self._published: LibraryLoaded | None = None
        self._published_at = 0.0
        self._retired: deque[Track] = deque()  # of the library before
        self._patience_s = PUBLISH_S
        self._awake_at = time.monotonic()

    @property
    def alive(self) -> bool:
        """Whether this thread and that of the analysis are within their limits. From any thread."""
        return self._analysis.alive and time.monotonic() - self._awake_at < STUCK_S

    def run(self, find_model: Callable[[], str], rescan_s: float, stopping: threading.Event) -> None:
        """Until `stopping`. `find_model` identifies the model that analyses, and raises ModelError if there is none."""
        if self._catalogue.load().tracks:  # what is known plays at once; whether there is nothing, a scan has to say
            self.publish()
        while not stopping.is_set():
            due = time.monotonic() + self.scan(rescan_s)
            model = self.begin_analysis(find_model)
            while not stopping.is_set() and not self._mounts_changed and time.monotonic() < due:
                self.analyse(model)
                wait_s = min(due, max(self._analyse_at, time.monotonic() + self._publish_in())) - time.monotonic()
                self._sleep(min(wait_s, STUCK_S / 3))
                self._obey()

    def scan(self, rescan_s: float) -> float:
        """Scan once, and publish. Returns the seconds until the next scan, few if something failed."""
        self._mounts_changed, self._patience_s = False, FIRST_PUBLISH_S
        self._waiting, self._passed = [], set()
        self._catalogue.scan(self._folders, meanwhile=self._meanwhile)
        self._mounts = self._watch.mounts(self._fixed | self._catalogue.watched)
        self.publish()
        if not self._catalogue.incomplete:
            self._retry_s = RETRY_S
            return rescan_s
        return min(self._next_retry(), rescan_s)

    def begin_analysis(self, find_model: Callable[[], str]) -> str:
        """Allow analysis until the next scan, if there is a model; returns what identifies it."""
        try:
            model, self._analyse_at, problem = find_model(), time.monotonic(), ""
        except ModelError as error:
            model, self._analyse_at, problem = "", float("inf"), f"Affetto cannot analyse music: {error}"
            log.warning("%s", problem)
        if problem != self._problem:
            self._problem = problem
            self.publish()
        return model

    def analyse(self, model: str) -> None:
        """Take a result, make the next request, and publish from time to time what was learnt."""
        if result := self._analysis.result():
            self._keep(result, model)
        if self._analysis.busy or time.monotonic() < self._analyse_at:
            if self._publish_in() <= 0:
                self.publish()
            return
        if not self._waiting:
            pending = self._catalogue.pending(model)
            self._waiting = [one for one in pending if one[0] not in self._passed]
        if self._waiting:
            self._analysis.ask(*self._waiting.pop(0))
        else:
            self._analyse_at = float("inf")
            self.publish()

    def _meanwhile(self) -> None:
        """Between two files of a scan."""
        self._sleep(0.0)
        self._obey()
        if self._publish_in() <= 0:
            self.publish(partial=True)
            self._patience_s = min(2 * self._patience_s, PUBLISH_S)

    def _sleep(self, timeout_s: float) -> None:
        """Until something happens. A drive that was pulled out leaves the library at once."""
        self._awake_at = time.monotonic()
        if self._retired:
            timeout_s = min(timeout_s, RETIRE_S)
            if self._awake_at > self._published_at + RETIRE_S:
                steps.free(self._retired)
        while self._watch.wait(timeout_s):
            before, self._mounts = self._mounts, self._watch.mounts(self._fixed | self._catalogue.watched)
            self._mounts_changed = self._mounts_changed or self._mounts != before
            pulled = {mount.point for mount in before} - {mount.point for mount in self._mounts}
            lost = [mount for mount in pulled if self.unmounted(mount)]
            if lost:
                self.publish()
            timeout_s = SETTLE_S
        self._awake_at = time.monotonic()

    def unmounted(self, mount: bytes) -> bool:
        """Take a drive out of the library; whether there was music on it."""
        try:
            return self._catalogue.unmounted(mount)
        except LibraryError as error:  # the scan that follows tries again
            log.warning("%s", error)
            return False

    def _change_playlists(self) -> None:
        """Write and delete playlists; whoever asked hears why one cannot be."""
        changed: list[PlaylistChanged] = []
        with contextlib.suppress(queue.Empty):
            while True:
                change = self._playlists.get_nowait()
                try:
                    if change.uris is None:
                        self._catalogue.remove_playlist(change.name)
                    else:
                        self._catalogue.write_playlist(change.name, change.uris, self._folders)
                    changed.append(PlaylistChanged(change.origin))
                except LibraryError as error:
                    self._put(Misunderstood(change.origin, str(error)))
        if changed:
            self.publish()
            for done in changed:
                self._put(done)

    def _obey(self) -> None:
        """Keep the moods that people set, and their playlists."""
        self._change_playlists()
        waiting: list[tuple[str, MoodName | None]] = []
        with contextlib.suppress(queue.Empty):
            while True:
                waiting.append(self._corrections.get_nowait())
        for number, correction in enumerate(waiting):
            try:
                self._catalogue.correct(*correction)
            except LibraryError as error:  # another program holds the file: the next round tries again
                log.warning("The mood of a track is not saved yet. %s", error)
                for rest in waiting[number:]:
                    self._corrections.put(rest)
                break
        if waiting:
            self.publish()

    def _keep(self, result: AnalysisResult, model: str) -> None:
        if result.problem:
            return self._analyse_later(result.problem)
        found = result.mood or result.file_problem
        if not found:
            self._passed.add(result.key)
            return None
        try:
            self._catalogue.analysed(result.key, model, found)
        except LibraryError as error:
            return self._analyse_later(str(error))
        self._retry_s = RETRY_S
        if self._problem:
            self._problem = ""
            self.publish()
        return None

    def _analyse_later(self, problem: str) -> None:
        """No file is to blame: try again, less often each time."""
        self._waiting, self._problem = [], problem
        self._analyse_at = time.monotonic() + self._next_retry()
        log.warning("%s", problem)
        self.publish()

    def _next_retry(self) -> float:
        retry_s, self._retry_s = self._retry_s, min(2 * self._retry_s, 3600.0)
        return retry_s

    def _publish_in(self) -> float:
        """Seconds until the library may be published again."""
        tracks = len(self._published.tracks) if self._published else 0
        return max(self._published_at + max(self._patience_s, PUBLISH_TRACK_S * tracks) - time.monotonic(), 0.0)

    def publish(self, *, partial: bool = False) -> None:
        """Publish the library, if it is not what was published last. `partial`: the scan goes on, so nobody knows yet
        whether there is no music at all."""
        with contextlib.suppress(LibraryError):
            self._catalogue.flush()
        library = self._catalogue.load()
        if self._problem:
            library = replace(library, problems=(self._problem, *library.problems))
        self._published_at = time.monotonic()
        before = self._published
        if partial and before is None and not library.tracks:
            return
        if before is not None and library == replace(before, index=None):
            return
        if before is not None and library.tracks == before.tracks:
            library = replace(library, tracks=before.tracks, index=before.index)
        elif self._prepare is not None:
            library = replace(library, index=self._prepare(library.tracks))
        if before is not None and len(before.tracks) - len(library.tracks) > steps.STEP:
            self._retired.extend(before.tracks)  # the last one to let go of them frees them all, and that must not be
            # the deciding thread
        self._published = library
        self._put(library)
