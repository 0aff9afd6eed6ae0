"""The analysis worker: a file may crash it, hang it, eat its memory or make it talk nonsense, and costs only itself.

Most tests run the real loop of the child with jobs that misbehave on purpose, chosen by the file's name; the last ones
run the real child with the shipped model.
"""

from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from device.domain import Affect
from device.errors import LibraryError, WorkerError
from device.music.track_mood import FEATURE_BYTES, TrackMood
from device.music.workers import client, protocol
from device.music.workers.analysis_client import AnalysisClient
from device.music.workers.client import LIMITS, ChildProcess, Limits
from tests.audio import tone

ROOT = Path(__file__).resolve().parent.parent
MOOD = TrackMood(
    Affect(0.25, -0.5), 0.7, (0.1, 0.2, 0.3, 0.4), 120.0, b"\0\x3c" + bytes(FEATURE_BYTES - 2), -14.5
)
FIELDS = msgspec.to_builtins(MOOD)
CHILD = f"""
import os, resource, signal, socket, sys, threading
sys.path.insert(0, {str(ROOT)!r})
from device.errors import LibraryError, ModelError
from device.music.workers import analysis_process

MOOD = {FIELDS!r}

def analyse(path):
    with open(os.path.join(os.path.dirname(path), "asked"), "a") as file:
        file.write(f"{{os.getpid()}}\\n")
    path = os.fspath(path)
    name = os.path.basename(path)
    if "crash" in name:
        os.kill(os.getpid(), signal.SIGSEGV)
    if "once" in name and not os.path.exists(path + ".seen"):
        open(path + ".seen", "w").close()
        os.kill(os.getpid(), signal.SIGABRT)
    if "hang" in name:
        threading.Event().wait()
    if "greedy" in name:
        return bytearray(1 << 40)
    if "busy" in name:
        while True:
            pass
    if "bad" in name:
        raise LibraryError(f"{{path}} is damaged")
    if "nonsense" in name:
        return MOOD | {{"tempo_bpm": -7}}
    if "deep" in name:
        analysis_process.process.encode = lambda message: b"[" * 200_000 + b"\\n"
    if "endless" in name:
        analysis_process.process.encode = lambda message: b"x" * (2 << 20)
    if "twofold" in name:
        encode = analysis_process.process.encode
        analysis_process.process.encode = lambda message: 2 * encode(message)
    return MOOD

analysis_process.jobs = lambda models: {{"analyse": analyse}}
if "{{mode}}" == "no model":
    def fail(models):
        raise ModelError("The model is missing; install the models again.")
    analysis_process.jobs = fail
if "{{mode}}" == "no start":
    sys.exit(3)
sys.exit(analysis_process.main())
"""


def child(tmp_path: Path, mode: str = "") -> list[str]:
    script = tmp_path / "child.py"
    script.write_text(CHILD.replace("{mode}", mode))
    return [sys.executable, str(script), "--models", str(tmp_path), "--cpu-s", "1"]


def asked(tmp_path: Path) -> list[str]:
    return (tmp_path / "asked").read_text().split()


def client_of(tmp_path: Path, limits: Limits = LIMITS, mode: str = "") -> AnalysisClient:
    return AnalysisClient(tmp_path, limits=limits, connection=ChildProcess(child(tmp_path, mode), limits))


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[AnalysisClient]:
    with client_of(tmp_path, Limits(wall_s=30, cpu_s=1)) as made:
        yield made


def test_an_answer_comes_back_as_it_was(worker: AnalysisClient, tmp_path: Path) -> None:
    mood = worker.analyse(tmp_path / "song.mp3")
    assert mood == MOOD


def test_one_child_answers_for_many_files(worker: AnalysisClient, tmp_path: Path) -> None:
    assert worker.pid is None
    for number in range(5):
        worker.analyse(tmp_path / f"{number}.mp3")
    assert asked(tmp_path) == [str(worker.pid)] * 5


def test_a_name_that_is_no_utf_8_arrives(worker: AnalysisClient, tmp_path: Path) -> None:
    with pytest.raises(LibraryError, match="damaged"):
        worker.analyse(tmp_path / os.fsdecode(b"bad \xff\xfe.mp3"))


def test_a_sentence_about_a_file_is_not_asked_for_twice(worker: AnalysisClient, tmp_path: Path) -> None:
    with pytest.raises(LibraryError, match=r"bad\.mp3 is damaged"):
        worker.analyse(tmp_path / "bad.mp3")
    assert len(asked(tmp_path)) == 1
    worker.analyse(tmp_path / "good.mp3")
    assert len(set(asked(tmp_path))) == 1


def test_a_crash_costs_two_tries_and_nothing_else(worker: AnalysisClient, tmp_path: Path) -> None:
    with pytest.raises(LibraryError, match=r"crash\.mp3 is left out: the process .* crashed \(SIGSEGV\), in 2 tries"):
        worker.analyse(tmp_path / "crash.mp3")
    assert len(set(asked(tmp_path))) == 2
    worker.analyse(tmp_path / "good.mp3")


def test_the_second_try_may_succeed(worker: AnalysisClient, tmp_path: Path) -> None:
    assert worker.analyse(tmp_path / "once.mp3") == MOOD
    assert len(set(asked(tmp_path))) == 2


def test_a_child_that_was_killed_between_files_is_replaced(worker: AnalysisClient, tmp_path: Path) -> None:
    worker.analyse(tmp_path / "one.mp3")
    assert worker.pid is not None
    os.kill(worker.pid, signal.SIGSEGV)
    worker.analyse(tmp_path / "two.mp3")
    assert len(set(asked(tmp_path))) == 2


def test_a_file_that_hangs_is_given_up(tmp_path: Path) -> None:
    with (
        client_of(tmp_path, Limits(wall_s=0.5)) as worker,
        pytest.raises(LibraryError, match=r"hang\.mp3 .* took longer than 0\.5 s, in 2 tries"),
    ):
        worker.analyse(tmp_path / "hang.mp3")


def test_a_file_that_needs_the_processor_for_ever_is_given_up(worker: AnalysisClient, tmp_path: Path) -> None:
    with pytest.raises(LibraryError, match=r"busy\.mp3 .* took longer than 1 s of processor time, in 2 tries"):
        worker.analyse(tmp_path / "busy.mp3")


def test_a_file_that_needs_too_much_memory_is_given_up(worker: AnalysisClient, tmp_path: Path) -> None:
    with pytest.raises(LibraryError, match=r"greedy\.mp3 .* needed more than 400 MB of memory, in 2 tries"):
        worker.analyse(tmp_path / "greedy.mp3")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nonsense", "tempo_bpm"),
        ("deep", "object"),
        ("endless", "an answer without end"),
    ],
)
def test_no_answer_that_does_not_fit_is_believed(worker: AnalysisClient, tmp_path: Path, name: str, words: str) -> None:
    with pytest.raises(LibraryError, match=rf"{name}\.mp3 is left out: .* nonsense .*{words}"):
        worker.analyse(tmp_path / f"{name}.mp3")
    assert worker.analyse(tmp_path / "good.mp3") == MOOD


def test_an_answer_too_many_is_not_taken_for_that_of_the_next_file(worker: AnalysisClient, tmp_path: Path) -> None:
    worker.analyse(tmp_path / "twofold.mp3")
    with pytest.raises(LibraryError, match=r"bad\.mp3 is damaged"):
        worker.analyse(tmp_path / "bad.mp3")


def test_a_system_that_starts_no_process_is_not_the_fault_of_a_file(
    worker: AnalysisClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    with monkeypatch.context() as patch:
        patch.setattr(client.subprocess, "Popen", refuse)
        with pytest.raises(WorkerError, match="temporarily unavailable"):
            worker.analyse(tmp_path / "song.mp3")
    assert worker.analyse(tmp_path / "song.mp3") == MOOD


def test_a_missing_model_is_not_the_fault_of_a_file(tmp_path: Path) -> None:
    with (
        client_of(tmp_path, mode="no model") as worker,
        pytest.raises(WorkerError, match="model is missing"),
    ):
        worker.analyse(tmp_path / "song.mp3")


def test_a_child_that_does_not_start_is_not_the_fault_of_a_file(tmp_path: Path) -> None:
    with (
        client_of(tmp_path, mode="no start") as worker,
        pytest.raises(WorkerError, match=r"does not start: it ended \(status 3\)"),
    ):
        worker.analyse(tmp_path / "song.mp3")


def test_closing_ends_the_child_and_may_be_repeated(worker: AnalysisClient, tmp_path: Path) -> None:
    worker.close()
    worker.analyse(tmp_path / "song.mp3")
    pid = worker.pid
    assert pid is not None
    worker.close()
    worker.close()
    assert worker.pid is None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    worker.analyse(tmp_path / "song.mp3")


def test_the_child_steps_back_behind_everything(worker: AnalysisClient, tmp_path: Path) -> None:
    worker.analyse(tmp_path / "song.mp3")
    assert worker.pid is not None
    assert os.getpriority(os.PRIO_PROCESS, worker.pid) == 19
    assert os.sched_getscheduler(worker.pid) == os.SCHED_IDLE
    assert resource.prlimit(worker.pid, resource.RLIMIT_DATA)[0] >= 400 << 20
    assert Path(f"/proc/{worker.pid}/oom_score_adj").read_text().strip() == "1000"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("affect", {"valence": 7, "arousal": 0}),
        ("affect", {"valence": 0, "arousal": "0.5"}),
        ("uncertainty", None),
        ("uncertainty", True),
        ("quadrants", [0.5, 0.5]),
        ("quadrants", [0.5, 0.5, None, 0]),
        ("quadrants", [0.5, 0.5, 0, 1.5]),
        ("features", "AAAA"),
        ("features", "xyz"),
        ("loudness_lufs", 1e9),
        ("tempo_bpm", None),
    ],
)
def test_an_answer_is_checked_field_by_field(key: str, value: object) -> None:
    right = protocol.encode(protocol.Answer(FIELDS))
    assert protocol.decode_answer(right, TrackMood) == protocol.Answer(MOOD)
    with pytest.raises(ValueError, match=r".+"):
        protocol.decode_answer(protocol.encode(protocol.Answer(FIELDS | {key: value})), TrackMood)


@pytest.mark.parametrize(
    "line",
    [b"", b"\xff\xfe", b"[" * 200_000, b'{"type":"problem","more":' + b"[" * 200_000, b'{"type":"ready"}', b"null",
     b'{"type":"problem","kind":"file","text":"' + b"x" * 2000 + b'"}', b'{"type":"answer","value":NaN}'],
)  # fmt: skip
def test_whatever_a_line_holds_it_is_an_error_of_one_kind(line: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        protocol.decode_answer(line, TrackMood)


def test_the_real_child_analyses_with_the_shipped_model(models_dir: Path, tmp_path: Path) -> None:
    with AnalysisClient(models_dir) as worker:
        with pytest.raises(LibraryError, match=r"gone\.mp3 cannot be read: no such file"):
            worker.analyse(tmp_path / "gone.mp3")
        first = worker.analyse(tone(tmp_path / "tone.wav", 3.0))
        assert worker.pid is not None
        os.kill(worker.pid, signal.SIGSEGV)
        assert worker.analyse(tmp_path / "tone.wav") == first


LIBRARIES = """
import mmap
from device.music.workers.limits import limit_memory, more_libraries
aside = lambda mb: mmap.mmap(-1, mb << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
def refused(mb):
    try:
        bytearray(mb << 20)
    except MemoryError:
        return True
    return False
first = aside(600)
limit_memory(100)
print(refused(50), refused(200))
with more_libraries():
    second = aside(300)
print(refused(50), refused(200))
"""


def test_what_libraries_set_aside_does_not_count() -> None:
    """On ARM, OpenBLAS alone takes 240 MB that it does not use."""
    done = subprocess.run([sys.executable, "-c", LIBRARIES], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.split() == ["False", "True"] * 2
