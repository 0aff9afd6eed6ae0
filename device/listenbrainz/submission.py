"""Sends listens to ListenBrainz on a thread of its own, and keeps them in a file until they have arrived.

The file holds one listen a line. It is written whole or not at all, whenever a listen is added or sent; without a
network it grows to `MOST` lines, and then loses the oldest. Several failures in a row wait longer each time. While
ListenBrainz refuses the token, or the disk is full, `health` says so and the listens wait: in the file, or
else in memory.
"""

from __future__ import annotations

import http.client
import json
import logging
import os
import threading
import time
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
UNWANTED = "unwanted"


class ListenBrainz:
    """See `Surface` in conductor.py. `put` takes what is wrong with the connection."""

    def __init__(self, config: ListenBrainzConfig, data_dir: Path, put: Callable[[Event], None]) -> None:
        self._config, self._path, self._put = config, data_dir / FILE, put
        self._counter = ListenCounter()
        self._news = threading.Condition()
        self._fresh: deque[dict[str, Any]] = deque(maxlen=MOST)
        self._closing = False
        self._waiting: list[dict[str, Any]] = []
        self._batch, self._retry_s = BATCH, 0.0
        self._told: str | None = None  # the last problem that was reported; None: nothing yet
        self._disk_problem = ""
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
        self._waiting = self._read()
        send_at = time.monotonic()
        while not self._closing:
            if fresh := self._wait(send_at - time.monotonic() if self._waiting else None):
                self._keep([*self._waiting, *fresh][-MOST:])
            if not self._closing and self._waiting and time.monotonic() >= send_at:
                send_at = time.monotonic() + self._send_some()
        if fresh := self._wait(0.0):
            self._keep([*self._waiting, *fresh][-MOST:])

    def _wait(self, timeout_s: float | None) -> list[dict[str, Any]]:
        """The new listens, as soon as there are any; none after `timeout_s`, or at the end."""
        with self._news:
            self._news.wait_for(lambda: self._closing or bool(self._fresh), timeout_s)
            fresh = list(self._fresh)
            self._fresh.clear()
        return fresh

    def _send_some(self) -> float:
        """Send the oldest listens that wait. Returns the seconds until the next attempt."""
        batch = self._waiting[: self._batch]
        problem = self._send(batch)
        if problem == UNWANTED and len(batch) > 1:  # some of them are good: find out which
            self._batch = len(batch) // 2
            return 0.0
        if problem in ("", UNWANTED):
            self._batch, self._retry_s = min(BATCH, 2 * self._batch), 0.0
            self._keep(self._waiting[len(batch) :])
            problem = ""
        else:
            self._retry_s = min(LONGEST_RETRY_S, 2 * self._retry_s or RETRY_S)
        self._tell(problem)
        return self._retry_s

    def _tell(self, problem: str) -> None:
        """Report what does not work, whenever that changes; a full disk matters only while listens wait."""
        problem = " ".join(filter(None, (problem, self._disk_problem if self._waiting else "")))
        if problem != self._told:
            self._told = problem
            self._put(SurfaceDown(NAME, problem) if problem else SurfaceUp(NAME))

    def _send(self, listens: list[dict[str, Any]]) -> str:
        """Why it failed, as a sentence; empty if they have arrived, UNWANTED if ListenBrainz does not take them."""
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
                if len(listens) == 1:
                    log.warning("ListenBrainz does not accept the listen %s: %s", listens[0], error.reason)
                return UNWANTED
            if error.code == REFUSED:
                return "ListenBrainz refuses the token; correct listenbrainz.token and restart. The listens wait."
            words = "asks to wait" if error.code == TOO_MANY else f"answers {error.code}"
            return f"ListenBrainz {words}; the listens wait."
        except (OSError, http.client.HTTPException, ValueError) as error:  # no network, a broken answer
            reason = getattr(error, "reason", error)
            return f"ListenBrainz cannot be reached ({reason}); the listens wait."
        return ""

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

    def _keep(self, waiting: list[dict[str, Any]]) -> None:
        """Let these wait from now on, on the disk if it has room."""
        self._waiting = waiting
        temporary = self._path.with_suffix(".tmp")
        try:
            with temporary.open("w", encoding="utf-8") as file:
                file.writelines(f"{json.dumps(one)}\n" for one in waiting)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, self._path)
            problem = ""
        except OSError as error:
            temporary.unlink(missing_ok=True)  # a part of it would only fill the disk
            problem = f"Listens for ListenBrainz cannot be kept on the disk ({error.strerror}); a restart loses them."
        if problem != self._disk_problem:
            self._disk_problem = problem
            if problem:
                log.warning("%s", problem)
