"""Measures the costs of both processes while the whole program runs: `affetto run` as a child, seeing and playing."""

from __future__ import annotations

import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from rich.progress import Progress

from device.demo.show import conductor, last_lines
from device.errors import AffettoError, CameraError, PlayerError
from device.procfs import cpu_s, memory_mb, peak_memory_mb

START_S = 30.0  # the longest wait for the eye, and for the first track
SETTLE_S = 3.0  # the measurement starts after this, because start-up is not typical


@dataclass(frozen=True, slots=True)
class Cost:
    """The costs of a process: percent of one core; resident memory at the end and at most, in MB."""

    cpu_percent: float
    memory_mb: float
    peak_mb: float


def watch_program(path: Path, log: Path, seconds: float, progress: Progress) -> dict[str, Cost]:
    """The costs of conductor and eye while the program runs as on a board."""
    task = progress.add_task("Watching the whole program", total=seconds + SETTLE_S)
    with conductor(path, log) as process:
        eye = await_eye(process, log)
        await_music(process, log)
        rest(process, log, SETTLE_S)
        progress.update(task, completed=SETTLE_S)
        before, began = {pid: cpu_s(pid) for pid in (eye, process.pid)}, time.monotonic()
        while (gone_s := time.monotonic() - began) < seconds:
            rest(process, log, min(0.25, seconds - gone_s))
            progress.update(task, completed=SETTLE_S + gone_s)
        if not memory_mb(eye):
            raise CameraError(f"The eye did not last for {seconds:.0f} s:\n{last_lines(log)}")
        lasted_s = time.monotonic() - began
        return {
            name: Cost((cpu_s(pid) - before[pid]) / lasted_s * 100, memory_mb(pid), peak_memory_mb(pid))
            for name, pid in (("eye", eye), ("conductor", process.pid))
        }


def await_eye(process: subprocess.Popen[bytes], log: Path) -> int:
    """The process id of the conductor's eye."""
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        for pid in children(process.pid):  # there are other short-lived children: finding libVLC starts a program
            if b"eye" in command_line(pid):
                return pid
        rest(process, log, 0.05)
    raise CameraError(f"The program did not start its eye within {START_S:.0f} s:\n{last_lines(log)}")


def await_music(process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until the conductor logs that a track is audible; the first one waits some seconds for a face."""
    end = time.monotonic() + START_S
    while b"track_started" not in log.read_bytes():
        if time.monotonic() > end:
            raise PlayerError(f"No music played within {START_S:.0f} s:\n{last_lines(log)}")
        rest(process, log, 0.1)


def rest(process: subprocess.Popen[bytes], log: Path, seconds: float) -> None:
    """Wait. Raises AffettoError if the program ends meanwhile."""
    try:
        status = process.wait(seconds)
    except subprocess.TimeoutExpired:
        return
    raise AffettoError(f"The program ended with status {status}:\n{last_lines(log)}")


def children(pid: int) -> list[int]:
    """The processes that any thread of `pid` has started."""
    lists = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for path in lists for child in path.read_text().split()]


def command_line(pid: int) -> list[bytes]:
    """The command line of a process; nothing if it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return []
