"""The scanner's loop and the analysis queue: expected failures are said and tried again, others end the thread."""

from __future__ import annotations

import queue
import resource
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import audio
import pytest

from device.config.schema import MusicConfig
from device.domain import Affect, Event, LibraryLoaded, MoodName, Track
from device.errors import LibraryError, ModelError, WorkerError
from device.music.library import analysis_queue, scan_loop, scanner
from device.music.library.analysis_queue import AnalysisQueue, AnalysisResult
from device.music.library.catalogue import Catalogue
from device.music.library.files.mounts import MountWatch
from device.music.library.scanner import Prepare, ScanLoop, Scanner
from device.music.track_mood import FEATURE_BYTES, TrackMood
from device.music.workers.analysis_client import AnalysisClient
from device.music.workers.client import ChildProcess, Limits
from device.music.workers.tag_client import read_here

FOUND = TrackMood(Affect(-0.7, -0.4), 0.3, (0.1, 0.1, 0.7, 0.1), 80.0, bytes(FEATURE_BYTES), -20.0)
PATIENCE_S = 30.0


class FakeAnalyser:
    """Answers at once with what `answers` has for a file's name, or else with `FOUND`."""

    pid = None

    def __init__(self, **answers: Exception) -> None:
        self.answers, self.asked = answers, list[str]()

    def analyse(self, path: Path) -> TrackMood:
        self.asked.append(path.stem)
        if path.stem in self.answers:
            raise self.answers[path.stem]
        return FOUND

    def close(self) -> None:
        pass


def result_of(analysis: AnalysisQueue, path: Path) -> AnalysisResult:
    analysis.ask("key", path)
    deadline = time.monotonic() + PATIENCE_S
    while (result := analysis.result()) is None:
        assert time.monotonic() < deadline
        threading.Event().wait(0.005)
    return result


def client_of(command: list[str]) -> AnalysisClient:
    limits = Limits(wall_s=20.0)
    return AnalysisClient(Path(), limits=limits, connection=ChildProcess(command, limits))


# --- The queue ---


def test_each_failure_concerns_the_file_the_disk_or_the_process(tmp_path: Path) -> None:
    for name in ("bad", "disk", "process", "good"):
        (tmp_path / f"{name}.wav").touch()
    fake = FakeAnalyser(
        bad=LibraryError("bad.wav is damaged"), disk=OSError("I/O error"), process=WorkerError("It does not start."),
        gone=LibraryError("gone.wav cannot be read"),
    )  # fmt: skip
    with closing(AnalysisQueue(fake, lambda: None)) as analysis:
        results = [result_of(analysis, tmp_path / f"{name}.wav") for name in ("bad", "disk", "process", "gone", "good")]
        assert analysis.alive
    assert results == [
        AnalysisResult("key", file_problem="bad.wav is damaged"),
        AnalysisResult("key"),
        AnalysisResult("key", problem="It does not start."),
        AnalysisResult("key"),
        AnalysisResult("key", FOUND),
    ]
    assert not analysis.alive


def test_a_process_that_cannot_be_started_leaves_the_thread_alive(tmp_path: Path) -> None:
    client = client_of([str(tmp_path / "nothing")])
    with closing(AnalysisQueue(client, lambda: None)) as analysis:
        for _ in range(2):
            assert "cannot start" in result_of(analysis, tmp_path).problem
        assert analysis.alive


def test_no_open_file_left_leaves_the_thread_alive(tmp_path: Path) -> None:
    (tmp_path / "a.wav").touch()
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    client = client_of([sys.executable, "-c", ""])
    with closing(AnalysisQueue(client, lambda: None)) as analysis:
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, limits[1]))
        try:
            result = result_of(analysis, tmp_path / "a.wav")
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        assert result.problem
        assert analysis.alive


NESTED = """
import socket, sys
sock = socket.socket(fileno=int(sys.argv[sys.argv.index("--fd") + 1]))
sock.sendall(b'{"type":"ready"}\\n')
sock.recv(4096)
sock.sendall(ANSWER + b"\\n")
sock.recv(1)
"""


@pytest.mark.parametrize("answer", [
    'b"[" * 200_000', """b'{"type":"answer","value":' + b"[" * 200_000""", """b'{"x":' + b"[" * 200_000""",
    """b'{"type":"answer","value":' + b'{"a":' * 200_000""", r'b"\xff\xfe"', 'b"null"', "b'1e999'", "b''",
])  # fmt: skip
def test_an_answer_that_is_none_is_the_files_fault(tmp_path: Path, answer: str) -> None:
    path = audio.tone(tmp_path / "a.wav", 0.05)
    command = [sys.executable, "-c", NESTED.replace("ANSWER", f"({answer})")]
    with closing(AnalysisQueue(client_of(command), lambda: None)) as analysis:
        result = result_of(analysis, path)
        assert "a.wav" in result.file_problem
        assert analysis.alive


def test_a_defect_is_not_swallowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`threading.excepthook` is where the conductor learns of it."""
    seen: queue.SimpleQueue[object] = queue.SimpleQueue()
    monkeypatch.setattr(threading, "excepthook", lambda args: seen.put(args.exc_value))
    with closing(AnalysisQueue(FakeAnalyser(a=ZeroDivisionError()), lambda: None)) as analysis:
        analysis.ask("key", tmp_path / "a.wav")
        assert isinstance(seen.get(timeout=PATIENCE_S), ZeroDivisionError)
        analysis._thread.join(PATIENCE_S)
        assert not analysis.alive


def test_a_request_without_a_result_is_stuck_in_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()
    fake = FakeAnalyser()
    fake.analyse = lambda path: release.wait(PATIENCE_S) and FOUND  # type: ignore[method-assign, assignment]
    with closing(AnalysisQueue(fake, lambda: None)) as analysis:
        analysis.ask("key", tmp_path)
        assert analysis.alive
        monkeypatch.setattr(analysis_queue, "STUCK_S", -1.0)
        assert not analysis.alive
        release.set()


# --- The loop, step by step ---


class Bench:
    """A loop whose steps the test takes; `published` is what it put into the inbox."""

    def __init__(self, catalogue: Catalogue, fake: FakeAnalyser, music: Path, prepare: Prepare | None = None) -> None:
        self.published: list[LibraryLoaded] = []
        self.corrections: queue.SimpleQueue[tuple[str, MoodName | None]] = queue.SimpleQueue()
        self.watch = MountWatch()
        self.analysis = AnalysisQueue(fake, self.watch.wake)
        self.loop = ScanLoop(
            catalogue, self.analysis, self.watch, [music], self._put, self.corrections, prepare
        )  # fmt: skip

    def _put(self, event: Event) -> None:
        assert isinstance(event, LibraryLoaded)
        self.published.append(event)

    def analyse(self, until: Callable[[], bool]) -> None:
        """Take steps of the analysis until `until`."""
        deadline = time.monotonic() + PATIENCE_S
        while not until():
            assert time.monotonic() < deadline
            self.loop.analyse("model")
            self.watch.wait(0.005)

    def close(self) -> None:
        self.analysis.close()
        self.watch.close()


@pytest.fixture
def music(tmp_path: Path) -> Path:
    for number, name in enumerate(("a", "b", "c")):
        audio.tone(tmp_path / "music" / f"{name}.wav", 0.05, 300 + 50 * number)
    return tmp_path / "music"


@pytest.fixture
def catalogue(tmp_path: Path) -> Iterator[Catalogue]:
    with closing(Catalogue.open(tmp_path / "data", read_here)) as opened:
        yield opened


def test_only_the_end_of_a_scan_says_that_there_is_no_music(
    catalogue: Catalogue, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scan_loop, "FIRST_PUBLISH_S", 0.0)
    with closing(Bench(catalogue, FakeAnalyser(), music)) as bench:
        bench.loop.scan(3600.0)
        assert [len(one.tracks) for one in bench.published] == [3]
    with closing(Catalogue.open(music.parent / "empty", read_here)) as empty:
        with closing(Bench(empty, FakeAnalyser(), music.parent / "empty")) as bench:
            bench.loop.scan(3600.0)
        [only] = bench.published
        assert "There is no music in" in only.problems[0]


def test_a_file_that_is_gone_does_not_keep_the_others_waiting(catalogue: Catalogue, music: Path) -> None:
    fake = FakeAnalyser(a=LibraryError("a.wav cannot be read"), b=OSError("I/O error"))
    with closing(Bench(catalogue, fake, music)) as bench:
        bench.loop.scan(3600.0)
        (music / "a.wav").unlink()
        bench.analyse(lambda: catalogue.count_analysed("model")[0] == 1 and len(fake.asked) == 3)
        assert sorted(fake.asked) == ["a", "b", "c"], "and is asked for once until the next scan"
        assert bench.published[-1].problems == ()


def test_analysis_that_fails_for_all_is_a_problem_and_tried_again_less_and_less(
    catalogue: Catalogue, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = WorkerError("The process that reads music files does not start.")
    fake = FakeAnalyser(a=broken, b=broken, c=broken)
    with closing(Bench(catalogue, fake, music)) as bench:
        bench.loop.scan(3600.0)
        now = time.monotonic()
        monkeypatch.setattr(scan_loop.time, "monotonic", lambda: now)
        waits = []
        for tries in range(1, 5):
            bench.loop.analyse("model")
            while bench.analysis.busy:
                bench.watch.wait(0.005)
                bench.loop.analyse("model")
            assert len(fake.asked) == tries
            assert bench.published[-1].problems == (str(broken),)
            assert len(bench.published[-1].tracks) == 3, "the music plays"
            bench.loop.analyse("model")
            assert len(fake.asked) == tries, "not yet"
            waits.append(bench.loop._analyse_at - now)
            now = bench.loop._analyse_at
        assert waits == pytest.approx([30.0, 60.0, 120.0, 240.0])
        fake.answers.clear()
        monkeypatch.undo()
        bench.loop._analyse_at = 0.0
        bench.analyse(lambda: catalogue.count_analysed("model") == (3, 3))
        assert bench.published[-1].problems == ()


def test_a_scan_that_cannot_read_any_tags_is_tried_again_soon(tmp_path: Path, music: Path) -> None:
    asked: list[Path] = []

    def fail(path: Path) -> object:
        asked.append(path)
        raise WorkerError("The process that reads music files does not start.")

    with closing(Catalogue.open(tmp_path / "data", fail)) as catalogue:  # type: ignore[arg-type]
        with closing(Bench(catalogue, FakeAnalyser(), music)) as bench:
            assert [bench.loop.scan(100.0) for _ in range(3)] == [30.0, 60.0, 100.0]
            assert len(asked) == 3, "once in each scan, not once for each file"
            assert "does not start" in bench.published[-1].problems[0]
        catalogue._reader._tags = read_here
        with closing(Bench(catalogue, FakeAnalyser(), music)) as bench:
            assert bench.loop.scan(100.0) == 100.0
            assert bench.published[-1].problems == ()


def test_a_mood_that_cannot_be_saved_now_is_saved_later(tmp_path: Path, catalogue: Catalogue, music: Path) -> None:
    with closing(Bench(catalogue, FakeAnalyser(), music)) as bench:
        bench.loop.scan(3600.0)
        track = bench.published[-1].tracks[0]
        catalogue._database._sql.db.execute("PRAGMA busy_timeout = 1")
        other = sqlite3.connect(tmp_path / "data" / "catalogue.db")
        other.execute("BEGIN IMMEDIATE")
        bench.corrections.put((track.key, MoodName.ANGRY))
        bench.loop._obey()
        other.rollback()
        other.close()
        bench.loop._obey()
        assert MoodName.ANGRY in {one.mood for one in bench.published[-1].tracks}


def test_what_choosing_needs_is_prepared_on_this_thread_and_only_for_other_tracks(
    catalogue: Catalogue, music: Path
) -> None:
    prepared: list[tuple[Track, ...]] = []

    def prepare(tracks: tuple[Track, ...]) -> object:
        prepared.append(tracks)
        return len(prepared)

    with closing(Bench(catalogue, FakeAnalyser(), music, prepare)) as bench:
        bench.loop.publish()
        bench.loop.scan(3600.0)
        (music / "broken.mp3").write_bytes(b"")
        bench.loop.scan(3600.0)
        bench.loop.scan(3600.0)
    assert [(len(one.tracks), len(one.notes), one.index) for one in bench.published] == [
        (0, 0, 1),
        (3, 0, 2),
        (3, 1, 2),
    ]
    assert [len(tracks) for tracks in prepared] == [0, 3]


def test_a_missing_model_is_a_problem_until_it_is_there(catalogue: Catalogue, music: Path) -> None:
    def missing() -> str:
        raise ModelError("models/music_mood.json is missing.")

    with closing(Bench(catalogue, FakeAnalyser(), music)) as bench:
        bench.loop.scan(3600.0)
        assert bench.loop.begin_analysis(missing) == ""
        assert bench.published[-1].problems == ("Affetto cannot analyse music: models/music_mood.json is missing.",)
        bench.loop.analyse("")
        assert not bench.analysis.busy
        assert bench.loop.begin_analysis(lambda: "model") == "model"
        assert bench.published[-1].problems == ()
        bench.loop.analyse("model")
        assert bench.analysis.busy


# --- Alive ---


def test_alive_says_whether_the_thread_works(tmp_path: Path, models_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    died = threading.Event()
    monkeypatch.setattr(threading, "excepthook", lambda _: died.set())
    published: queue.SimpleQueue[Event] = queue.SimpleQueue()
    config = MusicConfig(folders=(str(tmp_path),))
    made = Scanner(config, tmp_path / "data", models_dir, published.put, FakeAnalyser())
    assert made.alive, "before it is started"
    made.start()
    published.get(timeout=PATIENCE_S)
    assert made.alive
    monkeypatch.setattr(scan_loop, "STUCK_S", -1.0)
    assert not made.alive, "a step takes too long"
    monkeypatch.setattr(scanner, "_waits_for_disk", lambda thread: True)
    assert made.alive, "but it waits for a disk"
    monkeypatch.undo()
    made.close()
    assert made.alive, "it was asked to end"

    monkeypatch.setattr(threading, "excepthook", lambda _: died.set())

    def defect(_: Event) -> None:
        raise ZeroDivisionError

    broken = Scanner(config, tmp_path / "data", models_dir, defect, FakeAnalyser())
    broken.start()
    assert died.wait(PATIENCE_S)
    broken._thread.join(PATIENCE_S)
    assert not broken.alive
    broken.close()


def test_a_thread_that_runs_does_not_wait_for_a_disk() -> None:
    assert not scanner._waits_for_disk(threading.get_native_id())
    assert not scanner._waits_for_disk(None)
