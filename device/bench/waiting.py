"""Measures how long the main thread may wait while another thread loads and scans a large library.

Python runs one thread at a time, so a command waits while another thread is inside a call that does not release the
interpreter: sorting or freeing a large list, or a full garbage collection. A thread that only ticks measures the
longest of these waits.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from device.bench import reading
from device.config.schema import MusicConfig
from device.domain import Event
from device.music.library.analysis_queue import AnalysisQueue
from device.music.library.catalogue import Catalogue
from device.music.library.files.mounts import MountWatch
from device.music.library.scan_loop import Prepare, ScanLoop
from device.music.track_mood import TrackMood

TICK_S = 0.001


def longest_waits(folder: Path, count: int, prepare: Prepare | None = None) -> dict[str, float]:
    """The longest wait in milliseconds, by what the scanner does: `load` a library of `count` tracks from catalogue.db,
    `rescan` it without changes, and `lose` its drive. Writes the library into `folder`."""
    data, music = folder / f"waiting {count}", folder / f"waiting music {count}"
    reading.write(data, music, count, really=True)
    inbox: queue.SimpleQueue[Event] = queue.SimpleQueue()
    config = MusicConfig(folders=(str(music),))
    waits: dict[str, float] = {}
    with (
        closing(Catalogue.open(data)) as catalogue,
        closing(MountWatch()) as watch,
        closing(AnalysisQueue(_Nobody(), watch.wake)) as analysis,
    ):
        loop = ScanLoop(catalogue, analysis, watch, [music], inbox.put, queue.SimpleQueue(), prepare)
        held: Event | None = None
        for name in ("load", "rescan", "lose"):
            with ticking() as longest_ms:
                if name == "rescan":
                    loop.scan(config.rescan_s)
                elif name == "lose":
                    loop.unmounted(os.fsencode(music))
                loop.publish()
                while not inbox.empty():
                    held = inbox.get()  # as the deciding thread does, which lets go of the library before
            waits[name] = longest_ms()
    del held
    return waits


@contextmanager
def ticking() -> Iterator[Callable[[], float]]:
    """Measure how late a thread wakes up that sleeps for a millisecond; returns the longest delay."""
    longest_s, stopping = [0.0], threading.Event()

    def tick() -> None:
        while not stopping.is_set():
            began = time.perf_counter()
            time.sleep(TICK_S)
            longest_s[0] = max(longest_s[0], time.perf_counter() - began - TICK_S)

    ticker = threading.Thread(target=tick, name="ticker")
    ticker.start()
    time.sleep(10 * TICK_S)
    try:
        yield lambda: 1000 * longest_s[0]
    finally:
        stopping.set()
        ticker.join()


class _Nobody:
    """Analyses nothing."""

    pid = None

    def analyse(self, path: Path) -> TrackMood:
        raise NotImplementedError

    def close(self) -> None:
        pass
