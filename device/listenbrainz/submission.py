"""Sends listens to ListenBrainz on a thread of its own, and keeps them in a file until they have arrived.

The file holds one listen a line. It is written whole or not at all, whenever a listen is added or sent; without a
network it grows to `MOST` lines, and then loses the oldest. Several failures in a row wait longer each time. A token
that ListenBrainz refuses becomes a problem on `health`, and nothing is sent until the next start.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import urllib.error
import urllib.request
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from device import __version__
from device.config.schema import ListenBrainzConfig
from device.domain import Announce, Answer, Event, EventType, Handled, Now, Snapshot, SurfaceDown, SurfaceUp
from device.listenbrainz.listens import ListenCounter

log = logging.getLogger("affetto.listenbrainz")

NAME = "ListenBrainz"
FILE = "listens.jsonl"
MOST = 5000  # listens that wait
BATCH = 100
TIMEOUT_S = 20.0
RETRY_S, LONGEST_RETRY_S = 30.0, 3600.0
REFUSED, WRONG, TOO_MANY = 401, 400, 429


class ListenBrainz:
    """See `Surface` in conductor.py. `put` takes what is wrong with the connection."""

    def __init__(self, config: ListenBrainzConfig, data_dir: Path, put: Callable[[Event], None]) -> None:
        self._config, self._path, self._put = config, data_dir / FILE, put
        self._counter = ListenCounter()
        self._news = threading.Condition()
        self._fresh: deque[dict[str, Any]] = deque()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="listenbrainz", daemon=True)

    @property
    def alive(self) -> bool:
        """Whether the thread works; a server that takes its time is no fault of it."""
        return self._closing or self._thread.ident is None or self._thread.is_alive()

    def start(self) -> None:
        """Send what waits, then what comes."""
        self._thread.start()

    def show(self, snapshot: Snapshot, now: Now) -> None:
        """Count what is heard."""
        if (heard := self._counter.show(snapshot, now)) is not None:
            with self._news:
                self._fresh.append(heard)
                self._news.notify()

    def notify(self, notice: Announce | Answer | Handled) -> None:
        """Songs that start are told apart, even if they are the same."""
        if isinstance(notice, Announce) and notice.event_type is EventType.TRACK_STARTED:
            self._counter.began()

    def close(self) -> None:
        """End the thread, unless the network keeps it; idempotent."""
        with self._news:
            self._closing = True
            self._news.notify()
        if self._thread.is_alive():
            self._thread.join(1.0)

    # --- The thread ---

    def _run(self) -> None:
        waiting, retry_s, up = self._read(), 0.0, False
        while not self._closing:
            fresh = self._wait(retry_s if retry_s or waiting else None)
            if fresh:
                waiting = [*waiting, *fresh][-MOST:]
                self._write(waiting)
            if self._closing or not waiting:
                continue
            problem = self._send(waiting[:BATCH])
            if problem is None:
                waiting, retry_s = waiting[BATCH:], 0.0
                self._write(waiting)
            else:
                retry_s = min(LONGEST_RETRY_S, 2 * retry_s or RETRY_S)
            if problem is not None or not up:
                up = problem is None
                self._put(SurfaceUp(NAME) if problem is None else SurfaceDown(NAME, problem))
            if problem is not None and problem.startswith("ListenBrainz refuses"):
                return self._wait_for_the_end()

    def _wait(self, timeout_s: float | None) -> list[dict[str, Any]]:
        """The new listens, after `timeout_s`; None waits for the first one. A retry is not hurried by a new song."""
        with self._news:
            if timeout_s is None:
                self._news.wait_for(lambda: self._closing or bool(self._fresh))
            else:
                self._news.wait_for(lambda: self._closing, timeout_s)
            fresh = list(self._fresh)
            self._fresh.clear()
        return fresh

    def _wait_for_the_end(self) -> None:
        with self._news:
            self._news.wait_for(lambda: self._closing)

    def _send(self, listens: list[dict[str, Any]]) -> str | None:
        """Why it failed, as a sentence; None if they have arrived, or if ListenBrainz does not want them."""
        request = urllib.request.Request(
            f"{self._config.url.rstrip('/')}/1/submit-listens",
            json.dumps({"listen_type": "import", "payload": listens}).encode(),
            {
                "Authorization": f"Token {self._config.token}",
                "Content-Type": "application/json",
                "User-Agent": f"Affetto/{__version__}",
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
                answer.read(65536)
        except urllib.error.HTTPError as error:
            if error.code == WRONG:
                log.warning("ListenBrainz does not accept %d listens: %s", len(listens), error.reason)
                return None
            if error.code == REFUSED:
                return "ListenBrainz refuses the token; correct listenbrainz.token and restart."
            words = "asks to wait" if error.code == TOO_MANY else f"answers {error.code}"
            return f"ListenBrainz {words}; {len(listens)} or more listens wait."
        except (OSError, ValueError) as error:  # no network, a broken answer
            reason = getattr(error, "reason", error)
            return f"ListenBrainz cannot be reached ({reason}); the listens wait."
        return None

    # --- The file ---

    def _read(self) -> list[dict[str, Any]]:
        """What waited at the last end; lines that are damaged are left out."""
        found = []
        try:
            lines = self._path.read_text("utf-8", "replace").splitlines()[-MOST:]
        except OSError:
            return []
        for line in lines:
            try:
                one = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(one, dict) and {"listened_at", "track_metadata"} <= one.keys():
                found.append(one)
        return found

    def _write(self, waiting: list[dict[str, Any]]) -> None:
        temporary = self._path.with_suffix(".tmp")
        try:
            with temporary.open("w", encoding="utf-8") as file:
                file.writelines(f"{json.dumps(one)}\n" for one in waiting)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, self._path)
        except OSError as error:  # a full disk: they wait in memory
            log.warning("%s cannot be written (%s).", self._path, error.strerror)
