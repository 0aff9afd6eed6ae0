"""However a demo ends, nothing that it started goes on: conductor, eye, workers and broker end with it."""

from __future__ import annotations

import contextlib
import os
import pty
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.appliance import ROOT

PATIENCE_S = 60.0
MARK = "AFFETTO_TEST_MARK"
COMMAND = [sys.executable, "-m", "device", "demo", "--rendered"]
SLOW = pytest.mark.slow


class Demo:
    """A demo in a terminal of its own; every process that it starts, and theirs, carry a mark in their environment."""

    def __init__(self, home: Path) -> None:
        self.mark = uuid.uuid4().hex
        self.home = home
        environment = {**os.environ, MARK: self.mark, "TMPDIR": str(home), "TERM": "xterm-256color"}
        pid, self.terminal = pty.fork()
        if pid == 0:
            os.chdir(ROOT)
            os.execve(COMMAND[0], COMMAND, environment)
        self.pid = pid

    def processes(self) -> dict[int, bytes]:
        """Their numbers and command lines, without zombies."""
        found = {}
        for path in Path("/proc").glob("[0-9]*"):
            try:
                if f"{MARK}={self.mark}".encode() in (path / "environ").read_bytes() and (words := _words(path)):
                    found[int(path.name)] = words
            except OSError:
                continue
        return found

    def wait(self, fits: Callable[[dict[int, bytes]], bool]) -> None:
        """Until its processes fit; what it draws meanwhile is thrown away."""
        os.set_blocking(self.terminal, False)
        end = time.monotonic() + PATIENCE_S
        while not fits(self.processes()):
            assert time.monotonic() < end, self.processes()
            try:
                os.read(self.terminal, 65536)
            except OSError:
                time.sleep(0.01)

    def kill(self) -> None:
        for pid in self.processes():
            os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, os.WNOHANG)


def _words(path: Path) -> bytes:
    return (path / "cmdline").read_bytes().replace(b"\0", b" ").strip()


def shows(word: bytes) -> Callable[[dict[int, bytes]], bool]:
    return lambda processes: any(word in words for words in processes.values())


MOMENTS = {"at once": b"demo", "broker": b"mosquitto.conf", "conductor": b"device run", "eye": b"device eye"}


def hang_up(demo: Demo) -> None:
    """What happens when the window is closed."""
    os.close(demo.terminal)


def send(number: signal.Signals) -> Callable[[Demo], None]:
    return lambda demo: os.kill(demo.pid, number)


ENDINGS = {"terminal closed": hang_up, "SIGTERM": send(signal.SIGTERM), "SIGKILL": send(signal.SIGKILL),
           "SIGHUP": send(signal.SIGHUP), "SIGINT": send(signal.SIGINT)}
QUICK = {("terminal closed", "eye"), ("SIGKILL", "eye"), ("terminal closed", "conductor"), ("SIGTERM", "broker")}


@pytest.mark.parametrize(
    ("ending", "moment"),
    [pytest.param(ending, moment, marks=() if (ending, moment) in QUICK else SLOW, id=f"{ending} {moment}")
     for ending in ENDINGS for moment in MOMENTS],
)  # fmt: skip
def test_nothing_is_left(ending: str, moment: str, tmp_path: Path) -> None:
    demo = Demo(tmp_path)
    try:
        demo.wait(shows(MOMENTS[moment]))
        ENDINGS[ending](demo)
        if ending == "terminal closed":
            demo.terminal = os.open(os.devnull, os.O_RDONLY)
        demo.wait(lambda processes: not processes)
    finally:
        demo.kill()
        os.close(demo.terminal)
    if ending != "SIGKILL":
        assert not list(tmp_path.iterdir()), "its folders are gone, too"


def test_a_killed_parent_takes_what_is_on_its_leash_with_it(tmp_path: Path) -> None:
    """Without a demo: the leash alone."""
    code = ("import subprocess, sys, time; from device.leash import leashed; "
            "print(subprocess.Popen(leashed(['sleep', '600'])).pid, flush=True); time.sleep(600)")  # fmt: skip
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.kill()
    end = time.monotonic() + PATIENCE_S
    while Path(f"/proc/{child}").exists() and "Z" not in Path(f"/proc/{child}/stat").read_text().split(")")[1][:3]:
        assert time.monotonic() < end
        time.sleep(0.01)
