"""systemd hears of the conductor only while its loop goes round and its link to the eye keeps its word."""

from __future__ import annotations

import contextlib
import resource
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from device import conductor
from device.config.schema import CameraConfig, Config, DeviceConfig, MqttConfig, MusicConfig, PlayerConfig, UpnpConfig
from device.domain import Tick
from device.inbox import ThreadDied
from device.music.library.scanner import Scanner
from device.perception import eye_client
from device.perception.eye_client import EyeClient

ROOT = Path(__file__).resolve().parent.parent
REFUSED = 77


@pytest.fixture
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """The socket at which systemd would listen."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "notify"))
        sock.settimeout(20)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        yield sock


@contextlib.contextmanager
def running(tmp_path: Path, camera: CameraConfig) -> Iterator[conductor.Conductor]:
    config = Config(
        device=DeviceConfig(data_dir=str(tmp_path / "data")),
        camera=camera,
        music=MusicConfig(folders=(str(tmp_path / "music"),)),
        player=PlayerConfig(output="dummy"),
        mqtt=MqttConfig(enabled=False),
        upnp=UpnpConfig(enabled=False),
    )
    with conductor.Conductor(config) as program:
        thread = threading.Thread(target=program.run)
        thread.start()
        try:
            yield program
        finally:
            program.stop()
            thread.join(20)
    assert not thread.is_alive()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conductor, "TICK_S", 0.02)


@pytest.mark.parametrize("camera", [CameraConfig(), CameraConfig(enabled=True, eye_socket="/nobody")])
def test_a_loop_that_goes_round_gives_signs_of_life(
    journal: socket.socket, tmp_path: Path, camera: CameraConfig
) -> None:
    """With the camera off, and with an eye that is not there but looked after: music outlives the eye."""
    with running(tmp_path, camera):
        assert journal.recv(100) == b"READY=1"
        assert [journal.recv(100) for _ in range(3)] == [b"WATCHDOG=1"] * 3


def test_a_link_that_hangs_ends_the_signs_of_life(
    journal: socket.socket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = threading.Semaphore(0)

    def alive(_link: EyeClient) -> bool:
        asked.release()
        return False

    monkeypatch.setattr(EyeClient, "alive", property(alive))
    with running(tmp_path, CameraConfig()):
        assert journal.recv(100) == b"READY=1"
        assert all(asked.acquire(timeout=20) for _ in range(3))  # the loop goes round, and says nothing
    assert journal.recv(100) == b"STOPPING=1"


def test_a_flood_of_events_does_not_hold_up_ticks(journal: socket.socket, tmp_path: Path) -> None:
    with running(tmp_path, CameraConfig()) as program:
        put = program._inbox.put
        over = threading.Event()

        def flood() -> None:
            while not over.is_set():
                if len(program._inbox) < 100:
                    put(Tick({}))

        thread = threading.Thread(target=flood)
        thread.start()
        try:
            assert journal.recv(100) == b"READY=1"
            assert journal.recv(100) == b"WATCHDOG=1"
        finally:
            over.set()
            thread.join()


def test_a_thread_that_dies_ends_the_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever thread it is: the scanner here, which nobody waits for."""

    def die(*_: object) -> None:
        raise RecursionError("a child answered nonsense")

    monkeypatch.setattr(Scanner, "_run", die)
    config = Config(
        device=DeviceConfig(data_dir=str(tmp_path / "data")),
        music=MusicConfig(folders=(str(tmp_path / "music"),)),
        player=PlayerConfig(output="dummy"),
        mqtt=MqttConfig(enabled=False),
        upnp=UpnpConfig(enabled=False),
    )
    with conductor.Conductor(config) as program:
        monkeypatch.setattr(threading, "excepthook", program.thread_died)
        with pytest.raises(ThreadDied, match="nonsense"):
            program.run()


class Stuck:
    """A connection whose end never comes."""

    pid = None

    def __init__(self, _command: object) -> None:
        self.sock, self.far = socket.socketpair()
        self.freed = threading.Event()
        Stuck.last = self

    def close(self) -> str:
        self.freed.wait(20)
        self.sock.close()
        return "at last"

    last: Stuck


def test_a_link_is_alive_until_it_breaks_its_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eye_client, "EyeProcess", Stuck)
    monkeypatch.setattr(eye_client, "LATE_S", 0.0)
    monkeypatch.setattr(eye_client, "CLOSE_S", 0.05)
    monkeypatch.setattr(eye_client, "OPENING_S", 60.0)
    closed = threading.Event()
    one = EyeClient(CameraConfig(), None, lambda _event: closed.set())
    assert one.alive  # off
    one.open()
    supervisor = one._supervisor
    assert supervisor is not None
    until(lambda: supervisor._connection is not None)
    until(lambda: one.alive)
    Stuck.last.far.close()  # the eye is gone, and its end takes too long
    until(lambda: not one.alive)
    Stuck.last.freed.set()
    assert closed.wait(20)
    until(lambda: one.alive)  # it waits for the next try
    one.close()
    Stuck.last.freed.set()
    assert one.join()
    assert one.alive


def test_a_link_whose_thread_died_is_not_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    def die(_self: eye_client.Supervisor) -> str:
        raise RuntimeError("a defect")

    monkeypatch.setattr(eye_client.Supervisor, "_hold", die)
    monkeypatch.setattr(threading, "excepthook", lambda _args: None)
    one = EyeClient(CameraConfig(), None, lambda _event: None)
    one.open()
    assert one.join()
    assert not one.alive


def until(true: object) -> None:
    """Wait, without burning the core, until it is so."""
    pause = threading.Event()
    for _ in range(2000):
        if true():  # type: ignore[operator]
            return
        pause.wait(0.01)
    pytest.fail("it did not come to be")


def locked_kb(limit: int) -> tuple[str, int]:
    """What `keep_private` says under this limit, and how much memory is locked then."""
    code = (
        "import resource, sys\n"
        "try:\n"
        f"    resource.setrlimit(resource.RLIMIT_MEMLOCK, ({limit}, {limit}))\n"
        "except (OSError, ValueError):\n"
        f"    sys.exit({REFUSED})\n"
        "from device.perception.memory_lock import keep_private\n"
        "print(keep_private(), resource.getrlimit(resource.RLIMIT_CORE))\n"
        "held = bytearray(b'x' * 20_000_000)\n"
        "print(next(line for line in open('/proc/self/status') if line.startswith('VmLck')).split()[1])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    if done.returncode == REFUSED:
        pytest.skip("this user may not lock memory without limit")
    words, number = done.stdout.splitlines()
    return words, int(number)


def test_the_eye_locks_its_memory_where_it_may() -> None:
    words, locked = locked_kb(resource.RLIM_INFINITY)
    assert words == "True (0, 0)"
    assert locked >= 19_000


def test_the_eye_does_without_where_it_may_not() -> None:
    assert locked_kb(1 << 20) == ("False (0, 0)", 0)
