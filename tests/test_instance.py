"""One conductor per data folder, with real processes; and the health report that others read."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import threading
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from device.config.schema import Config
from device.demo.show import write
from device.domain import HealthReport, Now, Snapshot
from device.errors import StateError
from device.store import instance
from device.store.instance import HealthFile, InstanceLock, Running, read_running
from tests.appliance import ROOT

HOLD = """
import sys, pathlib, signal
from device.store.instance import InstanceLock
lock = InstanceLock(pathlib.Path(sys.argv[1]))
print(lock.health_file, flush=True)
signal.pause()
"""


class Holder:
    """Another process that holds the lock."""

    def __init__(self, folder: Path) -> None:
        command = [sys.executable, "-c", HOLD, str(folder)]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.health_file = Path(self.process.stdout.readline().strip())
        self.pid = self.process.pid

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()


class Snap:
    """As much of a snapshot as the file looks at."""

    def __init__(self, *problems: str, uptime_s: float = 0.0) -> None:
        self.health = HealthReport(problems=problems, uptime_s=uptime_s)


def show(file: HealthFile, snap: Snap, mono_s: float) -> None:
    snapshot: Snapshot = snap  # type: ignore[assignment]
    file.show(snapshot, Now(mono_s, 0.0))


def test_a_second_process_is_refused_with_the_number_of_the_first(tmp_path: Path) -> None:
    with closing(Holder(tmp_path)) as holder, pytest.raises(StateError, match="Affetto already runs here") as refused:
        InstanceLock(tmp_path)
    assert f"(pid {holder.pid})" in str(refused.value)
    with closing(InstanceLock(tmp_path)) as lock:  # a killed process holds nothing
        assert not lock.problem


def test_the_lock_of_this_process_ends_with_close(tmp_path: Path) -> None:
    lock = InstanceLock(tmp_path / "new")
    with pytest.raises(StateError, match=f"pid {os.getpid()}"):
        InstanceLock(tmp_path / "new")
    lock.close()
    lock.close()
    InstanceLock(tmp_path / "new").close()


def test_a_folder_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with closing(InstanceLock(tmp_path / "file")) as lock:
        assert "cannot be locked" in lock.problem


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"pid": "x"}', b"\xff" * 100])
def test_a_lock_file_of_rubbish_is_taken(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "lock").write_bytes(content)
    with closing(InstanceLock(tmp_path)):
        assert read_running(tmp_path) == Running(os.getpid(), None)


def test_nobody_runs_where_nothing_is(tmp_path: Path) -> None:
    assert read_running(tmp_path) is None
    InstanceLock(tmp_path).close()
    assert read_running(tmp_path) is None


def test_the_report_of_a_running_process_can_be_read(tmp_path: Path) -> None:
    with closing(Holder(tmp_path)) as holder, closing(HealthFile(holder.health_file)) as file:
        assert read_running(tmp_path) == Running(holder.pid, None)
        show(file, Snap("no sound"), 1.0)
        running = read_running(tmp_path)
        assert running is not None
        assert running.health == HealthReport(problems=("no sound",))
        assert running.responds
        os.utime(holder.health_file, (1000, 1000))
        old = read_running(tmp_path)
        assert old is not None
        assert not old.responds
        holder.health_file.write_bytes(b'{"problems": 7}')
        assert read_running(tmp_path) == Running(holder.pid, None)


def test_the_report_is_written_at_changes_and_once_a_minute(tmp_path: Path) -> None:
    path = tmp_path / "health.json"
    with closing(HealthFile(path)) as file:
        show(file, Snap(), 0.0)
        first = path.stat().st_ino
        show(file, Snap(uptime_s=59.0), 59.0)
        assert path.stat().st_ino == first
        show(file, Snap("no sound"), 59.5)
        assert b"no sound" in path.read_bytes()
        show(file, Snap("no sound", uptime_s=130.0), 130.0)
        assert b"130" in path.read_bytes()
    assert list(tmp_path.iterdir()) == []


def test_a_report_that_cannot_be_written_is_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with closing(HealthFile(tmp_path / "gone" / "health.json")) as file:
        show(file, Snap(), 0.0)
    assert "cannot be written" in caplog.text


def test_the_report_of_a_killed_process_is_removed_by_the_next(tmp_path: Path) -> None:
    with closing(Holder(tmp_path)) as holder:
        show(HealthFile(holder.health_file), Snap(), 0.0)
    assert holder.health_file.exists()
    InstanceLock(tmp_path).close()
    assert not holder.health_file.exists()


def test_whoever_only_looks_stops_no_start(tmp_path: Path) -> None:
    """`affetto check` looks at the lock, and a conductor starts at the same moment."""
    file = os.open(tmp_path / instance.LOCK, os.O_RDWR | os.O_CREAT)
    fcntl.flock(file, fcntl.LOCK_SH)
    looking = threading.Timer(0.1, os.close, [file])
    looking.start()
    with closing(InstanceLock(tmp_path)) as lock:
        assert lock.problem == ""
        running = read_running(tmp_path)
        assert running is not None
        assert running.pid == os.getpid()
    looking.join()


def test_two_real_conductors(tmp_path: Path) -> None:
    config = Config()
    config = replace(
        config,
        device=replace(config.device, data_dir=str(tmp_path / "data")),
        mqtt=replace(config.mqtt, enabled=False),
        upnp=replace(config.upnp, enabled=False),
        player=replace(config.player, output="dummy"),
        music=replace(config.music, folders=(str(tmp_path),)),
    )
    command = [sys.executable, "-m", "device", "run", "--config", str(write(config, tmp_path / "config.yaml"))]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE) as first:
        try:
            while (running := read_running(tmp_path / "data")) is None or running.health is None:
                assert first.poll() is None
            second = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
            assert running.pid == first.pid
            assert second.returncode == 1
            assert f"affetto run: Affetto already runs here (pid {first.pid})" in second.stderr
            assert "Traceback" not in second.stderr
            first.send_signal(signal.SIGHUP)
            assert first.wait(30) == 0
        finally:
            first.kill()
    assert read_running(tmp_path / "data") is None
    assert not (instance.MEMORY / f"affetto-{first.pid}.json").exists()
