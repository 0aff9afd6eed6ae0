"""The analysis worker: a file may crash it, hang it, eat its memory or make it talk nonsense, and costs only itself.

Most tests run the real loop of the child with jobs that misbehave on purpose, chosen by the file's name; the last ones
run the real child with the shipped model.
"""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from device.errors import LibraryError, ModelError
from device.music.track_mood import FEATURE_BYTES, TrackMood, from_json, to_json
from device.music.workers.analysis_client import AnalysisClient, Limits
from tests.audio import tone

ROOT = Path(__file__).resolve().parent.parent
MOOD = {
    "valence": 0.25,
    "arousal": -0.5,
    "uncertainty": 0.7,
    "quadrants": [0.1, 0.2, 0.3, 0.4],
    "tempo_bpm": 120.0,
    "features": "003c" + "00" * (FEATURE_BYTES - 2),
    "loudness_lufs": -14.5,
}
CHILD = f"""
import os, resource, signal, socket, sys, threading
sys.path.insert(0, {str(ROOT)!r})
from device.errors import LibraryError, ModelError
from device.music.workers import analysis_process

MOOD = {MOOD!r}

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
        return MOOD | {{"valence": 7}}
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


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[AnalysisClient]:
    with AnalysisClient(tmp_path, limits=Limits(wall_s=30, cpu_s=1), command=child(tmp_path)) as made:
        yield made


def test_an_answer_comes_back_as_it_was(worker: AnalysisClient, tmp_path: Path) -> None:
    mood = worker.analyse(tmp_path / "song.mp3")
    assert to_json(mood) == MOOD
    assert isinstance(mood, TrackMood)


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
    with pytest.raises(LibraryError, match=r"crash\.mp3 crashed the analysis \(SIGSEGV\) twice and is left out"):
        worker.analyse(tmp_path / "crash.mp3")
    assert len(set(asked(tmp_path))) == 2
    worker.analyse(tmp_path / "good.mp3")


def test_the_second_try_may_succeed(worker: AnalysisClient, tmp_path: Path) -> None:
    assert to_json(worker.analyse(tmp_path / "once.mp3")) == MOOD
    assert len(set(asked(tmp_path))) == 2


def test_a_child_that_was_killed_between_files_is_replaced(worker: AnalysisClient, tmp_path: Path) -> None:
    worker.analyse(tmp_path / "one.mp3")
    assert worker.pid is not None
    os.kill(worker.pid, signal.SIGSEGV)
    worker.analyse(tmp_path / "two.mp3")
    assert len(set(asked(tmp_path))) == 2


def test_a_file_that_hangs_is_given_up(tmp_path: Path) -> None:
    with (
        AnalysisClient(tmp_path, limits=Limits(wall_s=0.5), command=child(tmp_path)) as worker,
        pytest.raises(LibraryError, match=r"hang\.mp3 took longer than 0\.5 s twice"),
    ):
        worker.analyse(tmp_path / "hang.mp3")


def test_a_file_that_needs_the_processor_for_ever_is_given_up(worker: AnalysisClient, tmp_path: Path) -> None:
    with pytest.raises(LibraryError, match=r"busy\.mp3 took longer than 1 s of processor time twice"):
        worker.analyse(tmp_path / "busy.mp3")


def test_a_file_that_needs_too_much_memory_is_given_up(worker: AnalysisClient, tmp_path: Path) -> None:
    with pytest.raises(LibraryError, match=r"greedy\.mp3 needed more than 400 MB of memory twice"):
        worker.analyse(tmp_path / "greedy.mp3")


def test_nonsense_is_not_believed(worker: AnalysisClient, tmp_path: Path) -> None:
    with pytest.raises(LibraryError, match=r"nonsense\.mp3 made the analysis talk nonsense \(7 is not from -1 to 1\)"):
        worker.analyse(tmp_path / "nonsense.mp3")


def test_a_missing_model_is_not_the_fault_of_a_file(tmp_path: Path) -> None:
    with (
        AnalysisClient(tmp_path, command=child(tmp_path, "no model")) as worker,
        pytest.raises(ModelError, match="model is missing"),
    ):
        worker.analyse(tmp_path / "song.mp3")


def test_a_child_that_does_not_start_is_not_the_fault_of_a_file(tmp_path: Path) -> None:
    with (
        AnalysisClient(tmp_path, command=child(tmp_path, "no start")) as worker,
        pytest.raises(ModelError, match=r"cannot start: its process ended the analysis \(status 3\)"),
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
        ("valence", float("nan")),
        ("arousal", "0.5"),
        ("uncertainty", True),
        ("quadrants", [0.5, 0.5]),
        ("quadrants", [0.5, 0.5, None, 0]),
        ("features", "00"),
        ("features", "xyz"),
        ("loudness_lufs", 1e9),
        ("tempo_bpm", None),
    ],
)
def test_an_answer_is_checked_number_by_number(key: str, value: object) -> None:
    with pytest.raises(ValueError, match=r".+"):
        from_json(MOOD | {key: value})
    assert from_json(MOOD | {"loudness_lufs": None}).loudness_lufs is None


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
