"""Keeps the catalogue up to date on a thread of its own, so that a slow disk never delays the music.

The thread owns the catalogue; it puts what it found into the inbox and decides nothing. scan_loop.py is what it does.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
from collections.abc import Callable
from pathlib import Path

from device.config.schema import MusicConfig
from device.config.shares import parse_shares
from device.domain import ChangePlaylist, Event, MoodName
from device.music.library.analysis_queue import AnalysisQueue, TrackAnalyser, model_id
from device.music.library.catalogue import Catalogue
from device.music.library.files.ignored import Ignored
from device.music.library.files.mounts import MountWatch
from device.music.library.files.servers import FileServers
from device.music.library.scan_loop import Prepare, ScanLoop
from device.music.workers.analysis_client import AnalysisClient

log = logging.getLogger("affetto.scanner")


class Scanner:
    """Publishes what the catalogue knew before, scans at once, then every `rescan_s` and whenever a drive comes or
    goes."""

    def __init__(
        self,
        config: MusicConfig,
        data_dir: Path,
        models_dir: Path,
        put: Callable[[Event], None],
        analyser: TrackAnalyser | None = None,
        prepare: Prepare | None = None,
    ) -> None:
        """`analyser` takes the place of the process that analyses music. `prepare` makes `LibraryLoaded.index`."""
        self._folders = library_folders(config)
        self._servers = FileServers(parse_shares(config.shares))
        self._rescan_s = config.rescan_s
        self._ignored = Ignored(config.ignore)
        self._data_dir, self._models_dir = data_dir, models_dir
        self._analyser = analyser or AnalysisClient(models_dir)
        self._put, self._prepare = put, prepare
        self._learn = config.learn_corrections
        self._watch = MountWatch()
        self._stopping = threading.Event()
        self._corrections: queue.SimpleQueue[tuple[str, MoodName | None]] = queue.SimpleQueue()
        self._playlists: queue.SimpleQueue[ChangePlaylist] = queue.SimpleQueue()
        self._loop: ScanLoop | None = None
        self._thread = threading.Thread(target=self._run, name="scanner", daemon=True)

    @property
    def alive(self) -> bool:
        """Whether both threads run and none is stuck beyond its limits. True before `start`. From any thread.

        A thread that waits for a disk which does not answer counts as alive: ending the program would not help the
        disk, and the music from other drives plays on.
        """
        if self._stopping.is_set() or self._thread.ident is None:
            return True
        loop = self._loop
        return self._thread.is_alive() and (loop is None or loop.alive or _waits_for_disk(self._thread.native_id))

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    def correct(self, key: str, mood: MoodName | None) -> None:
        """Keep what somebody said of this content's mood (None: forget it), and publish the library. From any
        thread."""
        self._corrections.put((key, mood))
        self._watch.wake()

    def change_playlist(self, change: ChangePlaylist) -> None:
        """Write or delete a playlist, and publish the library. From any thread."""
        self._playlists.put(change)
        self._watch.wake()

    def close(self) -> None:
        """Ask the thread to end and wait a little: a scan in progress is safe to abandon."""
        self._stopping.set()
        self._watch.wake()
        if self._thread.is_alive():
            self._thread.join(timeout=3.0)

    def _open(self) -> Catalogue:
        return Catalogue.open(self._data_dir, ignored=self._ignored, learn=self._learn, servers=self._servers)

    def _run(self) -> None:
        with (
            contextlib.closing(self._open()) as catalogue,
            contextlib.closing(AnalysisQueue(self._analyser, self._watch.wake)) as analysis,
        ):
            self._loop = ScanLoop(
                catalogue, analysis, self._watch, self._folders, self._put, self._corrections, self._prepare,
                self._playlists,
            )
            self._loop.run(lambda: model_id(self._models_dir), self._rescan_s, self._stopping)


def library_folders(config: MusicConfig) -> list[Path]:
    """The music folders, those of the file servers included."""
    return [Path(folder) for folder in (*config.folders, *(share.folder for share in parse_shares(config.shares)))]


def _waits_for_disk(thread: int | None) -> bool:
    """Whether the kernel has the thread wait for a device (state D in proc_pid_stat(5))."""
    try:
        return Path(f"/proc/self/task/{thread}/stat").read_text().rpartition(")")[2].split()[0] == "D"
    except (OSError, IndexError):
        return False
