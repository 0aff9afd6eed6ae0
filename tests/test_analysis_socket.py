"""The analysis behind a socket: `systemd-socket-activate` is played by a thread that starts the child of
test_analysis_client.py at each connection, as `Accept=yes` does."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from device.errors import LibraryError, WorkerError
from device.music.workers.analysis_socket import SocketAnalysisClient
from device.music.workers.client import Limits
from tests.audio import tone
from tests.test_analysis_client import MOOD, asked, child


class Activation:
    """Starts `command` with `--fd N` for each connection to `path`; `children` are all that it started."""

    def __init__(self, path: Path, command: list[str]) -> None:
        self.children: list[subprocess.Popen[bytes]] = []
        self._command = command
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(path))
        self._listening.listen()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        with suppress(OSError):  # closed
            while True:
                sock, _address = self._listening.accept()
                with sock:
                    number = sock.fileno()
                    command = [*self._command, "--fd", str(number)]
                    self.children.append(subprocess.Popen(command, pass_fds=[number]))

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join()
        for one in self.children:
            one.kill()
            one.wait()


@pytest.fixture
def activation(tmp_path: Path) -> Iterator[Activation]:
    with closing(Activation(tmp_path / "scan.sock", child(tmp_path))) as made:
        yield made


@pytest.fixture
def worker(activation: Activation, tmp_path: Path) -> Iterator[SocketAnalysisClient]:
    with SocketAnalysisClient(tmp_path / "scan.sock", limits=Limits(wall_s=300, cpu_s=1)) as made:
        yield made


def test_one_process_answers_for_many_files(
    worker: SocketAnalysisClient, activation: Activation, tmp_path: Path
) -> None:
    for number in range(3):
        assert worker.analyse(tmp_path / f"{number}.mp3") == MOOD
    assert len(set(asked(tmp_path))) == 1
    with pytest.raises(LibraryError, match=r"bad\.mp3 is damaged"):
        worker.analyse(tmp_path / "bad.mp3")
    assert len(activation.children) == 1


def test_a_crash_costs_two_tries_and_nothing_else(worker: SocketAnalysisClient, tmp_path: Path) -> None:
    with pytest.raises(LibraryError, match=r"crash\.mp3 is left out: the process that reads it ended .* in 2 tries"):
        worker.analyse(tmp_path / "crash.mp3")
    assert len(set(asked(tmp_path))) == 2
    assert worker.analyse(tmp_path / "once.mp3") == MOOD


def test_a_file_that_hangs_is_given_up(activation: Activation, tmp_path: Path) -> None:
    with (
        SocketAnalysisClient(tmp_path / "scan.sock", limits=Limits(wall_s=0.5)) as worker,
        pytest.raises(LibraryError, match=r"hang\.mp3 .* took longer than 0\.5 s"),
    ):
        worker.analyse(tmp_path / "hang.mp3")


def test_hanging_up_ends_the_process_and_may_be_repeated(
    worker: SocketAnalysisClient, activation: Activation, tmp_path: Path
) -> None:
    worker.analyse(tmp_path / "song.mp3")
    worker.close()
    worker.close()
    assert activation.children[0].wait(20) == 0
    worker.analyse(tmp_path / "song.mp3")
    assert len(activation.children) == 2


def test_nobody_there_is_not_the_fault_of_a_file(tmp_path: Path) -> None:
    with (
        SocketAnalysisClient(tmp_path / "nobody.sock") as worker,
        pytest.raises(WorkerError, match=r"affetto-scan\.socket"),
    ):
        worker.analyse(tmp_path / "song.mp3")


@pytest.mark.slow
def test_the_real_process_analyses_as_the_unit_starts_it(models_dir: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "device.music.workers.analysis_process", "--models", str(models_dir)]
    with closing(Activation(tmp_path / "scan.sock", command)), SocketAnalysisClient(tmp_path / "scan.sock") as worker:
        assert worker.analyse(tone(tmp_path / "tone.wav", 3.0)).uncertainty > 0
