"""One conductor per data folder: its lock, and its health report for other processes on this machine.

The lock is flock(2) on the file `lock` in the data folder, so the kernel releases it however the conductor ends. The
file names the process and its health report. The report is in memory, to spare the flash card: in systemd's runtime
folder, or else in /dev/shm. The conductor's main thread owns both; any process may call `read_running`.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import msgspec

from device.domain import Announce, Answer, Handled, HealthReport, Now, Snapshot
from device.errors import StateError

log = logging.getLogger("affetto")

LOCK = "lock"
MEMORY = Path("/dev/shm")
PUBLISH_S = 60.0
SILENT_S = 3 * PUBLISH_S  # if the report is older, the conductor does not respond
TRIES, TRY_S = 20, 0.05  # a conductor that runs is believed after this many tries, this far apart
LARGEST = 1_000_000  # bytes that are read of a lock file or a report


@dataclass(frozen=True, slots=True)
class Owner:
    """The content of the lock file."""

    pid: int
    health_file: str


@dataclass(frozen=True, slots=True)
class Running:
    """A running conductor: its process (0: unknown), and its report and the report's age, if readable."""

    pid: int
    health: HealthReport | None
    age_s: float = 0.0

    @property
    def responds(self) -> bool:
        """Whether the report is recent."""
        return self.age_s <= SILENT_S


class InstanceLock:
    """The exclusive right to use a data folder, until `close` or the end of the process.

    Raises StateError if another process has it. If the folder cannot be written, there is no lock, and `problem` says
    why.
    """

    def __init__(self, folder: Path) -> None:
        self._file = -1
        self.problem = ""
        self.health_file = memory_folder() / f"affetto-{os.getpid()}.json"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            self._take()
            self._sign()
        except BlockingIOError:
            pid = _read_owner(self._file).pid
            self.close()
            who = f" (pid {pid})" if pid else ""
            raise StateError(
                f"Affetto already runs here{who}, with the data in {folder}; stop it first, or set device.data_dir."
            ) from None
        except OSError as error:
            self.close()
            self.problem = f"{folder} cannot be locked ({error.strerror or error}); start Affetto only once."

    def close(self) -> None:
        """Release the folder. Idempotent."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _take(self) -> None:
        """Lock the file. `read_running` of another process may have it for a moment, which counts as free. Raises
        BlockingIOError."""
        for _ in range(TRIES - 1):
            try:
                return fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(TRY_S)
        fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _sign(self) -> None:
        """Write who has the lock, and remove the reports of processes that were killed."""
        for report in self.health_file.parent.glob("affetto-*.json"):
            if (pid := report.stem.rpartition("-")[2]).isdecimal() and not Path("/proc", pid).exists():
                with contextlib.suppress(OSError):
                    report.unlink()
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, msgspec.json.encode(Owner(os.getpid(), str(self.health_file))), 0)


class HealthFile:
    """A surface that writes the health report to a file: at every new problem, and once a minute."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._shown: tuple[str, ...] | None = None
        self._due_s = 0.0

    @property
    def alive(self) -> bool:
        """Always true: it has no thread."""
        return True

    def start(self) -> None:
        """Nothing to start."""

    def show(self, snapshot: Snapshot, now: Now) -> None:
        """Write the report if it is due."""
        health = snapshot.health
        if health.problems != self._shown or now.mono >= self._due_s:
            self._shown, self._due_s = health.problems, now.mono + PUBLISH_S
            self._write(msgspec.json.encode(health))

    def notify(self, notice: Announce | Answer | Handled) -> None:
        """Do nothing: the report holds no notices."""

    def close(self) -> None:
        """Remove the file."""
        with contextlib.suppress(OSError):
            self._path.unlink()

    def _write(self, content: bytes) -> None:
        part = self._path.with_suffix(".part")
        try:
            with contextlib.suppress(FileNotFoundError):
                part.unlink()
            with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644), "wb") as file:
                file.write(content)
            os.replace(part, self._path)
        except OSError as error:
            log.warning("The health report cannot be written to %s (%s).", self._path, error.strerror)


def memory_folder() -> Path:
    """A folder in memory. The service has its own, because systemd removes a user's files from /dev/shm when any
    service of that user ends (RemoveIPC)."""
    if given := os.environ.get("RUNTIME_DIRECTORY", "").partition(":")[0]:
        return Path(given)
    return MEMORY if MEMORY.is_dir() else Path(tempfile.gettempdir())


def read_running(folder: Path) -> Running | None:
    """The conductor that uses the data folder; None if there is none, or without permission to see it."""
    try:
        file = os.open(folder / LOCK, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return None
    except BlockingIOError:
        owner = _read_owner(file)
    except OSError:
        return None
    finally:
        os.close(file)
    try:
        with open(owner.health_file, "rb") as report:
            age_s = max(time.time() - os.fstat(report.fileno()).st_mtime, 0.0)
            return Running(owner.pid, msgspec.json.decode(report.read(LARGEST), type=HealthReport), age_s)
    except (OSError, ValueError, msgspec.MsgspecError):
        return Running(owner.pid, None)


def _read_owner(file: int) -> Owner:
    """The owner; pid 0 if the file is empty, because its owner has just started."""
    try:
        return msgspec.json.decode(os.pread(file, LARGEST, 0), type=Owner)
    except (OSError, msgspec.MsgspecError):
        return Owner(0, "")
